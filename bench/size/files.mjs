// The large files of `npm run bench:size`. Every 64th line holds numbers, the rest are holes, so that 4 GB take little
// room on the disk; readers cannot tell.
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const EVERY = 64

/** 4 GB: 5793 x 5793 pixels, 61 bands, uint16. */
const envi = { lines: 5793, samples: 5793, bands: 61 }
/** 1 GB. */
const matlab = { lines: 2048, samples: 2048, bands: 122 }

/** Paths and shapes; files that are there already are used again. */
export async function largeFiles(folder) {
  mkdirSync(folder, { recursive: true })
  return {
    bsq: enviFile(folder, 'bsq'),
    bip: enviFile(folder, 'bip'),
    matlab: await matlabFile(folder),
  }
}

/** A background that varies from pixel to pixel, and now and then something else. */
function number(line, sample, band) {
  const mixed = Math.imul(line * 2654435761 + sample * 40503 + band * 977, 2246822519) >>> 20
  const outlier = (line + sample * 7) % 4099 === 0 ? 3000 : 0
  return 1000 + 60 * band + (mixed & 511) + outlier
}

function enviFile(folder, interleave) {
  const { lines, samples, bands } = envi
  const path = join(folder, `${interleave}.img`)
  const bytes = 2 * lines * samples * bands
  if (!existsSync(path) || statSync(path).size !== bytes) {
    const partial = `${path}.partial`
    rmSync(partial, { force: true })
    const file = openSync(partial, 'w')
    ftruncateSync(file, bytes)
    for (let line = 0; line < lines; line += EVERY) {
      if (interleave === 'bip') writeSync(file, row(samples * bands, (at) => number(line, Math.floor(at / bands), at % bands)), 0, undefined, 2 * line * samples * bands)
      else for (let band = 0; band < bands; band += 1) writeSync(file, row(samples, (sample) => number(line, sample, band)), 0, undefined, 2 * (band * lines + line) * samples)
    }
    closeSync(file)
    renameSync(partial, path)
  }
  const wavelengths = Array.from({ length: bands }, (_, band) => 430 + 8 * band)
  writeFileSync(join(folder, `${interleave}.hdr`), `ENVI\nsamples = ${samples}\nlines = ${lines}\nbands = ${bands}\ndata type = 12\ninterleave = ${interleave}\nbyte order = 0\nwavelength units = nm\nwavelength = {${wavelengths.join(', ')}}\n`)
  return { path, lines, samples, bands, interleave, header: 0 }
}

/** As MATLAB writes it: axes reversed, chunked, a text header in front. Written whole, because HDF5 leaves no holes. */
async function matlabFile(folder) {
  const { lines, samples, bands } = matlab
  const path = join(folder, 'large.mat')
  if (!existsSync(path)) {
    const { File, ready } = await import('h5wasm/node')
    await ready
    const partial = `${path}.partial`
    rmSync(partial, { force: true })
    const file = new File(partial, 'w')
    const band = (at) => {
      const values = new Uint16Array(lines * samples)
      for (let sample = 0; sample < samples; sample += 1) for (let line = 0; line < lines; line += EVERY) values[sample * lines + line] = number(line, sample, at)
      return values
    }
    const dataset = file.create_dataset({ name: 'data', data: band(0), shape: [1, samples, lines], maxshape: [bands, samples, lines], chunks: [1, samples, 64] })
    dataset.create_attribute('MATLAB_class', 'uint16')
    dataset.resize([bands, samples, lines])
    for (let at = 1; at < bands; at += 1) dataset.write_slice([[at, at + 1], [0, samples], [0, lines]], band(at))
    file.close()
    renameSync(partial, path)
  }
  return { path: `${path}#data`, lines, samples, bands, interleave: null, header: null }
}

function row(count, value) {
  return Buffer.from(Uint16Array.from({ length: count }, (_, at) => value(at)).buffer)
}
