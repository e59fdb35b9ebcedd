import { mkdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { describeCube, openCube } from '../../src/engine/cube/open-cube'
import { cannotRead } from '../../src/engine/cube/bytes'
import { FORMATS_READ } from '../../src/engine/cube/formats'
import { formatReference, parseReference } from '../../src/engine/cube/reference'
import { plainCube, writeSmallCube } from './support/envi-files'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()

describe('what is not a cube', () => {
  it.each<[string, Uint8Array | string, string]>([
    ['notes.txt', 'hello, world\n', 'a text file'],
    ['photo.png', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), 'a PNG picture'],
    ['photo.jpg', Buffer.from([0xff, 0xd8, 0xff, 0xe0]), 'a JPEG picture'],
    ['empty.img', '', 'an empty file'],
    ['numbers.img', Buffer.from([1, 0, 2, 0, 3, 0]), 'binary data without an ENVI header'],
    ['old.mat', Buffer.from([0, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0]), 'a MATLAB file of another version (save it again with the option -v7)'],
  ])('%s', async (name, content, looks) => {
    const path = folder.file(name, content)
    const { code, message, path: named } = await problemOf(() => openCube(path))
    expect({ code, message, path: named }).toEqual({
      code: 'not-a-cube',
      path,
      message: `${path} is not a cube that can be read: it looks like ${looks}; the formats read are ${FORMATS_READ}.`,
    })
  })

  it('a folder', async () => {
    mkdirSync(folder.file('sub'))
    expect(await problemOf(() => openCube(folder.file('sub')))).toMatchObject({
      code: 'not-a-cube', message: `${folder.file('sub')} is a folder, not a cube; open a file inside it.`,
    })
  })

  it('a file that may not be read', () => {
    // The administrator may read everything, so the refusal of the system is given.
    expect(cannotRead('/data/cube.img', Object.assign(new Error('no'), { code: 'EACCES' }))).toMatchObject({
      code: 'missing-file', message: '/data/cube.img may not be read; change its permissions or choose another file.',
    })
  })

  it('nothing', async () => {
    expect(await problemOf(() => describeCube(folder.file('gone.img')))).toMatchObject({
      code: 'missing-file', message: `There is no file ${folder.file('gone.img')}; check the path.`,
    })
  })
})

describe('asking an open cube for what it does not have', () => {
  const path = writeSmallCube(folder.file('asked.img'), plainCube)

  it.each([
    [{ line: 0, sample: 0, lines: 4, samples: 1 }, 'The window of 4 x 1 pixels at line 0, sample 0'],
    [{ line: -1, sample: 0, lines: 1, samples: 1 }, 'The window of 1 x 1 pixels at line -1, sample 0'],
    [{ line: 0, sample: 4, lines: 1, samples: 1 }, 'The window of 1 x 1 pixels at line 0, sample 4'],
    [{ line: 0.5, sample: 0, lines: 1, samples: 1 }, 'The window of 1 x 1 pixels at line 0.5, sample 0'],
    [{ line: 0, sample: 0, lines: 0, samples: 1 }, 'The window of 0 x 1 pixels at line 0, sample 0'],
  ])('a window outside: %j', async (window, begins) => {
    const cube = await openCube(path)
    expect(await problemOf(() => cube.readPixels(window))).toMatchObject({
      code: 'bad-argument', message: `${begins} lies outside ${path}, which has 3 lines and 4 samples.`,
    })
    await cube.close()
  })

  it('a band, a stride, a target, or anything after closing', async () => {
    const cube = await openCube(path)
    const one = { line: 0, sample: 0, lines: 1, samples: 1 }
    const expectProblem = async (call: () => unknown, message: string) => expect(await problemOf(call)).toMatchObject({ code: 'bad-argument', message })
    await expectProblem(() => cube.readBand(5, one), `There is no band 5 in ${path}; its bands are 0 to 4.`)
    await expectProblem(() => cube.readPixels(one, [0, -1]), `There is no band -1 in ${path}; its bands are 0 to 4.`)
    await expectProblem(() => cube.readBand(0, one, 0), `A stride of 0 cannot be read from ${path}; it is a whole number from 1.`)
    await expectProblem(() => cube.readPixels(one, null, new Float32Array(4)), `The target for pixels of ${path} holds 4 numbers; 5 are needed.`)
    await cube.close()
    await expectProblem(() => cube.readBand(0, one), `${path} was closed; open it again.`)
    await cube.close()
  })

  it('reading that was cancelled, by the signal of the read or of the cube', async () => {
    const whole = { line: 0, sample: 0, lines: 3, samples: 4 }
    const cancelled = { code: 'cancelled', message: `Reading ${path} was cancelled.` }
    const cube = await openCube(path)
    expect(await problemOf(() => cube.readPixels(whole, null, undefined, AbortSignal.abort()))).toMatchObject(cancelled)
    await cube.close()
    const stop = new AbortController()
    const other = await openCube(path, { signal: stop.signal })
    stop.abort()
    expect(await problemOf(() => other.readBand(0, whole))).toMatchObject(cancelled)
    await other.close()
    expect(await problemOf(() => openCube(path, { signal: AbortSignal.abort() }))).toMatchObject(cancelled)
  })
})

describe('references', () => {
  it('take the variable from behind the "#"', () => {
    const path = folder.file('scene.mat', 'x')
    expect(parseReference(`${path}#data`)).toEqual({ path, variable: 'data' })
    expect(parseReference(`${path}#`)).toEqual({ path, variable: null })
    expect(parseReference(path)).toEqual({ path, variable: null })
  })

  it('leave a "#" of a real name where it is', () => {
    const path = folder.file('scene #3.mat', 'x')
    expect(parseReference(path)).toEqual({ path, variable: null })
    expect(parseReference(`${path}#data`)).toEqual({ path, variable: 'data' })
    mkdirSync(folder.file('run#1'))
    const inside = folder.file('run#1/scene.mat', 'x')
    expect(parseReference(`${inside}#a#b`)).toEqual({ path: inside, variable: 'a#b' })
  })

  it('keep a missing path as it was meant', () => {
    expect(parseReference(folder.file('gone.mat#data'))).toEqual({ path: folder.file('gone.mat'), variable: 'data' })
    expect(parseReference(folder.file('gone#1.mat'))).toEqual({ path: folder.file('gone#1.mat'), variable: null })
  })

  it('are absolute, and can be written again', () => {
    expect(parseReference('package.json').path).toBe(`${process.cwd()}/package.json`)
    expect(formatReference({ path: '/a.mat', variable: 'x' })).toBe('/a.mat#x')
    expect(formatReference({ path: '/a.mat', variable: null })).toBe('/a.mat')
  })
})
