import { createHash, randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { writeCorrection } from '../engine/cube/corrected-cube'
import { writeNamedMask } from '../engine/cube/named-mask'
import { formatReference, parseReference } from '../engine/cube/reference'
import { bandStride } from '../shared/band-stride'
import type { CubeEntry, LostCube, SavedHeader, SpectralSource } from '../shared/contract'
import type { BandStatistics, ClassCorrection, CubeCorrections, CubeDescription, DetectedBand, Fingerprint, MaskDescription, SpectralAxis } from '../shared/cube'
import type { OverviewFile, PixelWindow } from '../shared/engine-contract'
import type { Problem } from '../shared/problem'
import { CuvetteError, toProblem } from '../shared/problem'
import type { Engines } from './engines'
import type { EventStream } from './events'
import { makeFolder } from './folders'
import type { Grants } from './grants'
import { requireFullPath } from './grants'
import type { Jobs } from './jobs'
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
  /** Why cubes of the project could not be opened again, by id. */
  private readonly lost = new Map<string, Problem>()
  private reopening: Promise<void> = Promise.resolve()
  private readonly nextVersion = versionCounter()

  constructor(
    private readonly project: Project,
    private readonly engines: Engines,
    private readonly grants: Grants,
    private readonly events: EventStream,
    private readonly jobs: Jobs,
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
    // A file with corrections names another one.
    if (description.correctedBy !== undefined) await this.grants.require(description.path)
    await this.grants.remember(description.path)
    const known = this.project.content.cubes.find((cube) => cube.reference === path || cube.reference === formatReference(description))
    if (known) {
      const entry = await this.begin(known, known.corrections ? await this.describeSaved(known) : description)
      this.found(known.id)
      return entry
    }
    const saved: SavedCube = { id: randomUUID().slice(0, 8), reference: formatReference(description), mask: description.mask ? formatReference(description.mask) : null, ...(description.corrections && { corrections: description.corrections }) }
    // Entered before anything else is waited for: the same cube may be opened twice at once.
    this.project.content.cubes.push(saved)
    this.project.changed()
    return await this.begin(saved, saved.corrections ? await this.describeSaved(saved) : description)
  }

  async close(cubeId: string): Promise<void> {
    await this.reopening
    const { saved } = this.lost.has(cubeId) ? { saved: this.requireSaved(cubeId) } : this.require(cubeId)
    this.found(cubeId)
    this.open.delete(cubeId)
    this.project.content.cubes = this.project.content.cubes.filter((cube) => cube.id !== cubeId)
    this.project.changed()
    this.events.emit('cube-closed', { cubeId })
    // An engine that was lost has nothing open.
    await this.engines.browse.call('cube.release', { reference: this.sourceOf(saved) }).catch(() => undefined)
  }

  /** Cubes of the project that could not be opened again. */
  async lostCubes(): Promise<LostCube[]> {
    await this.reopening
    return this.project.content.cubes.flatMap(({ id, reference }) => {
      const problem = this.lost.get(id)
      return problem ? [{ id, name: basename(reference), path: reference, problem }] : []
    })
  }

  /** Opens a lost cube from where it is now, with all that was said of it. A mask that was moved along goes with it. */
  async locate(cubeId: string, path: string, anyway: boolean): Promise<{ cube: CubeEntry; differs: null } | { cube: null; differs: string }> {
    await this.reopening
    const saved = this.requireSaved(cubeId)
    if (!this.lost.has(cubeId)) throw new CuvetteError('bad-argument', `${basename(saved.reference)} is open: there is nothing to locate.`)
    const { variable } = parseReference(saved.reference)
    const given = parseReference(await this.requireReference(path))
    const reference = formatReference({ path: given.path, variable: given.variable ?? variable })
    const description = await this.describe(reference)
    const fingerprint = await this.fingerprintOf(reference)
    if (!anyway && saved.fingerprint && fingerprint && !isSame(saved.fingerprint, fingerprint)) {
      const how = saved.fingerprint.bytes === fingerprint.bytes ? 'other bytes' : `${fingerprint.bytes} bytes instead of ${saved.fingerprint.bytes}`
      return { cube: null, differs: `${reference} does not seem to be what ${saved.reference} was: it holds ${how}. Choose another file, or use this one anyway.` }
    }
    await this.grants.remember(description.path)
    saved.mask = await this.movedMask(saved, reference)
    saved.reference = reference
    delete saved.fingerprint
    const cube = await this.begin(saved, await this.describeSaved(saved))
    this.found(cubeId)
    this.project.changed()
    return { cube, differs: null }
  }

  async attachMask(cubeId: string, reference: string): Promise<CubeEntry> {
    const cube = this.require(cubeId)
    const path = await this.requireReference(reference)
    const [lines, samples] = cube.entry.description.shape
    const mask = await this.engines.browse.call('mask.describe', { reference: path, shape: [lines, samples] })
    // A file that names classes: the mask and what it says are taken over; the file itself is not needed any more.
    if (mask.namedBy !== undefined) await this.grants.require(mask.path)
    await this.grants.remember(mask.path)
    return this.setMask(this.require(cubeId), formatReference(mask), mask.namedBy === undefined ? null : saidOf(mask), mask)
  }

  async detachMask(cubeId: string): Promise<CubeEntry> {
    return this.setMask(this.require(cubeId), null, null, null)
  }

  /** Says what the classes of the mask are called and are to be taken for; null goes back to the file, which is left alone. */
  async nameClasses(cubeId: string, classes: ClassCorrection[] | null): Promise<CubeEntry> {
    const { saved, entry } = this.require(cubeId)
    if (saved.mask === null) throw new CuvetteError('missing-file', `${entry.name} has no mask: attach one first.`)
    const said = classes?.filter((each) => Object.keys(each).length > 1) ?? []
    const next: SavedCube = { ...saved, maskClasses: said.length > 0 ? said : null }
    const mask = await this.describeMask(next, entry.description)
    const cube = this.require(cubeId)
    // Another mask may have been attached meanwhile.
    if (cube.saved.mask !== saved.mask) return cube.entry
    return this.setMask(cube, saved.mask, next.maskClasses ?? null, mask)
  }

  /** What the engine reads: the mask, or the file that names its classes. Each set has a file of its own, which runs keep. */
  maskOf({ id, mask, maskClasses }: SavedCube): string | null {
    if (mask === null || !maskClasses) return mask
    return join(this.project.correctionsFolder, `${id}-${digestOf([mask, maskClasses])}.mask.json`)
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
    return join(this.project.correctionsFolder, `${id}-${digestOf([reference, corrections])}.cube.json`)
  }

  /** Bands that say nothing, over all pixels. A job, as it may read the whole file; throws 'cancelled' when it is stopped. */
  async detectBadBands(cubeId: string): Promise<DetectedBand[]> {
    const { saved, entry } = this.require(cubeId)
    let found: DetectedBand[] = []
    const job = this.jobs.start('detect', `Bad bands of ${entry.name}`, null, async (control) => {
      found = await this.engines.browse.call('cube.detectBadBands', { reference: this.sourceOf(saved) }, { signal: control.signal(), onProgress: (progress) => control.report(progress) })
      return 'finished'
    })
    await job.done
    return found
  }

  /** Wavelengths that would fit the cube. Throws CuvetteError('bad-data') with the line or the file that does not. */
  async readWavelengths(cubeId: string, source: SpectralSource): Promise<SpectralAxis> {
    const { description } = this.require(cubeId).entry
    const bands = description.shape[2]
    if (source.kind === 'text') return await this.engines.browse.call('spectral.read', { bands, source: { text: source.text } })
    const reference = source.kind === 'file' ? await this.requireReference(source.path) : this.sourceOf(this.require(source.cubeId).saved)
    return await this.engines.browse.call('spectral.read', { bands, source: { reference } })
  }

  /** Writes the header of a corrected ENVI cube to another place. */
  async saveHeader(cubeId: string, path: string, replace: boolean): Promise<SavedHeader> {
    const { saved, entry } = this.require(cubeId)
    if (!saved.corrections) throw new CuvetteError('bad-argument', `Nothing of ${entry.name} is corrected, so its own header says it all.`)
    return await this.engines.browse.call('cube.writeHeader', { reference: this.sourceOf(saved), path: await this.grants.require(path), replace })
  }

  async bandStatistics(cubeId: string, bands: number[]): Promise<BandStatistics[]> {
    const { saved, entry, overview } = this.require(cubeId)
    requireBands(entry, bands)
    const [lines, samples] = entry.description.shape
    return await this.engines.browse.call('cube.bandStatistics', { reference: this.sourceOf(saved), bands, stride: bandStride(lines, samples, entry.quickStride), overview })
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
    return await this.engines.browse.call('mask.read', { reference: this.maskOf(saved) ?? saved.mask, shape: [lines, samples] }, { signal })
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
        await this.grants.requireAtStart(parseReference(saved.reference).path)
        if (saved.mask !== null) await this.grants.requireAtStart(parseReference(saved.mask).path)
        await this.begin(saved, await this.describeSaved(saved))
      } catch (error) {
        this.lost.set(saved.id, toProblem(error))
        this.project.note(error)
      }
    }
  }

  private requireSaved(cubeId: string): SavedCube {
    const saved = this.project.content.cubes.find((cube) => cube.id === cubeId)
    if (!saved) throw new CuvetteError('bad-argument', `No cube with the id "${cubeId}" is part of the project.`)
    return saved
  }

  private found(cubeId: string): void {
    const problem = this.lost.get(cubeId)
    this.lost.delete(cubeId)
    if (problem) this.project.settle(problem.message)
  }

  /** Where the mask of a cube is that lies at `reference` now: in the same file, beside it, or where it was. */
  private async movedMask({ reference: before, mask }: SavedCube, reference: string): Promise<string | null> {
    if (mask === null) return null
    const [was, is, of] = [parseReference(before), parseReference(reference), parseReference(mask)]
    if (of.path === was.path) return formatReference({ path: is.path, variable: of.variable })
    const beside = formatReference({ path: join(dirname(is.path), basename(of.path)), variable: of.variable })
    if (dirname(of.path) !== dirname(was.path) || !(await this.fingerprintOf(beside))) return mask
    await this.grants.remember(parseReference(beside).path)
    return beside
  }

  /** null where the files cannot be read. */
  private async fingerprintOf(reference: string): Promise<Fingerprint | null> {
    return await this.engines.browse.call('data.fingerprint', { reference }).catch(() => null)
  }

  /** Keeps by what the cube is known again, and says when it has become another one since the project last saw it. */
  private async recognise(saved: SavedCube): Promise<void> {
    const { reference } = saved
    const fingerprint = await this.fingerprintOf(reference)
    if (!fingerprint || saved.reference !== reference || !this.open.has(saved.id)) return
    const before = saved.fingerprint
    if (before && isSame(before, fingerprint)) return
    saved.fingerprint = fingerprint
    this.project.changed()
    if (before) this.project.note(new CuvetteError('bad-data', `${reference} has changed since this project last had it open: what was said of its bands and masks, and the scores of its runs, may not fit it any more.`, { path: reference }))
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
    void this.recognise(saved)
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
    return { id: saved.id, name, description, mask: await this.openMask(saved, description), quickStride, corrections: saved.corrections ?? null, maskClasses: saved.maskClasses ?? null, version: this.nextVersion() }
  }

  /** A mask that cannot be read any more must not keep its cube closed. */
  private async openMask(saved: SavedCube, description: CubeDescription): Promise<MaskDescription | null> {
    if (saved.mask === null) return null
    if (!saved.maskClasses && description.mask && formatReference(description.mask) === saved.mask) return description.mask
    try {
      return await this.describeMask(saved, description)
    } catch (error) {
      this.project.note(error)
      return null
    }
  }

  /** The mask with what was said of its classes, whose file is written where it is not there yet. */
  private async describeMask(saved: SavedCube, { shape: [lines, samples] }: CubeDescription): Promise<MaskDescription> {
    const reference = this.maskOf(saved)
    if (reference === null || saved.mask === null) throw new CuvetteError('internal', 'A mask was looked for where there is none.')
    if (saved.maskClasses) {
      await makeFolder(this.project.correctionsFolder)
      await writeNamedMask(reference, saved.mask, saved.maskClasses)
    }
    return await this.engines.browse.call('mask.describe', { reference, shape: [lines, samples] })
  }

  private setMask(cube: OpenCube, reference: string | null, classes: ClassCorrection[] | null, mask: MaskDescription | null): CubeEntry {
    cube.saved.mask = reference
    cube.saved.maskClasses = classes
    this.project.changed()
    return this.enter({ ...cube, entry: { ...cube.entry, mask, maskClasses: classes, version: this.nextVersion() } })
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
}

function isSame(one: Fingerprint, other: Fingerprint): boolean {
  return one.bytes === other.bytes && one.sha256 === other.sha256
}

/** Names a file by what it says. */
function digestOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12)
}

/** What a file said of the classes of a mask, without their counts. */
function saidOf({ classes }: MaskDescription): ClassCorrection[] {
  return classes.map(({ id, name, colour, use }) => ({ id, ...(name !== undefined && { name }), ...(colour && { colour }), ...(use && { use }) }))
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
