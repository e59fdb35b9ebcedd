import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { blurred, clipImage } from '../../src/engine/nodes/adaclip'
import { differentiate } from '../../src/engine/onnx/differentiate'
import { Graph } from '../../src/engine/onnx/graph'
import type { Value } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { antialiasMatrix, applyAlong } from '../../src/engine/onnx/operators/interpolation'
import { openSession } from '../../src/engine/onnx/session'
import { float32 } from '../../src/engine/onnx/tensor'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { compileInference } from '../../src/engine/pipeline/compile'
import { scorerFile, SMALL_SCORER } from '../onnx/transformer-scorer'

async function run(build: (graph: Graph, x: Value) => Value, shape: number[], values: number[]): Promise<Float32Array> {
  const graph = new Graph()
  // Sizes are symbols, as those of a cube are.
  const x = graph.input('x', 'float32', shape.map((size, axis) => (axis === 0 || size > 3 ? `S${axis}` : size)))
  graph.output('y', build(graph, x))
  const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
  const { y } = await session.run({ x: float32(shape, values) })
  await session.release()
  return y.data as Float32Array
}

function close(found: ArrayLike<number>, wanted: readonly number[], tolerance: number): void {
  expect(found.length).toBe(wanted.length)
  wanted.forEach((value, index) => expect(Math.abs(found[index] - value), `element ${index}: ${found[index]} for ${value}`).toBeLessThan(tolerance))
}

describe('resizing with antialiasing', () => {
  // Computed by torch.nn.functional.interpolate(antialias=True, align_corners=False) of PyTorch 1.13, [7, 5] to three sizes.
  const numbers = JSON.parse(readFileSync(join(import.meta.dirname, 'antialias.json'), 'utf8')) as Record<'given' | 'smaller' | 'larger' | 'linear', number[]>
  it.each([
    ['smaller', [3, 4], 'cubic'],
    ['larger', [9, 6], 'cubic'],
    ['linear', [3, 2], 'linear'],
  ] as const)('is that of PyTorch: %s', async (name, [lines, samples], mode) => {
    const found = await run((graph, x) => {
      const across = applyAlong(graph, x, antialiasMatrix(graph, graph.size(x, 3), samples, mode), 3)
      return applyAlong(graph, across, antialiasMatrix(graph, graph.size(x, 2), lines, mode), 2)
    }, [1, 1, 7, 5], numbers.given)
    close(found, numbers[name], 2e-6)
  })
})

describe('the preprocessing of CLIP', () => {
  it.each([[1, 1], [255, 255]])('takes values up to %d', async (largest) => {
    // One colour stays one colour, whatever the size.
    const colour = [1, 0.4, 0].map((share) => share * largest)
    const image = Array.from({ length: 4 * 5 * 3 }, (_, index) => colour[index % 3])
    const found = await run((graph, x) => clipImage(graph, x, 6, false), [1, 4, 5, 3], image)
    const wanted = [(1 - 0.48145466) / 0.26862954, (0.4 - 0.4578275) / 0.26130258, -0.40821073 / 0.27577711]
    close(found, Array.from({ length: 6 * 6 * 3 }, (_, index) => wanted[index % 3]), 1e-5)
  })

  it('rounds to whole numbers unless gradients are wanted', async () => {
    const image = Array.from({ length: 4 * 4 * 3 }, (_, index) => 100 + 0.3 * (index % 2))
    const rounded = await run((graph, x) => clipImage(graph, x, 4, false), [1, 4, 4, 3], image)
    const kept = await run((graph, x) => clipImage(graph, x, 4, true), [1, 4, 4, 3], image)
    expect(Math.abs(rounded[3] - kept[3])).toBeGreaterThan(1e-3)
    for (const gradients of [true, false]) {
      const graph = new Graph()
      const x = graph.input('x', 'float32', ['B', 'H', 'W', 3])
      const loss = graph.op('ReduceMean', [clipImage(graph, x, 4, gradients)], { keepdims: 0 })
      expect(differentiate(graph, loss, [x]).size).toBe(gradients ? 1 : 0)
    }
  })
})

/** Plain loops over the mirrored image: scipy.ndimage.gaussian_filter, mode reflect, truncate 4. */
function slowBlur(values: number[], size: number, sigma: number): number[] {
  const radius = Math.floor(4 * sigma + 0.5)
  const mirrored = (at: number): number => {
    const place = ((at % (2 * size)) + 2 * size) % (2 * size)
    return place < size ? place : 2 * size - 1 - place
  }
  const bell = Array.from({ length: 2 * radius + 1 }, (_, index) => Math.exp(-0.5 * ((index - radius) / sigma) ** 2))
  const total = bell.reduce((sum, weight) => sum + weight, 0)
  const along = (read: (line: number, sample: number, offset: number) => number): number[] =>
    values.map((_, index) => bell.reduce((sum, weight, tap) => sum + (weight / total) * read(Math.floor(index / size), index % size, tap - radius), 0))
  const across = along((line, sample, offset) => values[line * size + mirrored(sample + offset)])
  return along((line, sample, offset) => across[mirrored(line + offset) * size + sample])
}

it.each([[12, 1], [5, 4]])('smooths a map of %d pixels by %d, mirrored at its borders', async (size, sigma) => {
  const values = Array.from({ length: size * size }, (_, index) => Math.sin(index * 1.7) + (index === 3 ? 5 : 0))
  const found = await run((graph, x) => blurred(graph, x, size, sigma), [1, 1, size, size], values)
  close(found, slowBlur(values, size, sigma), 2e-6)
})

it('scores a cube of another size than the model wants', async () => {
  const text = JSON.stringify({
    nodes: { cube: { type: 'Cube' }, detector: { type: 'AdaCLIPDetector', config: { model: 'scorer.onnx', image_size: 16, gaussian_sigma: 1 } } },
    connections: [['cube.cube', 'detector.rgb']],
  })
  const bytes = scorerFile(SMALL_SCORER)
  const document = { ...parsePipeline(text, 'p.yaml'), files: new Map([['detector.model', { path: 'scorer.onnx', bytes, sha256: '' }]]) }
  const pipeline = resolvePipeline(document, { channels: 3, wavelengthsNm: null })
  const { graph } = compileInference(pipeline, new Map(), { ports: ['detector.anomaly_score'] })
  const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
  const found = await session.run({ cube: float32([2, 9, 7, 3], Array.from({ length: 2 * 9 * 7 * 3 }, (_, index) => (index % 11) / 11)) })
  await session.release()
  expect(found.scores.shape).toEqual([2, 9, 7, 1])
  expect(found['detector.anomaly_score'].shape).toEqual([2])
  const scores = Array.from(found.scores.data as Float32Array)
  expect(Number(found['detector.anomaly_score'].data[1])).toBe(Math.max(...scores.slice(63)))
  expect(new Set(scores).size).toBeGreaterThan(100)
})
