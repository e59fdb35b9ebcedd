/** One answer of the workbench holds at most this many bytes. */
const ANSWER_BYTES = 16 * 1024 * 1024

/**
 * The smallest stride at which one band of a cube is quick to read and fits into an answer: that of its picture, and of
 * the statistics that say how the picture is stretched, so that both are of the same pixels, read once.
 */
export function bandStride(lines: number, samples: number, quickStride = 1): number {
  let stride = quickStride
  while (Math.ceil(lines / stride) * Math.ceil(samples / stride) * 4 > ANSWER_BYTES) stride += quickStride
  return stride
}
