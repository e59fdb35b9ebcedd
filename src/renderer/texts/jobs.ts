import type { JobEntry } from '../../shared/contract'

export const JOBS = {
  list: 'Work',
  nothing: 'No work yet',
  nothingNext: 'Training, scoring, exports and other long work are listed here with their progress, and can be stopped.',
  stop: (title: string) => `Stop ${title}`,
  stopping: 'Stopping…',
  left: (time: string) => `${time} left`,
  started: (moment: string) => `started ${moment}`,
  status: { waiting: 'Waiting', running: 'Running', finished: 'Finished', stopped: 'Stopped', failed: 'Failed' } satisfies Record<JobEntry['status'], string>,
}
