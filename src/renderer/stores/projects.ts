import { call, onEvent } from '../bridge'
import { useScores } from './scores'
import { flushViewStates, forgetViewStates } from './view-states'

/** Leaves the open project for another one. Everything is saved first; then the page begins anew. */
export async function openProject(folder: string, create: boolean): Promise<void> {
  await useScores().save()
  await flushViewStates()
  await call('projects.open', { folder, create })
}

/** Another project is open, whoever asked for it: nothing that this page knows is true any more. */
export function followProjects(): void {
  onEvent('project-opened', () => {
    forgetViewStates()
    location.reload()
  })
}
