import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'
import { fileSize, openBytes } from '../bytes'
import type { CubeFormat, OpenOptions } from '../cube'
import { canHold, INFLATED_BYTES, inflatedBytes } from '../inflated-bytes'
import { stridedCube } from '../strided-cube'
import type { Matlab5Variable } from './matlab5-elements'
import { isMatlab5, listMatlab5 } from './matlab5-elements'
import { chooseVariable, describeArray } from './variables'

/** MATLAB 5 to 7.2. Arrays are column-major: (lines, samples, bands) lie as bands of transposed images. */
export const matlab5: CubeFormat = {
  name: 'MATLAB 5',
  async recognises(_path, head) {
    return isMatlab5(head)
  },
  async open(path, options) {
    const file = await openBytes(path)
    try {
      const { littleEndian, variables } = await listMatlab5(file, await fileSize(path))
      const variable = chooseVariable(variables, options, path)
      if (!variable.stored) throw new CuvetteError('not-a-cube', `The variable ${variable.name} of ${path} holds no plain numbers.`, { path, where: variable.name })
      const description = describeArray(path, 'MATLAB 5', variable, variable.stored, variables)
      const [lines, samples] = description.shape
      const source = variable.compressed ? decompressed(path, file, variable, options) : file
      const steps = { line: 1, sample: lines, band: lines * samples }
      return stridedCube(description, { dtype: variable.stored, littleEndian, base: variable.dataStart, steps }, source, options)
    } catch (error) {
      await file.close()
      throw error
    }
  },
}

function decompressed(path: string, file: ByteSource, variable: Matlab5Variable, options: OpenOptions): ByteSource {
  const deflated = {
    path,
    subject: `The variable ${variable.name} of ${path}`,
    start: variable.element.start,
    length: variable.element.length,
    kind: 'zlib' as const,
    inflatedLength: variable.dataStart + variable.dataBytes,
  }
  if (!canHold(deflated)) {
    throw new CuvetteError('truncated', `${deflated.subject} is incomplete: ${deflated.length} compressed bytes cannot hold its ${variable.dataBytes} bytes; copy or export the file again.`, { path, where: variable.name })
  }
  const inflated = inflatedBytes(deflated, options.inflatedBytes ?? INFLATED_BYTES, options.signal)
  return {
    ...inflated,
    async close() {
      await inflated.close()
      await file.close()
    },
  }
}
