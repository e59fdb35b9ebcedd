import { watch } from 'vue'
import { onEvent, onReconnected } from '../bridge'
import { openPaths } from './open-files'
import { useCubes } from './cubes'
import { keptParts } from './kept-parts'
import { useJobs } from './jobs'
import { useLayout } from './layout'
import { useLibraries } from './libraries'
import { useNotices } from './notices'
import { usePicture } from './picture'
import { usePins } from './pins'
import { usePipelines } from './pipelines'
import { followProjects } from './projects'
import { useRuns } from './runs'
import { useScores } from './scores'
import { useSession } from './session'
import { useSettings } from './settings'
import { useTour } from './tour'
import { keepViewStates } from './view-states'

/** Listens to the workbench, then asks it for everything; again after a lost connection. */
export async function startSession(): Promise<void> {
  followProjects()
  useSession().follow()
  useCubes().follow()
  usePins().follow()
  useRuns().follow()
  useJobs().follow()
  followCommands()
  announceRuns()
  askAgainAfterCrash()
  onReconnected(() => void loadAll())
  await useNotices().attempt(() => useSettings().load())
  await keepViewStates(keptParts())
  await loadAll()
  useTour().offer()
}

async function loadAll(): Promise<void> {
  const { attempt } = useNotices()
  await attempt(() => useSession().load())
  // Apart: a damaged cube must not hide the runs.
  await Promise.all([
    attempt(() => useCubes().load()),
    attempt(() => usePipelines().load()),
    attempt(() => useLibraries().load()),
    attempt(() => useRuns().load()),
    attempt(() => useJobs().load()),
  ])
}

/** What an engine left unanswered when it died is asked again when it is back. */
function askAgainAfterCrash(): void {
  const session = useSession()
  const picture = usePicture()
  const scores = useScores()
  const pipelines = usePipelines()
  watch(
    () => session.lostEngines.length,
    (lost, before) => {
      if (lost > 0 || before === 0) return
      if (picture.problem) void picture.reload()
      if (scores.problem) void scores.reload()
      if (pipelines.checkProblem) void pipelines.check()
    },
  )
}

function followCommands(): void {
  onEvent('command', ({ paths }) => void openPaths(paths))
}

/** Says when a run ends, wherever one looks at that moment. */
function announceRuns(): void {
  const runs = useRuns()
  const layout = useLayout()
  const notices = useNotices()
  watch(
    () => Object.fromEntries(runs.runs.map((run) => [run.id, run.status])),
    (now, before) => {
      for (const run of runs.runs) {
        if (before[run.id] !== 'running' || now[run.id] === 'running') continue
        if (run.status === 'finished' && !run.problem) notices.add('success', `${run.name} is finished.`)
        else if (run.status === 'stopped') notices.add('info', `${run.name} was stopped.`)
        // The panel of the run says it already where it is in front.
        else if (run.problem && run.status !== 'interrupted' && !(layout.inFront.includes('training') && runs.selectedId === run.id)) notices.tell(run.problem)
      }
    },
  )
}
