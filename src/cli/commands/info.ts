import { describeCube, describeLibrary, isTable, parseReference } from '../../engine/cube'
import type { CubeDescription } from '../../shared/cube'
import type { LibraryDescription } from '../../shared/library'
import type { Outcome } from '../outcome'
import { counted, facts, figures, share, whole } from '../words'

/** Names are listed up to here; --json has them all. */
const MOST_NAMES = 40

/** cuvette info CUBE|LIBRARY: what is known without reading the pixels. */
export async function info(file: string): Promise<Outcome> {
  if (await isSpectraTable(file)) {
    const library = await describeLibrary(file)
    return { document: library, text: libraryText(library) }
  }
  const description = await describeCube(file)
  return { document: description, text: description.library ? libraryText(await describeLibrary(file)) : infoText(description) }
}

/** A file that is not there, or may not be read, is spoken of as a cube. */
async function isSpectraTable(file: string): Promise<boolean> {
  return isTable(parseReference(file).path).catch(() => false)
}

export function libraryText(library: LibraryDescription): string {
  const [count, , channels] = library.shape
  const names = library.library.spectra
  const rows: [string, string][] = [
    ['format', library.format === 'ENVI' ? 'ENVI spectral library' : library.format],
    ['spectra', whole(count)],
    ['channels', whole(channels)],
    ['wavelengths', wavelengthWords(library)],
  ]
  if (library.badBands.length > 0) rows.push(['bad channels', `${whole(library.badBands.length)}: ${shortened(library.badBands)} (from 0)`])
  if (library.scale !== null) rows.push(['scale', `stored numbers / ${figures(library.scale)} = reflectance`])
  rows.push(['names', [...names.slice(0, MOST_NAMES).map((name, index) => `${index + 1}  ${name}`), ...(names.length > MOST_NAMES ? [`and ${whole(names.length - MOST_NAMES)} more; --json lists them all`] : [])].join('\n')])
  for (const warning of library.warnings) rows.push(['warning', warning])
  return `${library.path}\n${facts(rows)}`
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
