import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, extname, join, relative, sep } from 'node:path'
import { writeFileAtomic } from '../engine/files/atomic'
import { isWithin } from '../engine/files/within'
import type { PipelineEntry } from '../shared/contract'
import type { NodeDescription, PipelineSummary, SpectralTargets } from '../shared/nodes'
import { CuvetteError } from '../shared/problem'
import type { Cubes } from './cubes'
import type { Engines } from './engines'
import { makeFolder } from './folders'
import type { Grants } from './grants'

/** Pipeline documents: the templates that come with Cuvette, and the project's own. The engine reads them. */
export class Pipelines {
  constructor(
    private readonly templates: string,
    /** Folder of the project's own. */
    private readonly own: string,
    private readonly engines: Engines,
    private readonly cubes: Cubes,
    private readonly grants: Grants,
  ) {}

  async list(): Promise<PipelineEntry[]> {
    return await Promise.all((await this.places()).map((place) => this.read(place)))
  }

  async get(id: string): Promise<PipelineEntry> {
    return await this.read(await this.placeOf(id))
  }

  /**
   * `pipelineId`: the document that the text is of, beside which its models are looked for; null: a new one among the
   * project's own.
   */
  async check(text: string, cubeId: string | null, pipelineId: string | null): Promise<PipelineSummary> {
    const cube = cubeId === null ? null : this.cubes.sourceOf(this.cubes.require(cubeId).saved)
    const path = pipelineId === null ? this.newDocument : (await this.placeOf(pipelineId)).path
    return await this.engines.browse.call('pipeline.check', { text, path, cube, modelFolders: this.grants.roots })
  }

  /** Makes these what a pipeline looks for; a template is copied among the project's own first. The document that was written. */
  async setTargets(id: string, targets: SpectralTargets): Promise<PipelineEntry> {
    const place = await this.placeOf(id)
    const path = place.origin === 'project' ? place.path : await this.freePath(place.path)
    const { text } = await this.engines.browse.call('pipeline.withTargets', { text: await readFile(place.path, 'utf8'), path, targets })
    await makeFolder(this.own)
    await writeFileAtomic(path, text)
    return await this.get(`project:${basename(path, extname(path))}`)
  }

  /** Relative to the project's own documents where it lies in the project, so that the project can be moved. */
  fromDocument(path: string): string {
    return isWithin(dirname(this.own), path) ? relative(this.own, path).split(sep).join('/') : path
  }

  /** A name for a copy of a document that no other of the project's own has. */
  private async freePath(path: string): Promise<string> {
    const taken = (await documentsIn(this.own, 'project')).map((place) => place.path)
    const stem = basename(path, extname(path))
    for (let number = 1; ; number += 1) {
      const free = join(this.own, `${stem}${number === 1 ? '' : `-${number}`}.yaml`)
      if (!taken.includes(free)) return free
    }
  }

  /** Where the document of a run lies; one that is gone counts as the project's own, beside which its models are looked for. */
  async pathOfRun(id: string): Promise<string> {
    return (await this.places()).find((place) => place.id === id)?.path ?? this.newDocument
  }

  async catalogue(): Promise<NodeDescription[]> {
    return await this.engines.browse.call('nodes.catalogue', {})
  }

  private get newDocument(): string {
    return join(this.own, 'pipeline.yaml')
  }

  private async placeOf(id: string): Promise<DocumentPlace> {
    const found = (await this.places()).find((place) => place.id === id)
    if (!found) throw new CuvetteError('bad-argument', `There is no pipeline with the id "${id}".`)
    return found
  }

  private async places(): Promise<DocumentPlace[]> {
    return [...(await documentsIn(this.own, 'project')), ...(await documentsIn(this.templates, 'template'))]
  }

  private async read({ id, path, origin }: DocumentPlace): Promise<PipelineEntry> {
    const text = await readFile(path, 'utf8')
    const { summary, description } = await this.engines.browse.call('pipeline.describe', { text, path })
    return { id, name: summary.name, description, origin, text, summary }
  }
}

interface DocumentPlace {
  id: string
  path: string
  origin: PipelineEntry['origin']
}

async function documentsIn(folder: string, origin: PipelineEntry['origin']): Promise<DocumentPlace[]> {
  const names = await readdir(folder).catch(() => [] as string[])
  return names.filter((name) => ['.yaml', '.yml'].includes(extname(name))).sort()
    .map((name) => ({ id: `${origin}:${basename(name, extname(name))}`, path: join(folder, name), origin }))
}
