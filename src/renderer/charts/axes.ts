import type { ChartColours } from '../theme/css-colour'

export const CHART_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'DejaVu Sans', sans-serif"

/** What all axes of all charts have in common. */
export function axisStyle(colours: ChartColours) {
  return {
    axisLine: { lineStyle: { color: colours.strong } },
    axisTick: { lineStyle: { color: colours.strong } },
    axisLabel: { color: colours.soft, fontSize: 11, fontFamily: CHART_FONT, hideOverlap: true },
    splitLine: { lineStyle: { color: colours.line } },
    nameTextStyle: { color: colours.soft, fontSize: 11, fontFamily: CHART_FONT },
  }
}

/** A tooltip drawn on the canvas: HTML ones set style attributes, which the page's policy forbids. */
export function tooltipStyle(colours: ChartColours) {
  return {
    renderMode: 'richText' as const,
    backgroundColor: colours.raised,
    borderColor: colours.strong,
    borderWidth: 1,
    padding: [6, 9],
    textStyle: { color: colours.text, fontSize: 11, fontFamily: CHART_FONT },
    axisPointer: { lineStyle: { color: colours.strong } },
    confine: true,
  }
}
