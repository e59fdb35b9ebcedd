import { readdir, readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { PipelineEntry } from '../shared/contract'
import type { NodeDescription, PipelineSummary } from '../shared/nodes'
import { CuvetteError } from '../shared/problem'
import type { Cubes } from './cubes'
import type { Engines } from './engines'

/** Pipeline documents: the templates that come with Cuvette, and the project's own. The engine reads them. */
export class Pipelines {
  constructor(
    private readonly templates: string,
    private readonly projectFolder: string,
    private readonly engines: Engines,
    private readonly cubes: Cubes,
  ) {}

  async list(): Promise<PipelineEntry[]> {
    const templates = await this.documents(this.templates, 'template')
    const own = await this.documents(join(this.projectFolder, 'pipelines'), 'project')
    return [...own, ...templates]
  }

  async get(id: string): Promise<PipelineEntry> {
    const found = (await this.list()).find((entry) => entry.id === id)
    if (!found) throw new CuvetteError('bad-argument', `There is no pipeline with the id "${id}".`)
    return found
  }

  async check(text: string, cubeId: string | null): Promise<PipelineSummary> {
    const cube = cubeId === null ? null : this.cubes.sourceOf(this.cubes.require(cubeId).saved)
    return await this.engines.browse.call('pipeline.check', { text, path: 'pipeline.yaml', cube })
  }

  async catalogue(): Promise<NodeDescription[]> {
    return await this.engines.browse.call('nodes.catalogue', {})
  }

  private async documents(folder: string, origin: PipelineEntry['origin']): Promise<PipelineEntry[]> {
    const names = await readdir(folder).catch(() => [] as string[])
    const documents = names.filter((name) => ['.yaml', '.yml'].includes(extname(name))).sort()
    return await Promise.all(documents.map((name) => this.read(join(folder, name), origin)))
  }

  private async read(path: string, origin: PipelineEntry['origin']): Promise<PipelineEntry> {
    const text = await readFile(path, 'utf8')
    const { summary, description } = await this.engines.browse.call('pipeline.describe', { text, path })
    const id = `${origin}:${basename(path, extname(path))}`
    return { id, name: summary.name, description, origin, text, summary }
  }
}
