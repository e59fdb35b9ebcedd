import { mkdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { describeCube } from '../../src/engine/cube/open-cube'
import { filesOf } from '../../src/engine/cube/open-file'
import { dataBytes, headerText, plainCube } from './support/envi-files'
import { problemOf, temporaryFolder } from './support/temporary'

const root = temporaryFolder()
let number = 0

/** A folder with these files; a header or data of the plain cube unless content is given. */
function folderWith(files: Record<string, string | Uint8Array | 'header' | 'data'>): (name: string) => string {
  number += 1
  const sub = `case-${number}`
  mkdirSync(`${root.path}/${sub}`)
  for (const [name, content] of Object.entries(files)) {
    root.file(`${sub}/${name}`, content === 'header' ? headerText(plainCube) : content === 'data' ? dataBytes(plainCube) : content)
  }
  return (name) => `${root.path}/${sub}/${name}`
}

describe('finding header and data', () => {
  it.each([
    ['a.hdr', 'a'], ['a.hdr', 'a.img'], ['a.hdr', 'a.dat'], ['a.hdr', 'a.raw'], ['a.hdr', 'a.bsq'], ['a.hdr', 'a.hyspex'],
    ['A.HDR', 'a.IMG'], ['a.img.hdr', 'a.img'], ['a.b.hdr', 'a.b'], ['scene.bin.HDR', 'scene.bin'],
  ])('%s with %s, whichever is named', async (header, data) => {
    const at = folderWith({ [header]: 'header', [data]: 'data' })
    expect(await describeCube(at(header))).toMatchObject({ path: at(header), shape: [3, 4, 5] })
    expect(await describeCube(at(data))).toMatchObject({ path: at(data), shape: [3, 4, 5] })
    for (const named of [header, data]) expect(await filesOf(at(named))).toEqual([at(data), at(header)])
  })

  it('prefers the header that is named after the whole data file', async () => {
    const at = folderWith({ 'a.img': 'data', 'a.img.hdr': 'header', 'a.hdr': headerText({ ...plainCube, lines: 4, samples: 3 }) })
    expect((await describeCube(at('a.img'))).shape).toEqual([3, 4, 5])
  })

  it('chooses the data file whose size fits', async () => {
    const at = folderWith({ 'a.hdr': 'header', 'a.img': new Uint8Array(7), 'a.dat': 'data', 'a.raw': new Uint8Array(4000) })
    expect((await describeCube(at('a.hdr'))).warnings).toEqual([])
  })

  it('takes a data file with an unusual ending when its size is exact', async () => {
    const at = folderWith({ 'a.hdr': 'header', 'a.xyz': 'data' })
    expect((await describeCube(at('a.xyz'))).shape).toEqual([3, 4, 5])
  })

  it('does not take a text file beside a cube for its data', async () => {
    const at = folderWith({ 'a.hdr': 'header', 'a.img': 'data', 'a.txt': 'notes' })
    expect((await problemOf(() => describeCube(at('a.txt')))).code).toBe('not-a-cube')
  })

  it('says when the data file holds more than the header describes', async () => {
    const at = folderWith({ 'a.hdr': 'header', 'a.img': Buffer.concat([dataBytes(plainCube), Buffer.alloc(6)]) })
    expect((await describeCube(at('a.hdr'))).warnings).toEqual(['a.img holds 6 bytes more than the header describes; they are not read.'])
  })
})

describe('files that cannot be opened', () => {
  it('a header without data', async () => {
    const at = folderWith({ 'a.hdr': 'header' })
    const { code, message, path } = await problemOf(() => describeCube(at('a.hdr')))
    expect({ code, message, path }).toEqual({
      code: 'missing-file',
      path: at('a.hdr'),
      message: `${at('a.hdr')} is a header without data: there is no a, a.img, a.dat or a.raw beside it; put the data file there or open it under its own name.`,
    })
  })

  it('data shorter than the header says', async () => {
    const at = folderWith({ 'a.hdr': headerText({ ...plainCube, offset: 8 }), 'a.img': dataBytes(plainCube) })
    for (const named of ['a.hdr', 'a.img']) {
      const { code, message, path } = await problemOf(() => describeCube(at(named)))
      expect({ code, message, path }).toEqual({
        code: 'truncated',
        path: at('a.img'),
        message: `${at('a.img')} holds 120 bytes, but a.hdr describes 128 (3 lines x 4 samples x 5 bands of uint16 after 8 bytes); copy the file again or correct the header.`,
      })
    }
  })

  it('compressed data that cannot be all of it', async () => {
    const big = { ...plainCube, lines: 3000, samples: 4000 }
    const at = folderWith({ 'a.hdr': headerText(big, 'file compression = 1\n'), 'a.img': Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]) })
    expect(await problemOf(() => describeCube(at('a.hdr')))).toMatchObject({
      code: 'truncated',
      message: `${at('a.img')} holds 10 compressed bytes, which cannot be the 120000000 that a.hdr describes (3000 lines x 4000 samples x 5 bands of uint16); copy the file again or correct the header.`,
    })
  })

  it('a variable of a file that has none', async () => {
    const at = folderWith({ 'a.hdr': 'header', 'a.img': 'data' })
    expect(await problemOf(() => describeCube(`${at('a.img')}#data`))).toMatchObject({
      code: 'bad-argument',
      message: `${at('a.img')} holds one cube without a name; leave out "#data".`,
    })
  })
})
