import { useCubes } from './cubes'
import { useLayout } from './layout'
import { useLibraries } from './libraries'
import { usePipelines } from './pipelines'
import { useRuns } from './runs'
import { useView } from './view'
import { useViewerCamera } from './viewer-camera'
import type { KeptPart } from './view-states'
import { isRecord } from './view-states'

/** Every part of the window that a project finds again as it was left. A new one is an entry here. */
export function keptParts(): KeptPart[] {
  const layout = useLayout()
  const cubes = useCubes()
  const runs = useRuns()
  const pipelines = usePipelines()
  const libraries = useLibraries()
  const view = useView()
  const camera = useViewerCamera()
  return [
    { part: 'layout', read: () => layout.saved, restore: (state) => layout.remember(isRecord(state) ? state : {}) },
    {
      part: 'selection',
      read: () => ({ cube: cubes.activeId, run: runs.selectedId, pipeline: pipelines.selectedId }),
      // Before the lists are there; each falls back to its first when this one is gone.
      restore: (state) => {
        if (!isRecord(state)) return
        if (typeof state.cube === 'string') cubes.activeId = state.cube
        if (typeof state.run === 'string') runs.selectedId = state.run
        if (typeof state.pipeline === 'string') pipelines.selectedId = state.pipeline
      },
    },
    { part: 'view', read: view.read, restore: view.restore },
    { part: 'library', read: libraries.read, restore: libraries.restore },
    { part: 'camera', read: camera.read, restore: camera.restore },
  ]
}
