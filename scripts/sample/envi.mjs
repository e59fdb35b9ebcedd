// ENVI files: raw little-endian numbers and a text header beside them.

function list(values, perLine) {
  const lines = []
  for (let start = 0; start < values.length; start += perLine) lines.push(`  ${values.slice(start, start + perLine).join(', ')}`)
  return `{\n${lines.join(',\n')}\n}`
}

/** Header of the cube. */
export function cubeHeader({ lines, samples, wavelengths, fwhm, defaultBands, description }) {
  return [
    'ENVI',
    `description = {\n  ${description}\n}`,
    `samples = ${samples}`,
    `lines = ${lines}`,
    `bands = ${wavelengths.length}`,
    'header offset = 0',
    'file type = ENVI Standard',
    'data type = 12',
    'interleave = bsq',
    'byte order = 0',
    'reflectance scale factor = 10000',
    `default bands = {${defaultBands.join(', ')}}`,
    'wavelength units = Nanometers',
    `wavelength = ${list(wavelengths.map((value) => value.toFixed(1)), 10)}`,
    `fwhm = ${list(wavelengths.map(() => fwhm.toFixed(1)), 10)}`,
    '',
  ].join('\n')
}

/** Header of a class map. classes: [{name, colour: [r, g, b]}], the first one is what no object covers. */
export function maskHeader({ lines, samples, classes, description }) {
  return [
    'ENVI',
    `description = {\n  ${description}\n}`,
    `samples = ${samples}`,
    `lines = ${lines}`,
    'bands = 1',
    'header offset = 0',
    'file type = ENVI Classification',
    'data type = 1',
    'interleave = bsq',
    'byte order = 0',
    `classes = ${classes.length}`,
    `class names = ${list(classes.map(({ name }) => name), 10)}`,
    `class lookup = ${list(classes.map(({ colour }) => colour.join(', ')), 4)}`,
    'band names = {planted objects}',
    '',
  ].join('\n')
}

/** uint16 as little-endian bytes, whatever the machine. */
export function littleEndian(values) {
  const bytes = Buffer.alloc(values.length * 2)
  for (let index = 0; index < values.length; index += 1) bytes.writeUInt16LE(values[index], index * 2)
  return bytes
}
