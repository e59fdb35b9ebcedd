import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { Settings } from '../../shared/contract'
import { call } from '../bridge'
import { useTheme } from '../theme/use-theme'

/** What the person prefers, in all projects. */
export const useSettings = defineStore('settings', () => {
  /** null until they were asked for. */
  const current = shallowRef<Settings | null>(null)
  const { choose } = useTheme()

  async function load(): Promise<Settings> {
    return take(await call('settings.get', {}))
  }

  /** Rejects when they cannot be kept; then the earlier ones hold. */
  async function change(next: Partial<Settings>): Promise<void> {
    take(await call('settings.set', next))
  }

  function take(settings: Settings): Settings {
    current.value = settings
    choose(settings.theme)
    return settings
  }

  return { current, load, change }
})
