import { describeCube } from '../../engine/cube'
import type { CubeDescription } from '../../shared/cube'
import type { Outcome } from '../outcome'
import { counted, facts, figures, share, whole } from '../words'

/** cuvette info CUBE: what is known without reading the pixels. */
export async function info(cube: string): Promise<Outcome> {
  const description = await describeCube(cube)
  return { document: description, text: infoText(description) }
}

export function infoText(cube: CubeDescription): string {
  const [lines, samples, bands] = cube.shape
  const rows: [string, string][] = [
    ['format', cube.format],
    ['size', `${whole(lines)} lines x ${whole(samples)} samples x ${whole(bands)} bands`],
    ['numbers', `${cube.dtype}, ${cube.interleave}`],
    ['wavelengths', wavelengthWords(cube)],
  ]
  if (cube.badBands.length > 0) rows.push(['bad bands', `${whole(cube.badBands.length)}: ${shortened(cube.badBands)} (from 0)`])
  if (cube.noData !== null) rows.push(['no data', figures(cube.noData)])
  if (cube.scale !== null) rows.push(['scale', `stored numbers / ${figures(cube.scale)} = reflectance`])
  if (cube.variables.length > 0) {
    rows.push(['variables', cube.variables.map(({ name, shape, dtype }) => `${name}  ${shape.join(' x ')}  ${dtype}`).join('\n')])
  }
  rows.push(['mask', maskWords(cube)])
  for (const warning of cube.warnings) rows.push(['warning', warning])
  return `${cube.path}${cube.variable === null ? '' : `#${cube.variable}`}\n${facts(rows)}`
}

function wavelengthWords({ wavelengths, wavelengthUnit, bandNames }: CubeDescription): string {
  if (!wavelengths || wavelengths.length === 0) return bandNames ? 'none; the bands have names' : 'none'
  const [lowest, highest] = wavelengths.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity])
  return `${figures(lowest)} to ${figures(highest)} ${wavelengthUnit ?? '(unit not stated)'}`
}

function maskWords({ mask, shape, path }: CubeDescription): string {
  if (!mask) return 'none found'
  const place = mask.path === path ? `${mask.variable ?? 'a variable'} in the same file` : `${mask.path}${mask.variable === null ? '' : `#${mask.variable}`}`
  const marked = mask.classes.filter(({ id }) => id !== 0)
  const pixels = marked.reduce((sum, { count }) => sum + count, 0)
  return `${place}: ${counted(pixels, 'pixel')} (${share(pixels, shape[0] * shape[1])}) in ${counted(marked.length, 'class', 'classes')}`
}

function shortened(values: readonly number[]): string {
  return values.length <= 12 ? values.join(', ') : `${values.slice(0, 12).join(', ')}, ...`
}
