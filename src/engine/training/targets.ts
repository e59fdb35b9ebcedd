import type { CubeDescription } from '../../shared/cube'
import type { SpectralTarget } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import type { TargetRecord } from '../../shared/reports'
import type { Cube, Reference, Region } from '../cube'
import { entryIndex, filesOf, formatReference, meanSpectrum, openLibrary, readMask, regionOf, scaleBetween, spectrumAtBands, wholeWindow } from '../cube'
import { sha256File } from '../files/sha256'
import { lacksTargets, originOf, targetsOf } from '../nodes/targets'
import { compileUpTo } from '../pipeline/compile'
import { ancestors, looksAtImages } from '../pipeline/locality'
import { requireReadable } from '../pipeline/node-files'
import type { Pipeline, PipelineNode, PipelineState } from '../pipeline/pipeline'
import { enteringBands } from '../pipeline/pipeline'
import { stateKey, trainedNames } from '../pipeline/state'
import { encodeModel } from '../onnx/model'
import { openSession } from '../onnx/session'
import type { Tensor } from '../onnx/tensor'
import { float32 } from '../onnx/tensor'

/** A target that was read. */
export interface ReadTarget {
  name: string
  origin: string
  /** One number per band of the cube; NaN where its source says nothing of the band. */
  values: Float64Array
  record: TargetRecord
}

/** Where pixels and regions are looked up. */
export interface TargetPlace {
  cube: Cube
  mask: Reference | null
}

/**
 * Reads the targets of every detector of a pipeline, by node. Libraries are looked for beside the document, and may lie in
 * `granted` (as in withNodeFiles). Pixels and regions are those of the first place; a class is averaged over all that have
 * a mask. Throws CuvetteError: what is missing or does not fit, with the node.
 */
export async function readSpectralTargets(pipeline: Pipeline, places: readonly TargetPlace[], granted: readonly string[] | null, signal?: AbortSignal): Promise<Map<string, ReadTarget[]>> {
  const found = new Map<string, ReadTarget[]>()
  for (const node of pipeline.nodes) {
    if (!node.type.targets) continue
    requireTargets(node, pipeline)
    const own: ReadTarget[] = []
    for (const [name, target] of targetsOf(node.parameters)) {
      own.push(await readTarget(node, name, target, { pipeline, places, granted, signal }))
    }
    if (own.length > 0) found.set(node.name, own)
  }
  return found
}

/**
 * Checks the targets of a pipeline for a cube without reading more of it than headers: libraries, entries, places, lengths,
 * and, of detectors right behind the cube, whether a library has all bands. Classes are left to the fit, which has the
 * mask. Throws as readSpectralTargets.
 */
export async function checkSpectralTargets(pipeline: Pipeline, cube: Cube, granted: readonly string[] | null, signal?: AbortSignal): Promise<void> {
  for (const node of pipeline.nodes) {
    if (!node.type.targets) continue
    requireTargets(node, pipeline)
    const behindCube = pipeline.nodes.find(({ name }) => name === node.inputs[node.type.targets?.port ?? ''].node)?.type.description.role === 'source'
    for (const [name, target] of targetsOf(node.parameters)) {
      if (target.class !== undefined) continue
      if (target.rectangle ?? target.polygon) {
        await naming(node, name, async () => regionOf(cube, target))
        continue
      }
      const read = await readTarget(node, name, target, { pipeline, places: [{ cube, mask: null }], granted, signal })
      if (behindCube && !enteringBands(pipeline).every((band) => Number.isFinite(read.values[band]))) throw incomplete(node, read, pipeline)
    }
  }
}

/** A detector needs something to look for, and nodes before it that make of a spectrum what they make of a pixel. */
function requireTargets(node: PipelineNode, pipeline: Pipeline): void {
  const { name, type, parameters, inputs } = node
  const { description: { type: called }, targets } = type
  const where = `nodes.${name}`
  if (lacksTargets(type, parameters, Object.keys(inputs))) {
    throw new CuvetteError('bad-pipeline', `The node ${name} (${called}) has nothing to look for; state a target, such as {library: minerals.sli, entry: Kaolinite} or {pixel: [line, sample]}.`, { path: pipeline.document.path, where })
  }
  if (!targets || targetsOf(parameters).length === 0) return
  const from = inputs[targets.port].node
  if (looksAtImages(pipeline, from)) {
    throw new CuvetteError('bad-pipeline', `The node ${name} (${called}) has targets, but a node before it looks at whole images, which a single spectrum is not; put the detector before it.`, { path: pipeline.document.path, where })
  }
  if (!pipeline.trainer || pipeline.trainer.epochs === 0) return
  const trained = trainedNames(pipeline, pipeline.trainer)
  const moving = ancestors(pipeline, [from]).find((before) => (before.type.state?.(before.parameters) ?? []).some((tensor) => trained.includes(stateKey(before.name, tensor.name))))
  if (moving) {
    throw new CuvetteError('bad-pipeline', `The node ${name} (${called}) has targets, but ${moving.name} before it trains and would change what they look like; freeze ${moving.name}, or put the detector before it.`, { path: pipeline.document.path, where })
  }
}

interface Sources {
  pipeline: Pipeline
  places: readonly TargetPlace[]
  granted: readonly string[] | null
  signal?: AbortSignal
}

async function readTarget(node: PipelineNode, name: string, target: SpectralTarget, sources: Sources): Promise<ReadTarget> {
  const { values, file, factor = 1 } = await naming(node, name, () => spectrumOf(node, target, sources))
  return { name, origin: originOf(target), values, record: { node: node.name, name, target, ...(file && { file }), ...(factor !== 1 && { factor }) } }
}

/** Errors say which target of which node they are about. */
async function naming<T>(node: PipelineNode, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof CuvetteError)) throw error
    throw new CuvetteError(error.code, `The target ${name} of the node ${node.name} (${node.type.description.type}): ${error.message}`, { path: error.path, where: `nodes.${node.name}`, cause: error })
  }
}

interface Found {
  values: Float64Array
  file?: { path: string; sha256: string }
  factor?: number
}

async function spectrumOf(node: PipelineNode, target: SpectralTarget, { pipeline, places, granted, signal }: Sources): Promise<Found> {
  const [{ cube }] = places
  const { description } = cube
  if (target.library !== undefined) return ofLibrary(await requireReadable(node, target.library, 'spectral library', pipeline.document, granted), target.entry ?? 1, description, signal)
  if (target.spectrum) {
    const bands = description.shape[2]
    if (target.spectrum.length === bands) return { values: Float64Array.from(target.spectrum) }
    throw new CuvetteError('bad-pipeline', `The spectrum has ${target.spectrum.length} numbers, but ${description.path} has ${bands} bands; list one number for each band.`)
  }
  if (target.class !== undefined) return { values: await ofClass(target.class, places, signal) }
  return { values: await meanOf([regionOf(cube, target)], originOf(target), signal) }
}

async function ofLibrary(path: string, entry: string | number, cube: CubeDescription, signal?: AbortSignal): Promise<Found> {
  const library = await openLibrary(path, signal)
  try {
    const values = await spectrumAtBands(library, entryIndex(library.description, entry), cube, signal)
    const [data] = await filesOf(path).catch(() => [path])
    return { values, file: { path, sha256: await sha256File(data, signal) }, factor: scaleBetween(library.description, cube) }
  } finally {
    await library.close()
  }
}

async function ofClass(wanted: string | number, places: readonly TargetPlace[], signal?: AbortSignal): Promise<Float64Array> {
  const regions: Region[] = []
  const known = new Set<string>()
  for (const { cube, mask } of places) {
    if (!mask) continue
    const [lines, samples] = cube.description.shape
    const { values, description } = await readMask(formatReference(mask), [lines, samples], signal)
    const ids = description.classes.filter(({ id, name }) => (typeof wanted === 'number' ? id === wanted : name?.toLowerCase() === wanted.toLowerCase())).map(({ id }) => id)
    for (const { id, name } of description.classes) known.add(name ? `${id} (${name})` : String(id))
    if (ids.length > 0) regions.push({ cube, window: wholeWindow(cube.description), holds: (pixel) => ids.includes(values[pixel]) })
  }
  if (regions.length > 0) return meanOf(regions, `the class ${wanted} of the mask`, signal)
  const [{ cube: { description: { path } } }] = places
  if (known.size === 0) throw new CuvetteError('bad-data', `${path} has no mask, so there is no class ${wanted}; name a mask, or another target.`, { path })
  throw new CuvetteError('bad-data', `The mask has no pixel of the class ${wanted}; it has the classes ${[...known].slice(0, 12).join(', ')}.`, { path })
}

async function meanOf(regions: readonly Region[], what: string, signal?: AbortSignal): Promise<Float64Array> {
  const mean = await meanSpectrum(regions, signal)
  const { path } = regions[0].cube.description
  if (mean.every(Number.isNaN)) throw new CuvetteError('bad-data', `${path} holds no value at ${what}; choose another place.`, { path })
  return mean
}

/**
 * The targets of one detector as it sees them [K, channels]: brought through the nodes before it, whose state is set.
 * Throws CuvetteError('bad-data') where a target says nothing of a band that is needed.
 */
export async function targetsSeen(node: PipelineNode, targets: readonly ReadTarget[], pipeline: Pipeline, state: PipelineState): Promise<Tensor<'float32'>> {
  const { channels } = pipeline.facts
  const from = node.inputs[node.type.targets?.port ?? '']
  const { graph, output } = compileUpTo(pipeline, state, `${from.node}.${from.port}`)
  const pixels = Float32Array.from(targets.flatMap(({ values }) => [...values]))
  let seen: Float32Array = pixels
  if (graph.nodes.length > 0) {
    const session = await openSession(encodeModel(graph), 'cpu')
    const results = await session.run({ cube: float32([1, 1, targets.length, channels], pixels) }).finally(() => session.release())
    seen = results[output].data as Float32Array
  }
  const width = seen.length / targets.length
  targets.forEach((target, index) => {
    if (!seen.subarray(index * width, (index + 1) * width).every(Number.isFinite)) throw incomplete(node, target, pipeline)
  })
  return float32([targets.length, width], seen)
}

function incomplete(node: PipelineNode, { name, origin, values }: ReadTarget, pipeline: Pipeline): CuvetteError {
  const { wavelengthsNm } = pipeline.facts
  const missing = enteringBands(pipeline).filter((band) => !Number.isFinite(values[band]))
  const shown = missing.slice(0, 3).map((band) => (wavelengthsNm ? `${band} (${Number(wavelengthsNm[band].toPrecision(5))} nm)` : String(band)))
  const which = missing.length === 0 ? 'what the nodes before make of it is not finite' : `${origin} says nothing of ${missing.length} of the bands: ${shown.join(', ')}${missing.length > 3 ? ', ...' : ''}`
  return new CuvetteError('bad-data', `The target ${name} of the node ${node.name} (${node.type.description.type}) cannot be used: ${which}; leave these bands out (drop_bands of the Cube node, or BandpassByWavelength), or choose another target.`, { where: `nodes.${node.name}` })
}

