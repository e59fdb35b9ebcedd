import { readdir, readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { PipelineEntry } from '../shared/contract'
import type { NodeDescription, PipelineSummary } from '../shared/nodes'
import { CuvetteError } from '../shared/problem'
import type { Cubes } from './cubes'
import type { Engines } from './engines'
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
