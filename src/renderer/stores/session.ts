import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { EngineEntry, MemoryUse, ProjectEntry, SessionInfo } from '../../shared/contract'
import type { DeviceReport } from '../../shared/device'
import { call, onEvent } from '../bridge'

/** The workbench behind the window: project, device, engine processes. */
export const useSession = defineStore('session', () => {
  const info = ref<SessionInfo | null>(null)
  const engines = ref<EngineEntry[]>([])
  const device = ref<DeviceReport | null>(null)
  /** null until it is told. */
  const memory = shallowRef<MemoryUse | null>(null)
  /** Restarts that the person has seen and put away, by role. */
  const acknowledged = ref<Partial<Record<EngineEntry['role'], number>>>({})

  const project = computed<ProjectEntry | null>(() => info.value?.project ?? null)
  const nativeDialogs = computed(() => info.value?.nativeDialogs ?? false)
  const lostEngines = computed(() => engines.value.filter((engine) => engine.status === 'lost'))
  const restartedEngines = computed(() =>
    engines.value.filter((engine) => engine.status !== 'lost' && engine.restarts > (acknowledged.value[engine.role] ?? 0)),
  )

  async function load(): Promise<void> {
    info.value = await call('session.info', {})
    engines.value = info.value.engines
    device.value = info.value.device
    // Crashes from before this window was opened are no news.
    if (Object.keys(acknowledged.value).length === 0) acknowledge()
  }

  function acknowledge(): void {
    acknowledged.value = Object.fromEntries(engines.value.map((engine) => [engine.role, engine.restarts]))
  }

  function follow(): void {
    onEvent('engine', (engine) => {
      engines.value = [...engines.value.filter((each) => each.role !== engine.role), engine].sort((a, b) => a.role.localeCompare(b.role))
    })
    onEvent('project', (project) => {
      if (info.value) info.value = { ...info.value, project }
    })
    onEvent('memory', (use) => (memory.value = use))
    onEvent('device', (report) => (device.value = report))
  }

  return { info, engines, device, memory, project, nativeDialogs, lostEngines, restartedEngines, load, acknowledge, follow }
})
