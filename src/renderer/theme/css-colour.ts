import { computed } from 'vue'
import { useTheme } from './use-theme'

/** The value of a colour token as a canvas understands it: light-dark() is resolved. */
export function cssColour(token: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${token})`
  document.body.append(probe)
  const colour = getComputedStyle(probe).color
  probe.remove()
  return colour
}

/** The colours that charts draw with; follows the theme. */
export function useChartColours() {
  const { theme } = useTheme()
  return computed(() => {
    // Read after the attribute has changed: touching the theme makes this run again.
    const dark = theme.value === 'dark'
    return {
      dark,
      text: cssColour('--text'),
      soft: cssColour('--text-soft'),
      faint: cssColour('--text-faint'),
      line: cssColour('--line'),
      strong: cssColour('--line-strong'),
      panel: cssColour('--panel'),
      raised: cssColour('--raised'),
      accent: cssColour('--accent'),
      warning: cssColour('--warning'),
      danger: cssColour('--danger'),
    }
  })
}

export type ChartColours = ReturnType<typeof useChartColours>['value']
