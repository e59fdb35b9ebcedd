import { computed, readonly, ref, watchEffect } from 'vue'
import type { ThemeChoice } from '../../shared/contract'

export type Theme = 'light' | 'dark'

const KEY = 'cuvette.theme'
const THEMES: readonly ThemeChoice[] = ['system', 'light', 'dark']

const systemDark = window.matchMedia('(prefers-color-scheme: dark)')
const systemTheme = ref<Theme>(systemDark.matches ? 'dark' : 'light')
systemDark.addEventListener('change', (event) => (systemTheme.value = event.matches ? 'dark' : 'light'))

const choice = ref<ThemeChoice>(remembered())
const theme = computed<Theme>(() => (choice.value === 'system' ? systemTheme.value : choice.value))

// At once: whoever reads a colour after a change must read the new one.
watchEffect(
  () => {
    if (choice.value === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = choice.value
  },
  { flush: 'sync' },
)

/** The theme that holds, the choice behind it, and the way to show another. The settings keep it (stores/settings.ts). */
export function useTheme() {
  return { choice: readonly(choice), theme, choose }
}

/** The browser remembers it too, so that the first picture has the right colours before the workbench answers. */
function choose(next: ThemeChoice): void {
  choice.value = next
  localStorage.setItem(KEY, next)
}

function remembered(): ThemeChoice {
  const stored = localStorage.getItem(KEY)
  return THEMES.find((each) => each === stored) ?? 'system'
}
