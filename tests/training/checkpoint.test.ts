import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Builder } from 'flatbuffers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { float32 } from '../../src/engine/onnx/tensor'
import type { Checkpoint } from '../../src/engine/training/checkpoint'
import { decodeCheckpoint, encodeCheckpoint, readCheckpoint, requireShapes, writeCheckpoint } from '../../src/engine/training/checkpoint'

const example: Checkpoint = {
  trainable: new Map([
    ['projection.fc1.weight', float32([2, 3], [1, -2, 3.5, 4e-20, 5, Number.NaN])],
    ['loss.r_unconstrained', float32([], [0.25])],
  ]),
  frozen: new Map([['tracker.center', float32([4], [1, 2, 3, 4])]]),
  moving: new Map([['mixer.running_mean', float32([2], [-0, Number.NaN])], ['inverse', float32([1, 2], [1e-40, 3.4e38])]]),
  optimizer: {
    step: 5_000_000_000,
    initialLearningRate: 0.5,
    moments: new Map([
      ['projection.fc1.weight', [float32([2, 3], [1, 2, 3, 4, 5, 6]), float32([2, 3], [6, 5, 4, 3, 2, 1])]],
      ['loss.r_unconstrained', [float32([], [7]), float32([], [8])]],
    ]),
  },
  properties: { ints: { epoch: 12, seed: 1 }, strings: { schedule: '{"learningRate":0.001}', 'name with ü': 'µm' } },
}

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'cuvette-checkpoint-')) })
afterEach(async () => { await rm(folder, { recursive: true }) })

describe('training checkpoint', () => {
  it('comes back as it was written, and gives the same bytes again', async () => {
    const path = join(folder, 'checkpoint')
    await writeCheckpoint(path, example)
    const read = await readCheckpoint(path)
    expect(read).toEqual(example)
    expect(encodeCheckpoint(read)).toEqual(encodeCheckpoint(example))
    expect(await readdir(folder)).toEqual(['checkpoint'])
  })

  it('has the identifier and both lists of parameters even when nothing is frozen', () => {
    const bytes = encodeCheckpoint({ ...example, frozen: new Map(), moving: new Map(), optimizer: null })
    expect(new TextDecoder().decode(bytes.subarray(4, 8))).toBe('ODTC')
    expect(decodeCheckpoint(bytes, 'x').frozen.size).toBe(0)
    expect(decodeCheckpoint(bytes, 'x').optimizer).toBeNull()
  })

  it('refuses another kind of file, another version and a list that is missing', () => {
    expect(() => decodeCheckpoint(new TextEncoder().encode('not a checkpoint at all'), 'some/checkpoint')).toThrow(/some\/checkpoint cannot be used: it starts with .* so it is no training checkpoint/)
    expect(() => decodeCheckpoint(new Uint8Array(0), 'x')).toThrow(/no training checkpoint/)
    const version1 = new Builder(64)
    version1.startObject(4)
    version1.addFieldInt32(0, 1, 0)
    version1.finish(version1.endObject(), 'ODTC')
    expect(() => decodeCheckpoint(version1.asUint8Array(), 'x')).toThrow('it has version 1, this Cuvette reads version 2')
    const empty = new Builder(64)
    empty.startObject(4)
    empty.addFieldInt32(0, 2, 0)
    empty.finish(empty.endObject(), 'ODTC')
    expect(() => decodeCheckpoint(empty.asUint8Array(), 'x')).toThrow('it holds no list of parameters')
  })

  it('keeps what moves as properties, so that the training runtime takes it as inputs, and refuses one that is no tensor', () => {
    const { strings } = example.properties
    const text = (value: string) => encodeCheckpoint({ ...example, moving: new Map(), properties: { ints: {}, strings: { ...strings, 'moving:center': value } } })
    expect(decodeCheckpoint(text('{"shape":[2],"float32":"AACAPwAAAEA="}'), 'x').moving).toEqual(new Map([['center', float32([2], [1, 2])]]))
    expect(decodeCheckpoint(text('{"shape":[2],"float32":"AACAPwAAAEA="}'), 'x').properties.strings).toEqual(strings)
    for (const wrong of ['', 'null', '[]', '{"shape":[3],"float32":"AACAPwAAAEA="}', '{"shape":[-1],"float32":""}', '{"shape":[1]}']) {
      expect(() => decodeCheckpoint(text(wrong), 'x')).toThrow('The checkpoint x cannot be used: its property moving:center holds no tensor; fit the pipeline again.')
    }
  })

  it('refuses every truncation with one sentence, and never crashes on a flipped byte', () => {
    const bytes = encodeCheckpoint(example)
    for (let length = 0; length < bytes.length; length += 1) {
      const cut = bytes.slice(0, length)
      try {
        // The last bytes of a FlatBuffer may be padding or text that nothing checks.
        expect(decodeCheckpoint(cut, 'x')).toBeDefined()
        expect(length).toBeGreaterThan(bytes.length - 8)
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-artifact' })
      }
    }
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = bytes.slice()
      flipped[at] ^= 0xff
      try {
        decodeCheckpoint(flipped, 'x')
      } catch (error) {
        expect(error).toMatchObject({ code: 'bad-artifact' })
      }
    }
  })

  it('names a file that is not there', async () => {
    await expect(readCheckpoint(join(folder, 'none'))).rejects.toMatchObject({ code: 'missing-file', path: join(folder, 'none') })
    await writeFile(join(folder, 'short'), encodeCheckpoint(example).subarray(0, 200))
    await expect(readCheckpoint(join(folder, 'short'))).rejects.toMatchObject({ code: 'bad-artifact' })
  })

  it('refuses shapes that do not fit the pipeline', () => {
    const shapes = new Map<string, readonly number[]>([['projection.fc1.weight', [2, 3]], ['loss.r_unconstrained', []], ['tracker.center', [4]], ['mixer.running_mean', [2]], ['inverse', [1, 2]]])
    expect(() => requireShapes(example, shapes, 'x')).not.toThrow()
    expect(() => requireShapes(example, new Map(shapes).set('tracker.center', [5]), 'x')).toThrow('tracker.center has shape [4], the pipeline expects [5]')
    expect(() => requireShapes(example, new Map(shapes).set('more', [1]), 'x')).toThrow('it has no parameter more')
    const fewer = new Map(shapes)
    fewer.delete('tracker.center')
    expect(() => requireShapes(example, fewer, 'x')).toThrow('it holds tracker.center, which the pipeline does not have')
    const moments = new Map(example.optimizer?.moments).set('loss.r_unconstrained', [float32([2], [1, 2])])
    expect(() => requireShapes({ ...example, optimizer: { step: 1, initialLearningRate: 1, moments } }, shapes, 'x')).toThrow('a moment of loss.r_unconstrained has shape [2], expected []')
  })
})
