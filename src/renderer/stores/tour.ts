import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { TOUR_STEPS } from '../texts/tour'
import { useLayout } from './layout'
import { useNotices } from './notices'
import { useSettings } from './settings'

/** The short tour of the window: offered at the first start, then from the Help menu. */
export const useTour = defineStore('tour', () => {
  const layout = useLayout()
  const settings = useSettings()
  const notices = useNotices()
  /** null: no tour. */
  const at = ref<number | null>(null)
  const step = computed(() => (at.value === null ? null : TOUR_STEPS[at.value]))

  function go(to: number): void {
    at.value = to
    layout.show(TOUR_STEPS[to].panel)
  }

  function begin(): void {
    go(0)
  }

  /** At the first start only. */
  function offer(): void {
    if (settings.current && !settings.current.tourSeen) begin()
  }

  function next(): void {
    if (at.value === null) return
    if (at.value + 1 < TOUR_STEPS.length) go(at.value + 1)
    else end()
  }

  function back(): void {
    if (at.value !== null && at.value > 0) go(at.value - 1)
  }

  function end(): void {
    at.value = null
    if (!settings.current?.tourSeen) void notices.attempt(() => settings.change({ tourSeen: true }))
  }

  return { at, step, begin, offer, next, back, end }
})
