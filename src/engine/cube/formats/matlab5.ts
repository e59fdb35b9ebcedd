import type { CubeDataType, CubeDescription } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'
import { fileSize, openBytes } from '../bytes'
import type { Cube, CubeFormat, OpenOptions } from '../cube'
import type { Deflated } from '../inflated-bytes'
import { canHold, INFLATED_BYTES, inflatedBytes } from '../inflated-bytes'
import { BYTES_PER_ELEMENT, decoder, exactNumbers } from '../numbers'
import { readStrided } from '../strided-read'
import type { StridedLayout } from '../strided-cube'
import { stridedCube } from '../strided-cube'
import type { Box } from '../windowed-cube'
import { PIECE_BYTES, windowedCube } from '../windowed-cube'
import { describeMatlab } from './matlab-arrays'
import type { Matlab5Variable } from './matlab5-elements'
import { imaginaryPart, isMatlab5, listMatlab5 } from './matlab5-elements'

/** MATLAB 5 to 7.2. Arrays are column-major: (lines, samples, bands) lie as bands of transposed images. */
export const matlab5: CubeFormat = {
  name: 'MATLAB 5',
  async recognises(_path, head) {
    return isMatlab5(head)
  },
  async open(path, options) {
    const file = await openBytes(path)
    try {
      return await openMatlab5(path, file, options)
    } catch (error) {
      await file.close()
      throw error
    }
  },
}

async function openMatlab5(path: string, file: ByteSource, options: OpenOptions): Promise<Cube> {
  const budget = options.inflatedBytes ?? INFLATED_BYTES
  const { littleEndian, variables } = await listMatlab5(file, await fileSize(path), (struct) => {
    const deflated = deflatedOf(path, struct, struct.inflatedLength)
    return deflated.inflatedLength <= budget && canHold(deflated) ? inflatedBytes(deflated, budget, options.signal) : null
  })
  const listNumbers = async (list: Matlab5Variable): Promise<number[]> => {
    if (!list.stored) return []
    const bytes = new Uint8Array(list.dataBytes)
    const source = sourceOf(path, file, list, options)
    await source.read(list.dataStart, bytes)
    if (source !== file) await source.close()
    return exactNumbers(bytes, list.stored, littleEndian)
  }
  const { variable, axes, description } = await describeMatlab(path, 'MATLAB 5', variables, options, listNumbers)
  if (!variable.stored) throw new CuvetteError('not-a-cube', `The variable ${variable.name} of ${path} holds no plain numbers.`, { path, where: variable.name })
  const [first, second] = variable.shape
  const stepOf = (axis: number): number => [1, first, first * second][axis]
  const steps = { line: stepOf(axes.lines), sample: stepOf(axes.samples), band: axes.bands === null ? first * second : stepOf(axes.bands) }
  const layout: StridedLayout = { dtype: variable.stored, littleEndian, base: variable.dataStart, steps }
  const source = closingBoth(sourceOf(path, file, variable, options), file)
  if (variable.imaginary === null) return stridedCube(description, layout, source, options)
  description.dtype = variable.dtype === 'complex float32' ? 'complex64' : 'complex128'
  return complexCube(description, layout, variable, source, options)
}

/** Magnitudes of numbers whose real and imaginary parts lie in two arrays, one after the other. */
function complexCube(description: CubeDescription, layout: StridedLayout, variable: Matlab5Variable, source: ByteSource, options: OpenOptions): Cube {
  const { steps, littleEndian } = layout

  async function readPart(base: number, dtype: CubeDataType, box: Box, out: Float32Array, signals: (AbortSignal | undefined)[]): Promise<void> {
    await readStrided({
      source, base, out, signals,
      bytesPerElement: BYTES_PER_ELEMENT[dtype],
      decode: decoder(dtype, littleEndian, null),
      axes: [{ step: steps.line, ...box.lines }, { step: steps.sample, ...box.samples }, { step: steps.band, ...box.bands }],
      pieceBytes: options.pieceBytes ?? PIECE_BYTES,
    })
  }

  return windowedCube(description, {
    async read(box, out, signals) {
      const { dtype, start } = await imaginaryPart(source, variable, littleEndian)
      const imaginary = new Float32Array(out.length)
      await readPart(layout.base, layout.dtype, box, out, signals)
      await readPart(start, dtype, box, imaginary, signals)
      for (let n = 0; n < out.length; n += 1) out[n] = Math.hypot(out[n], imaginary[n])
    },
    close: () => source.close(),
  }, options)
}

/** The bytes in which `dataStart` of a variable counts. */
function sourceOf(path: string, file: ByteSource, variable: Matlab5Variable, options: OpenOptions): ByteSource {
  if (!variable.compressed) return file
  const deflated = deflatedOf(path, variable, variable.imaginary === null ? variable.dataStart + variable.dataBytes : variable.inflatedLength)
  if (!canHold(deflated)) {
    throw new CuvetteError('truncated', `${deflated.subject} is incomplete: ${deflated.length} compressed bytes cannot hold its ${variable.dataBytes} bytes; copy or export the file again.`, { path, where: variable.name })
  }
  return inflatedBytes(deflated, options.inflatedBytes ?? INFLATED_BYTES, options.signal)
}

function deflatedOf(path: string, variable: Matlab5Variable, inflatedLength: number): Deflated {
  const { start, length } = variable.element
  return { path, subject: `The variable ${variable.name} of ${path}`, start, length, kind: 'zlib', inflatedLength }
}

function closingBoth(source: ByteSource, file: ByteSource): ByteSource {
  if (source === file) return file
  return {
    ...source,
    async close() {
      await source.close()
      await file.close()
    },
  }
}
