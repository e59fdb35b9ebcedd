import type { ThemeChoice } from '../../shared/contract'
import { useCubes } from '../stores/cubes'
import { useJobs } from '../stores/jobs'
import { useNotices } from '../stores/notices'
import { useSettings } from '../stores/settings'
import { useView } from '../stores/view'
import { useViewerCamera } from '../stores/viewer-camera'
import { COMMANDS } from '../texts/commands'
import { useTheme } from '../theme/use-theme'
import type { Command } from './command'

const PAN_STEP = 60

export function viewCommands(): Command[] {
  const { control } = useViewerCamera()
  const view = useView()
  const cubes = useCubes()
  const jobs = useJobs()
  const notices = useNotices()
  const settings = useSettings()
  const { choice } = useTheme()
  const shown = () => cubes.active !== null
  const picture = (id: string, title: string, section: number | null, shortcuts: string[], run: () => void): Command => ({
    id: `view.${id}`, title: () => title, menu: section === null ? null : { id: 'view', section }, shortcuts, scope: 'picture', when: shown, run,
  })
  const theme = (id: ThemeChoice, title: string): Command => ({
    id: `view.theme.${id}`, title: () => title, menu: { id: 'view', section: 3 }, checked: () => choice.value === id, run: () => notices.attempt(() => settings.change({ theme: id })),
  })
  return [
    picture('zoomIn', COMMANDS.zoomIn, 1, ['+', '='], control.zoomIn),
    picture('zoomOut', COMMANDS.zoomOut, 1, ['-'], control.zoomOut),
    picture('fit', COMMANDS.fit, 1, ['0'], control.fit),
    picture('actualSize', COMMANDS.actualSize, 1, ['1'], control.actualSize),
    picture('lookLeft', COMMANDS.lookLeft, null, ['ArrowLeft'], () => control.pan(PAN_STEP, 0)),
    picture('lookRight', COMMANDS.lookRight, null, ['ArrowRight'], () => control.pan(-PAN_STEP, 0)),
    picture('lookUp', COMMANDS.lookUp, null, ['ArrowUp'], () => control.pan(0, PAN_STEP)),
    picture('lookDown', COMMANDS.lookDown, null, ['ArrowDown'], () => control.pan(0, -PAN_STEP)),
    picture('nextBand', COMMANDS.nextBand, 2, [']'], () => view.stepBand(1)),
    picture('previousBand', COMMANDS.previousBand, 2, ['['], () => view.stepBand(-1)),
    theme('system', COMMANDS.themeSystem),
    theme('light', COMMANDS.themeLight),
    theme('dark', COMMANDS.themeDark),
    {
      id: 'view.stopJob', title: () => COMMANDS.stopJob, menu: { id: 'view', section: 4 }, when: () => jobs.current !== null && !jobs.stopping.includes(jobs.current.id),
      run: () => jobs.current && notices.attempt(() => jobs.stop(jobs.current!.id)),
    },
  ]
}
