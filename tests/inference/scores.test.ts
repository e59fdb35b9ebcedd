import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Scores } from '../../src/engine/inference/scores'

let folder: string
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'cuvette-scores-')) })
afterAll(() => rm(folder, { recursive: true }))

describe('the scores of a scene', () => {
  const [lines, samples, channels] = [700, 900, 2]
  const all = Float32Array.from({ length: lines * samples * channels }, (_, index) => (index % 977 === 0 ? Number.NaN : index % 10_007))

  it.each([['in memory', Infinity], ['in a file', 1000]])('%s come back as they were, in blocks and in part', async (_, bytes) => {
    const scores = await Scores.open(lines * samples, channels, { bytes, folder })
    for (let at = 0, size = 2; at < all.length; at += size, size = 2 + ((size * 7) % 30_000)) await scores.append(all.subarray(at, at + size))
    for (const width of [1, samples, 400_000]) {
      let next = 0
      for await (const { first, count, values } of scores.blocks(width)) {
        expect([first, count % width === 0 || first + count === lines * samples]).toEqual([next, true])
        expect(Buffer.compare(Buffer.from(values.slice().buffer), Buffer.from(all.slice(first * channels, (first + count) * channels).buffer))).toBe(0)
        next += count
      }
      expect(next).toBe(lines * samples)
    }
    expect(await scores.read(12_345, 3)).toEqual(all.slice(24_690, 24_696))
    await scores.close()
    expect(await readdir(folder)).toEqual([])
  })

  it('beyond their room leave no file that others see, and need a folder that can be written', async () => {
    const scores = await Scores.open(lines * samples, 1, { bytes: 0, folder })
    await scores.append(all.subarray(0, lines * samples))
    if (process.platform !== 'win32') expect(await readdir(folder)).toEqual([])
    await scores.close()
    await expect(Scores.open(10, 1, { bytes: 0, folder: join(folder, 'none') })).rejects.toMatchObject({ code: 'cannot-write', message: expect.stringMatching(/^Cannot write .*none: its folder does not exist/) as string })
  })
})
