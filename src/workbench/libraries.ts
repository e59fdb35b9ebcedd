import { randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import type { LibraryEntry, TargetChoice } from '../shared/contract'
import type { LibraryDescription, ResampledSpectrum } from '../shared/library'
import type { SpectralTarget, SpectralTargets } from '../shared/nodes'
import { CuvetteError } from '../shared/problem'
import type { Cubes } from './cubes'
import type { Engines } from './engines'
import type { Grants } from './grants'
import type { Pipelines } from './pipelines'
import type { Project, SavedLibrary } from './project'

/** The spectral libraries of the project. */
export class Libraries {
  private readonly open = new Map<string, LibraryEntry>()
  private reopening: Promise<void> = Promise.resolve()

  constructor(
    private readonly project: Project,
    private readonly engines: Engines,
    private readonly grants: Grants,
    private readonly cubes: Cubes,
    private readonly pipelines: Pipelines,
  ) {}

  /** Begins to reopen what the project held; `list` waits for it. */
  boot(): void {
    this.reopening = this.reopenAll()
  }

  /** In the order of the project. */
  async list(): Promise<LibraryEntry[]> {
    await this.reopening
    return this.saved.flatMap(({ id }) => this.open.get(id) ?? [])
  }

  /** Opens a library, or gives the entry of the one that is open already. */
  async openLibrary(path: string): Promise<LibraryEntry> {
    await this.reopening
    const granted = await this.grants.require(path)
    const description = await this.describe(granted)
    await this.grants.remember(description.path)
    const known = this.saved.find((library) => library.path === description.path)
    if (known) return this.enter(known.id, description)
    const id = randomUUID().slice(0, 8)
    this.project.content.libraries = [...this.saved, { id, path: description.path }]
    this.project.changed()
    return this.enter(id, description)
  }

  close(libraryId: string): void {
    this.require(libraryId)
    this.open.delete(libraryId)
    this.project.content.libraries = this.saved.filter(({ id }) => id !== libraryId)
    this.project.changed()
  }

  /** Spectra at the bands of a cube. Throws CuvetteError('bad-data') where one of them states no wavelengths. */
  async spectra(libraryId: string, indices: number[], cubeId: string): Promise<ResampledSpectrum[]> {
    const { description: { path } } = this.require(libraryId)
    return await this.engines.browse.call('library.spectra', { reference: path, indices, cube: this.cubes.sourceOf(this.cubes.require(cubeId).saved) })
  }

  /** What a document of the project says of the chosen targets, by names of their own. */
  targetsOf(choices: readonly TargetChoice[]): SpectralTargets {
    const targets: SpectralTargets = {}
    for (const choice of choices) {
      const [name, target] = this.targetOf(choice)
      let free = name
      for (let number = 2; free in targets; number += 1) free = `${name} (${number})`
      targets[free] = target
    }
    return targets
  }

  private targetOf(choice: TargetChoice): [string, SpectralTarget] {
    if (choice.kind === 'pixel') return [`pixel ${choice.line}, ${choice.sample}`, { pixel: [choice.line, choice.sample] }]
    const { description: { path, library: { spectra } } } = this.require(choice.libraryId)
    const name = spectra[choice.index] as string | undefined
    if (name === undefined) throw new CuvetteError('bad-argument', `${path} holds ${spectra.length} spectra; there is no number ${choice.index + 1}.`, { path })
    const isOnly = spectra.filter((other) => other.toLowerCase() === name.toLowerCase()).length === 1
    return [name, { library: this.pipelines.fromDocument(path), entry: isOnly ? name : choice.index + 1 }]
  }

  private get saved(): readonly SavedLibrary[] {
    return this.project.content.libraries ?? []
  }

  private async reopenAll(): Promise<void> {
    for (const { id, path } of this.saved) {
      try {
        await this.grants.requireAtStart(path)
        this.enter(id, await this.describe(path))
      } catch (error) {
        this.project.note(error)
      }
    }
  }

  private describe(reference: string): Promise<LibraryDescription> {
    return this.engines.browse.call('library.describe', { reference })
  }

  private enter(id: string, description: LibraryDescription): LibraryEntry {
    const entry = { id, name: basename(description.path), description }
    this.open.set(id, entry)
    return entry
  }

  private require(libraryId: string): LibraryEntry {
    const library = this.open.get(libraryId)
    if (!library) throw new CuvetteError('bad-argument', `No spectral library with the id "${libraryId}" is open.`)
    return library
  }
}
