import { createHash, randomUUID } from 'node:crypto'
import { basename, join } from 'node:path'
import { writeCorrection } from '../engine/cube/corrected-cube'
import { formatReference, parseReference } from '../engine/cube/reference'
import type { CubeEntry } from '../shared/contract'
import type { BandStatistics, CubeCorrections, CubeDescription, MaskDescription } from '../shared/cube'
import type { OverviewFile, PixelWindow } from '../shared/engine-contract'
import { CuvetteError } from '../shared/problem'
import type { Engines } from './engines'
import type { EventStream } from './events'
import { makeFolder } from './folders'
import type { Grants } from './grants'
import { requireFullPath } from './grants'
import type { Project, SavedCube } from './project'
import type { Overviews } from './overviews'
import { versionCounter } from './versions'

/** An open cube: what the page sees, and the references the engine reads. */
interface OpenCube {
  saved: SavedCube
  entry: CubeEntry
  overview: OverviewFile | null
}

/** The cubes of the project with their masks. */
export class Cubes {
  private readonly open = new Map<string, OpenCube>()
  private reopening: Promise<void> = Promise.resolve()
  private readonly nextVersion = versionCounter()

  constructor(
    private readonly project: Project,
    private readonly engines: Engines,
    private readonly grants: Grants,
    private readonly events: EventStream,
    private readonly overviews: Overviews,
  ) {}

  /** Begins to reopen what the project held; `list` waits for it. */
  boot(): void {
    this.reopening = this.reopenAll()
  }

  /** In the order of the project. */
  async list(): Promise<CubeEntry[]> {
    await this.reopening
    return this.project.content.cubes.flatMap(({ id }) => this.open.get(id)?.entry ?? [])
  }

  /** Opens the cube, or gives the entry of the one that is open already. */
  async openCube(reference: string): Promise<CubeEntry> {
    await this.reopening
    const path = await this.requireReference(reference)
    const description = await this.describe(path)
    await this.grants.remember(description.path)
    const known = this.project.content.cubes.find((cube) => cube.reference === path || cube.reference === formatReference(description))
    if (known) {
      return await this.begin(known, known.corrections ? await this.describeSaved(known) : description)
    }
    const saved: SavedCube = { id: randomUUID().slice(0, 8), reference: formatReference(description), mask: description.mask ? formatReference(description.mask) : null }
    // Entered before anything else is waited for: the same cube may be opened twice at once.
    this.project.content.cubes.push(saved)
    this.project.changed()
    return await this.begin(saved, description)
  }

  async close(cubeId: string): Promise<void> {
    const { saved } = this.require(cubeId)
    this.open.delete(cubeId)
    this.project.content.cubes = this.project.content.cubes.filter((cube) => cube.id !== cubeId)
    this.project.changed()
    this.events.emit('cube-closed', { cubeId })
    // An engine that was lost has nothing open.
    await this.engines.browse.call('cube.release', { reference: this.sourceOf(saved) }).catch(() => undefined)
  }

  async attachMask(cubeId: string, reference: string): Promise<CubeEntry> {
    const cube = this.require(cubeId)
    const path = await this.requireReference(reference)
    const [lines, samples] = cube.entry.description.shape
    const mask = await this.engines.browse.call('mask.describe', { reference: path, shape: [lines, samples] })
    await this.grants.remember(mask.path)
    return this.setMask(this.require(cubeId), formatReference(mask), mask)
  }

  async detachMask(cubeId: string): Promise<CubeEntry> {
    return this.setMask(this.require(cubeId), null, null)
  }

  /** Says of a cube what its file does not, or says wrongly; null goes back to the file. The file itself is left alone. */
  async correct(cubeId: string, corrections: CubeCorrections | null): Promise<CubeEntry> {
    const { saved } = this.require(cubeId)
    const before = this.sourceOf(saved)
    const said = corrections && Object.keys(corrections).length > 0 ? corrections : null
    const next: SavedCube = { ...saved, corrections: said }
    // Refuses what does not fit the cube before anything is changed.
    const description = await this.describeSaved(next)
    this.require(cubeId).saved.corrections = said
    this.project.changed()
    await this.engines.browse.call('cube.release', { reference: before }).catch(() => undefined)
    return await this.begin(saved, description)
  }

  /** What the engine opens: the cube's file, or the file with corrections of it. Each set of corrections has a file of its own, which runs keep. */
  sourceOf({ id, reference, corrections }: SavedCube): string {
    if (!corrections) return reference
    const name = createHash('sha256').update(JSON.stringify([reference, corrections])).digest('hex').slice(0, 12)
    return join(this.project.correctionsFolder, `${id}-${name}.cube.json`)
  }

  async bandStatistics(cubeId: string, bands: number[]): Promise<BandStatistics[]> {
    const { saved, entry, overview } = this.require(cubeId)
    requireBands(entry, bands)
    return await this.engines.browse.call('cube.bandStatistics', { reference: this.sourceOf(saved), bands, stride: entry.quickStride, overview })
  }

  /** null where the file holds no-data or a number that is not finite. */
  async spectrum(cubeId: string, line: number, sample: number): Promise<(number | null)[]> {
    const { saved, entry } = this.require(cubeId)
    const [lines, samples] = entry.description.shape
    if (line >= lines || sample >= samples) {
      throw new CuvetteError('bad-argument', `The pixel at line ${line}, sample ${sample} is outside ${entry.name}, which has ${lines} lines and ${samples} samples.`)
    }
    const { values } = await this.engines.browse.call('cube.spectrum', { reference: this.sourceOf(saved), line, sample })
    return Array.from(values, (value) => (Number.isFinite(value) ? value : null))
  }

  /** Every stride-th line and sample of a window of one band, default the whole image: [ceil(lines/stride), ceil(samples/stride)]. */
  async band(cubeId: string, band: number, stride: number, window: PixelWindow | null, signal: AbortSignal): Promise<{ shape: [number, number]; values: Float32Array }> {
    const { saved, entry, overview } = this.require(cubeId)
    requireBands(entry, [band])
    if (window) requireWindow(entry, window, stride)
    return await this.engines.browse.call('cube.band', { reference: this.sourceOf(saved), band, stride, window, overview }, { signal })
  }

  /** Class ids [H, W]; throws 'missing-file' when the cube has no mask. */
  async mask(cubeId: string, signal: AbortSignal): Promise<{ shape: [number, number]; values: Uint8Array }> {
    const { saved, entry } = this.require(cubeId)
    if (saved.mask === null) throw new CuvetteError('missing-file', `${entry.name} has no mask: attach one first.`)
    const [lines, samples] = entry.description.shape
    return await this.engines.browse.call('mask.read', { reference: saved.mask, shape: [lines, samples] }, { signal })
  }

  has(cubeId: string): boolean {
    return this.open.has(cubeId)
  }

  /** Throws 'bad-argument' when no such cube is open. */
  require(cubeId: string): OpenCube {
    const cube = this.open.get(cubeId)
    if (!cube) throw new CuvetteError('bad-argument', `No cube with the id "${cubeId}" is open.`)
    return cube
  }

  private async reopenAll(): Promise<void> {
    for (const saved of this.project.content.cubes) {
      try {
        await this.requireGranted(saved.reference)
        if (saved.mask !== null) await this.requireGranted(saved.mask)
        await this.begin(saved, await this.describeSaved(saved))
      } catch (error) {
        this.project.note(error)
      }
    }
  }

  /** The cube with its corrections, whose file is written where it is not there yet. */
  private async describeSaved(saved: SavedCube): Promise<CubeDescription> {
    const source = this.sourceOf(saved)
    if (saved.corrections) {
      await makeFolder(this.project.correctionsFolder)
      await writeCorrection(source, saved.reference, saved.corrections)
    }
    return await this.describe(source)
  }

  private describe(reference: string): Promise<CubeDescription> {
    return this.engines.browse.call('cube.describe', { reference })
  }

  /** Enters a cube that was opened; where its bands are slow, a coarse picture serves until there is an overview. */
  private async begin(saved: SavedCube, description: CubeDescription): Promise<CubeEntry> {
    const source = this.sourceOf(saved)
    const { quickStride, overviewStride } = await this.engines.browse.call('cube.reading', { reference: source })
    const entry = this.enter({ saved, entry: await this.entryOf(saved, description, quickStride), overview: null })
    if (overviewStride !== null) {
      this.overviews.begin(source, entry.name, (overview) => {
        const cube = this.open.get(entry.id)
        if (cube?.saved === saved && this.sourceOf(saved) === source) this.enter({ saved, entry: { ...cube.entry, quickStride: overview.stride, version: this.nextVersion() }, overview })
      })
    }
    return entry
  }

  private async entryOf(saved: SavedCube, description: CubeDescription, quickStride: number): Promise<CubeEntry> {
    const name = description.variable === null ? basename(description.path) : `${basename(description.path)}#${description.variable}`
    return { id: saved.id, name, description, mask: await this.maskOf(saved, description), quickStride, corrections: saved.corrections ?? null, version: this.nextVersion() }
  }

  /** A mask that cannot be read any more must not keep its cube closed. */
  private async maskOf(saved: SavedCube, description: CubeDescription): Promise<MaskDescription | null> {
    if (saved.mask === null) return null
    if (description.mask && formatReference(description.mask) === saved.mask) return description.mask
    const [lines, samples] = description.shape
    try {
      return await this.engines.browse.call('mask.describe', { reference: saved.mask, shape: [lines, samples] })
    } catch (error) {
      this.project.note(error)
      return null
    }
  }

  private setMask(cube: OpenCube, reference: string | null, mask: MaskDescription | null): CubeEntry {
    cube.saved.mask = reference
    this.project.changed()
    return this.enter({ ...cube, entry: { ...cube.entry, mask, version: this.nextVersion() } })
  }

  private enter(cube: OpenCube): CubeEntry {
    this.open.set(cube.entry.id, cube)
    this.events.emit('cube', cube.entry)
    return cube.entry
  }

  private async requireReference(reference: string): Promise<string> {
    const { path, variable } = parseReference(requireFullPath(reference))
    return formatReference({ path: await this.grants.require(path), variable })
  }

  /** Without asking: at the start nobody has done anything yet that a question could be about. */
  private async requireGranted(reference: string): Promise<void> {
    const { path } = parseReference(reference)
    if (await this.grants.allows(path)) return
    throw new CuvetteError('not-granted', `${path} belongs to this project but lies outside it: open the file once to allow it.`, { path })
  }
}

function requireBands(entry: CubeEntry, bands: number[]): void {
  const count = entry.description.shape[2]
  const outside = bands.find((band) => !Number.isInteger(band) || band < 0 || band >= count)
  if (outside !== undefined) throw new CuvetteError('bad-argument', `${entry.name} has no band ${outside}: its ${count} bands are 0 to ${count - 1}.`)
}

function requireWindow({ name, description: { shape } }: CubeEntry, { line, sample, lines, samples }: PixelWindow, stride: number): void {
  const inside = lines > 0 && samples > 0 && line + lines <= shape[0] && sample + samples <= shape[1]
  if (inside && line % stride === 0 && sample % stride === 0) return
  throw new CuvetteError('bad-argument', `The window at line ${line}, sample ${sample} with ${lines} lines and ${samples} samples does not lie inside ${name}, which has ${shape[0]} x ${shape[1]} pixels, or does not begin on multiples of the stride ${stride}.`)
}
