import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesOf, readMask, writeEnvi, writeNamedMask } from '../../src/engine/cube'
import { describeMask } from '../../src/engine/cube/mask'
import { problemOf, temporaryFolder } from './support/temporary'

const scratch = temporaryFolder()
const shape: [number, number] = [2, 3]
const values = Uint8Array.of(0, 1, 1, 2, 2, 2)

async function mask(name: string): Promise<string> {
  const colours = [[0, 0, 0], [255, 0, 0], [0, 255, 0]] as const
  const [data] = await writeEnvi(scratch.file(name), {
    lines: 2, samples: 3, bands: 1, dataType: 'uint8', values, header: { classes: ['ground', 'crop', 'weed'].map((label, id) => ({ name: label, colour: colours[id] })) },
  })
  return data
}

describe('a mask whose classes are named in a file of their own', () => {
  it('is the mask, with what is said and the rest as its file says', async () => {
    mkdirSync(join(scratch.path, 'project'))
    const path = join(scratch.path, 'project', 'named.mask.json')
    const data = await mask('labels')
    await writeNamedMask(path, data, [{ id: 1, name: 'maize', colour: [1, 2, 3], use: 'normal' }, { id: 2, use: 'ignore' }, { id: 9, name: 'absent' }])
    const read = await readMask(path, shape)
    expect(read.values).toEqual(values)
    expect(read.description).toMatchObject({ path: data, namedBy: path, classes: [
      { id: 0, count: 1, name: 'ground' }, { id: 1, count: 2, name: 'maize', colour: [1, 2, 3], use: 'normal' }, { id: 2, count: 3, name: 'weed', colour: [0, 255, 0], use: 'ignore' },
    ] })
    expect(read.description.classes).toHaveLength(3)
    expect(await describeMask(path, shape)).toEqual(read.description)
    expect(await filesOf(path)).toEqual([data, data.replace('.img', '.hdr'), path])
  })

  it.each([
    ['{ "cuvetteMask": 1 }', 'expected'],
    ['{ "cuvetteMask": 1, "mask": "labels.img", "classes": [{ "id": 300 }] }', 'classes.0.id'],
    ['{ "cuvetteMask": 1, "mask": "labels.img", "classes": [{ "id": 1, "use": "weed" }] }', 'classes.0.use'],
    ['{ "cuvetteMask": 1, "mask": "labels.img", "classes": [{ "id": 1 }, { "id": 1 }] }', 'a class is listed twice'],
    ['{ "cuvetteMask": 1, "mask": "faulty.mask.json", "classes": [] }', 'it names itself as the mask'],
    ['{ "cuvetteMask": 1, ', 'it is not JSON'],
  ])('says what is wrong with %s', async (text, sentence) => {
    const problem = await problemOf(() => readMask(scratch.file('faulty.mask.json', text), shape))
    expect(problem.code).toBe('bad-mask')
    expect(problem.message).toContain(sentence)
  })

  it('does not name another such file', async () => {
    const inner = scratch.file('inner.mask.json')
    await writeNamedMask(inner, await mask('deep'), [])
    const outer = scratch.file('outer.mask.json')
    await writeNamedMask(outer, inner, [])
    expect((await problemOf(() => readMask(outer, shape))).code).toBe('not-a-cube')
  })
})
