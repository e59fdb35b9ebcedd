import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCube, readMask, wholeWindow } from '../../src/engine/cube'
import { editEnviHeader } from '../../src/engine/cube/formats/envi-header'
import { openLibrary } from '../../src/engine/cube/spectral-library/library'
import { resample } from '../../src/engine/cube/spectral-library/resample'
import { readSpectralAxis } from '../../src/engine/cube/spectral-source'
import { decodeSafetensors, encodeSafetensors } from '../../src/engine/files/safetensors'
import { readTorchArchive } from '../../src/engine/files/torch-archive'
import { Graph } from '../../src/engine/onnx/graph'
import { encodeModelMessage } from '../../src/engine/onnx/messages/schema'
import { encodeModel } from '../../src/engine/onnx/model'
import { decodeOptimizerModel, encodeOptimizerModel } from '../../src/engine/onnx/optimizer-model'
import { decodeModel } from '../../src/engine/onnx/reading/decode'
import { float32 } from '../../src/engine/onnx/tensor'
import { checkPipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { decodeCheckpoint, encodeCheckpoint } from '../../src/engine/training/checkpoint'
import { firstValues, readGuide, sourcesOf } from '../../src/engine/training/given-inputs'
import { givenTrainingModel } from '../../src/engine/training/given-models'
import { matlab5Bytes } from '../cube/support/matlab5-writer'
import { recipes } from '../formats/recipes'
import { checkpointBytes, handmadeLogistic, handmadeSVDD, trainingModel } from '../training/handmade-artifacts'

/** A parser, files that it takes, and what is done with a damaged one. */
export interface FuzzTarget {
  /** Valid files by name; one of them is damaged, the others stand beside it. Made once. */
  seeds(): Promise<Record<string, Uint8Array>[]>
  /** `path`: the damaged file, in a folder with its neighbours. Bad input must end in a CuvetteError. */
  run(path: string): Promise<unknown>
}

/** Where the project lies: the fuzz job runs there. */
const root = process.cwd()

const text = (lines: string): Uint8Array => new TextEncoder().encode(lines)

/** Opens a cube as everybody does, and reads from it. */
async function lookAtCube(path: string): Promise<void> {
  const cube = await openCube(path)
  try {
    const [lines, samples, bands] = cube.description.shape
    await cube.readPixels({ line: lines - 1, sample: samples - 1, lines: 1, samples: 1 })
    await cube.readBand(bands - 1, wholeWindow(cube.description), Math.max(1, Math.ceil(Math.sqrt((lines * samples) / 10_000))))
  } finally {
    await cube.close()
  }
}

/** Opens a library as everybody does, and brings its last spectrum to a few bands. */
async function lookAtLibrary(path: string): Promise<void> {
  const library = await openLibrary(path)
  try {
    const { library: { spectra }, wavelengths } = library.description
    const values = await library.spectrum(spectra.length - 1)
    if (wavelengths) resample({ wavelengthsNm: wavelengths, values }, { centres: [450, 455.5, 700], widths: [10, null, 20] })
  } finally {
    await library.close()
  }
}

const lookAtMask = (path: string): Promise<unknown> => readMask(path, [4, 5])

function onBytes(parse: (bytes: Uint8Array, path: string) => unknown): (path: string) => Promise<unknown> {
  return async (path) => parse(new Uint8Array(readFileSync(path)), path)
}

const envi = (more = ''): Record<string, Uint8Array> => ({
  'scene.hdr': text(`ENVI\n; a comment = 3\ndescription = {a scene, small}\nsamples = 5\nlines = 4\nbands = 3\nheader offset = 0\nfile type = ENVI Standard\ndata type = 12\ninterleave = bil\nbyte order = 0\nwavelength units = Nanometers\nwavelength = {450.5,\n 550, 650}\nfwhm = {5, 5, 5}\nband names = {a, b, c}\nbbl = {1, 0, 1}\ndefault bands = {3, 2, 1}\ndata ignore value = 65535\nmap info = {UTM, 1, 1, 500000, 5000000, 1, 1, 32, North, WGS-84}\n${more}`),
  'scene.img': new Uint8Array(2 * 60).map((_, at) => at),
})

/** The files that a recipe of the format manifest writes. */
function madeBy(recipe: string, settings: object): Record<string, Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'cuvette-fuzz-'))
  try {
    recipes[recipe].write(folder, settings)
    return Object.fromEntries(readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const size = { shape: [4, 5, 3] }

export const targets: Readonly<Record<string, FuzzTarget>> = {
  'envi-header': {
    seeds: async () => [
      envi(),
      envi('reflectance scale factor = 10000\ndata gain values = {1, 2, 3}\n'),
      { 'scene.hdr': text('BYTEORDER I\nNROWS 4\nNCOLS 5\nNBANDS 3\nNBITS 16\nLAYOUT BIL\nWAVELENGTHS\n450\n550\n650\nWAVELENGTHS_END\n'), 'scene.bil': new Uint8Array(120) },
    ],
    run: lookAtCube,
  },
  'envi-header-edit': {
    seeds: async () => [envi(), { 'scene.hdr': text('ENVI\r\nbbl = {1,\r\n 0}\r\nbbl = {1}\r\nwavelength = {1}') }],
    run: onBytes((bytes, path) => editEnviHeader(new TextDecoder().decode(bytes), path, new Map([['bbl', '{1, 1, 0}'], ['wavelength', null]]))),
  },
  'cube-corrections': {
    seeds: async () => [{ 'scene.cube.json': text('{ "cuvetteCube": 1, "cube": "scene.hdr", "corrections": { "badBands": [1], "wavelengths": [1, 2, 3], "wavelengthUnit": "nm", "noData": 5, "scale": 2 } }\n'), ...envi() }],
    run: lookAtCube,
  },
  'mask-classes': {
    seeds: async () => [{
      'scene.mask.json': text('{ "cuvetteMask": 1, "mask": "scene_mask.hdr", "classes": [{ "id": 1, "name": "weed", "colour": [255, 0, 0], "use": "ignore" }] }\n'),
      'scene_mask.hdr': text('ENVI\nsamples = 5\nlines = 4\nbands = 1\ndata type = 1\ninterleave = bsq\n'), 'scene_mask.img': new Uint8Array(20),
    }],
    run: lookAtMask,
  },
  'wavelength-text': {
    seeds: async () => [
      { 'list.csv': text('Band,Wavelength (nm),FWHM\n1,450.5,5\n2,550,5\n3,650,6\n') },
      { 'list.csv': text('{450,\n 550,5;\n 650}\n# a comment\n') },
      { 'list.csv': text('1;450,5\n2;550,0\n3;650,0\n') },
      { 'list.csv': envi()['scene.hdr'] },
    ],
    run: (path) => readSpectralAxis(path, 3),
  },
  'spectral-library': {
    seeds: async (): Promise<Record<string, Uint8Array>[]> => [
      { 'field.csv': text('# July\nwavelength (nm);grass;soil\n450;0,04;0,11\n460,5;0,05;\n470;0,06;0,13\n') },
      { 'field.csv': text('name,450 nm,460.5 nm,470 nm\n"grass, wet",0.04,0.05,0.06\nsoil,0.11,NaN,1.3e-1\n') },
      { 'field.csv': text('450 0.04 0.11\n460.5 0.05 0.12\n') },
      {
        'lib.hdr': text('ENVI\nsamples = 5\nlines = 3\nbands = 1\nheader offset = 0\nfile type = ENVI Spectral Library\ndata type = 4\ninterleave = bsq\nbyte order = 0\nwavelength units = Micrometers\nwavelength = {0.4, 0.5, 0.6, 0.7, 0.8}\nspectra names = {grass, soil, talc}\nbbl = {1, 1, 0, 1, 1}\nreflectance scale factor = 1000\n'),
        'lib.sli': new Uint8Array(60).map((_, at) => (at % 4 === 3 ? 65 : at)),
      },
    ],
    run: lookAtLibrary,
  },
  'envi-mask': {
    seeds: async () => [{
      'scene_mask.hdr': text('ENVI\nsamples = 5\nlines = 4\nbands = 1\nfile type = ENVI Classification\ndata type = 1\ninterleave = bsq\nclasses = 2\nclass names = {Unclassified, weed}\nclass lookup = {0, 0, 0, 255, 0, 0}\n'),
      'scene_mask.img': new Uint8Array(20),
    }],
    run: lookAtMask,
  },
  npy: { seeds: async () => [madeBy('npy', size), madeBy('npy', { ...size, descr: '>f8', fortran: true, version: 2 })], run: lookAtCube },
  npz: {
    seeds: async () => [false, true].map((deflate) => madeBy('npz', {
      members: [{ name: 'cube.npy', ...size, deflate }, { name: 'wavelengths.npy', shape: [3], deflate }, { name: 'mask.npy', shape: [4, 5], descr: '|u1', values: Array(20).fill(0), deflate }],
    })),
    run: lookAtCube,
  },
  lan: { seeds: async () => [0, 2].map((packing) => madeBy('lan', { packing, lines: 4, samples: 5, bands: 3 })), run: lookAtCube },
  'png-mask': {
    seeds: async () => [
      madeBy('png', { width: 5, height: 4, rows: Array(4).fill('0000010002') }),
      madeBy('png', { width: 5, height: 4, depth: 4, colourType: 3, palette: [0, 0, 0, 255, 0, 0, 0, 0, 255], rows: Array(4).fill('000120') }),
    ],
    run: lookAtMask,
  },
  'coco-mask': {
    seeds: async () => [{
      'scene.json': text(JSON.stringify({
        images: [{ id: 1, file_name: 'scene.png', width: 5, height: 4 }],
        annotations: [{ image_id: 1, category_id: 1, segmentation: [[0, 0, 3, 0, 3, 2.5]] }, { image_id: 1, category_id: 2, segmentation: { size: [4, 5], counts: [3, 2, 15] } }, { image_id: 1, category_id: 2, segmentation: { size: [4, 5], counts: '53<' } }],
        categories: [{ id: 1, name: 'rust' }, { id: 2, name: 'hole' }],
      })),
    }],
    run: lookAtMask,
  },
  matlab5: {
    seeds: async () => [true, false].map((compressed) => ({
      'scene.mat': new Uint8Array(matlab5Bytes([
        { name: 'data', shape: [4, 5, 3], matlabClass: 'uint16', stored: 'uint16', values: Array.from({ length: 60 }, (_, at) => at), compressed },
        { name: 'map', shape: [4, 5], matlabClass: 'uint8', stored: 'uint8', values: Array.from({ length: 20 }, (_, at) => at % 2), compressed },
      ])),
    })),
    run: lookAtCube,
  },
  safetensors: {
    seeds: async () => [{ 'state.safetensors': encodeSafetensors({ 'a.weight': float32([2, 3], [1, 2, 3, 4, 5, 6]), 'b.bias': float32([], [1]) }, { who: 'test' }) }],
    run: onBytes(decodeSafetensors),
  },
  'torch-archive': {
    seeds: async () => ['e2e_deepsvdd', 'e2e_mixer'].flatMap((name) => {
      const path = join(root, 'tests', 'golden', 'artifacts', `${name}.pt`)
      try {
        return [{ 'weights.pt': new Uint8Array(readFileSync(path)) }]
      } catch {
        return []
      }
    }),
    run: onBytes(readTorchArchive),
  },
  checkpoint: {
    seeds: async () => [{
      checkpoint: encodeCheckpoint({
        trainable: new Map([['p.weight', float32([2, 2], [1, 2, 3, 4])]]), frozen: new Map([['c.fixed', float32([2], [1, 2])]]), moving: new Map([['c.center', float32([2], [3, 4])]]),
        optimizer: { step: 3, initialLearningRate: 0.001, moments: new Map([['p.weight', [float32([2, 2], [0, 0, 0, 0]), float32([2, 2], [0, 0, 0, 0])]]]) },
        properties: { ints: { epoch: 1 }, strings: { note: 'x' } },
      }),
    }],
    run: onBytes(decodeCheckpoint),
  },
  'onnx-model': { seeds: async () => [{ 'model.onnx': smallModel() }], run: onBytes(decodeModel) },
  'optimizer-model': {
    seeds: async () => [{ 'optimizer_model.onnx': encodeOptimizerModel({ algorithm: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 }) }],
    run: onBytes(decodeOptimizerModel),
  },
  'given-training-model': {
    seeds: async () => [{ 'training_model.onnx': encodeModelMessage(trainingModel(handmadeLogistic(3))) }, { 'training_model.onnx': encodeModelMessage(trainingModel(handmadeSVDD(3))) }],
    // Which of the two it was shows by its parameters; with those of neither it is refused.
    run: onBytes((bytes, path) => {
      const checkpoints = [handmadeLogistic(3), handmadeSVDD(3)].map((set) => decodeCheckpoint(checkpointBytes(set), path))
      const named = checkpoints.find(({ trainable }) => [...trainable.keys()].every((name) => Buffer.from(bytes).includes(`${name}_grad.accumulation.buffer`)))
      givenTrainingModel(bytes, path, named ?? checkpoints[0], 3)
    }),
  },
  'artifact-inputs': {
    seeds: async () => [{ 'inputs.json': text('{ "inputs": [{ "name": "u", "draw": "uniform" }, { "name": "tau", "byEpoch": [10, 5, 1] }, { "name": "c", "first": [0.5, 1] }], "epochs": 3 }\n') }],
    run: async (path) => {
      const others = [{ name: 'u', shape: [2, 3], optional: false }, { name: 'tau', shape: [], optional: true }, { name: 'c', shape: [2], optional: true }]
      const guide = await readGuide(path)
      for (const source of sourcesOf(others, {}, guide, 1).values()) source(1, 0)
      firstValues(others, () => true, guide)
    },
  },
  'pipeline-document': {
    seeds: async () => ['deep-svdd', 'rx'].map((name) => ({ 'pipeline.yaml': new Uint8Array(readFileSync(join(root, 'resources', 'pipelines', `${name}.yaml`))) })),
    run: onBytes((bytes, path) => checkPipeline(parsePipeline(new TextDecoder().decode(bytes), path), { channels: 12, wavelengthsNm: null })),
  },
}

function smallModel(): Uint8Array {
  const graph = new Graph()
  const x = graph.input('x', 'float32', ['N', 4])
  const weight = graph.initializer('w', float32([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]))
  const hidden = graph.op('Relu', [graph.op('MatMul', [x, weight])])
  graph.output('y', graph.op('Transpose', [hidden], { perm: [1, 0] }))
  graph.output('s', graph.op('ReduceSum', [hidden], { keepdims: 0 }))
  return encodeModel(graph, { metadata: { who: 'test' } })
}

/** Puts the files of a seed into a folder. */
export function lay(folder: string, files: Readonly<Record<string, Uint8Array>>): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
}
