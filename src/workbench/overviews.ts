import { join } from 'node:path'
import type { OverviewFile } from '../shared/engine-contract'
import type { Engines } from './engines'
import type { Jobs } from './jobs'
import type { Project } from './project'
import type { SettingsFile } from './settings'

/** Overviews of cubes whose bands are slow to read: kept in the project, made beside other work, wanted by nobody's click. */
export class Overviews {
  constructor(
    private readonly project: Project,
    private readonly engines: Engines,
    private readonly jobs: Jobs,
    private readonly settings: SettingsFile,
  ) {}

  /** Finds or makes the overview; `done` is told when it is there. A stop or a failure leaves the coarse picture, and so does the setting. */
  begin(reference: string, name: string, done: (overview: OverviewFile) => void): void {
    if (!this.settings.current.overviews) return
    const job = this.jobs.start('overview', `Overview of ${name}`, null, async (control) => {
      const overview = await this.engines.browse.call(
        'cube.overview',
        { reference, folder: join(this.project.folder, 'overviews') },
        { signal: control.signal(), onProgress: (progress) => control.report(progress) },
      )
      if (overview) done(overview)
      return 'finished'
    })
    job.done.catch(() => undefined)
  }
}
