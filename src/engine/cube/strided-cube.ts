import type { CubeDataType, CubeDescription } from '../../shared/cube'
import type { ByteSource } from './bytes'
import type { Cube, OpenOptions } from './cube'
import { effectiveNoData } from './cube'
import { BYTES_PER_ELEMENT, decoder } from './numbers'
import { isOfPlanes, readPlanes } from './plane-read'
import { GAP_BYTES, readStrided } from './strided-read'
import type { BoxReader } from './windowed-cube'
import { PIECE_BYTES, windowedCube } from './windowed-cube'

/** Where the element (line, sample, band) lies: base + (line*steps.line + sample*steps.sample + band*steps.band) * bytes. */
export interface StridedLayout {
  dtype: CubeDataType
  littleEndian: boolean
  /** Byte position of element (0, 0, 0). */
  base: number
  /** In elements. */
  steps: { line: number; sample: number; band: number }
}

/** A cube whose numbers lie evenly spaced in a byte source. Closing it closes the source. */
export function stridedCube(
  description: CubeDescription,
  layout: StridedLayout,
  source: ByteSource,
  options: OpenOptions = {},
  headerFields?: ReadonlyMap<string, string>,
): Cube {
  const { steps } = layout
  const decode = decoder(layout.dtype, layout.littleEndian, effectiveNoData(description, options))
  const bytesPerElement = BYTES_PER_ELEMENT[layout.dtype]
  const pieceBytes = options.pieceBytes ?? PIECE_BYTES
  const spare: Uint8Array<ArrayBuffer>[] = []
  const reader: BoxReader = {
    bandBytes: bandBytes(description, layout),
    read: (box, out, signals) => {
      const common = { source, base: layout.base, bytesPerElement, decode, out, pieceBytes, signals }
      const [lines, samples] = description.shape
      const bandAfterBand = steps.sample === 1 && steps.line === samples && steps.band >= lines * samples
      if (bandAfterBand && samples * bytesPerElement <= pieceBytes && isOfPlanes(box, samples)) return readPlanes({ ...common, samples, bandStep: steps.band, box, spare })
      return readStrided({
        ...common,
        axes: [{ step: steps.line, ...box.lines }, { step: steps.sample, ...box.samples }, { step: steps.band, ...box.bands }],
      })
    },
    close: () => source.close(),
  }
  return windowedCube(description, reader, options, headerFields)
}

/** What a walk over one band reads: the band, and whatever is read over between its numbers. */
function bandBytes({ shape: [lines, samples] }: CubeDescription, { dtype, steps }: StridedLayout): number {
  const width = BYTES_PER_ELEMENT[dtype]
  const [inner, outer] = [{ step: steps.line, count: lines }, { step: steps.sample, count: samples }].sort((a, b) => a.step - b.step)
  const touched = (count: number, step: number, extent: number, read: number): number => ((step - extent) * width <= GAP_BYTES ? (count - 1) * step + extent : count * read)
  const row = touched(inner.count, inner.step, 1, 1)
  return width * touched(outer.count, outer.step, (inner.count - 1) * inner.step + 1, row)
}
