import { useCubes } from '../stores/cubes'
import { useLayout } from '../stores/layout'
import { useNotices } from '../stores/notices'
import { chooseCubes, chooseLibraries, chooseMask } from '../stores/open-files'
import { useRuns } from '../stores/runs'
import { COMMANDS } from '../texts/commands'
import type { Command } from './command'

export function fileCommands(): Command[] {
  const cubes = useCubes()
  const runs = useRuns()
  const layout = useLayout()
  const notices = useNotices()
  return [
    { id: 'file.openCube', title: () => COMMANDS.openCube, menu: { id: 'file', section: 1 }, shortcuts: ['Mod+O'], run: chooseCubes },
    { id: 'file.attachMask', title: () => COMMANDS.attachMask, menu: { id: 'file', section: 1 }, when: () => cubes.active !== null, run: () => cubes.active && chooseMask(cubes.active.id) },
    { id: 'file.openLibrary', title: () => COMMANDS.openLibrary, menu: { id: 'file', section: 1 }, run: chooseLibraries },
    { id: 'file.closeCube', title: () => COMMANDS.closeCube, menu: { id: 'file', section: 1 }, when: () => cubes.active !== null, run: () => notices.attempt(async () => cubes.active && cubes.close(cubes.active.id)) },
    { id: 'file.newProject', title: () => COMMANDS.newProject, menu: { id: 'file', section: 2 }, run: () => (layout.dialog = { kind: 'project', create: true }) },
    { id: 'file.openProject', title: () => COMMANDS.openProject, menu: { id: 'file', section: 2 }, shortcuts: ['Mod+Shift+O'], run: () => (layout.dialog = { kind: 'project', create: false }) },
    {
      id: 'file.exportRun', title: () => COMMANDS.exportRun, menu: { id: 'file', section: 3 }, when: () => (runs.selected?.fit ?? null) !== null,
      run: () => runs.selected && (layout.dialog = { kind: 'export', runId: runs.selected.id }),
    },
  ]
}
