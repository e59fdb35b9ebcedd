import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { trainArtifacts } from '../../src/engine/training/given-artifacts'
import type { ArtifactsRequest, ExportRequest } from '../../src/shared/reports'
import { handmadeSVDD, writeHandmade } from '../training/handmade-artifacts'
import { fittedScene } from '../training/fitted-scene'
import { contents, deepSVDD, observed, SHAPE } from '../training/scene'

/** How many files may still be written before the disk is full. */
let room = Infinity
vi.mock('../../src/engine/files/atomic', async (original) => {
  const real = await original<typeof import('../../src/engine/files/atomic')>()
  return {
    ...real,
    writeFileAtomic: async (path: string, content: Uint8Array | string): Promise<void> => {
      room -= 1
      if (room < 0) throw real.cannotWrite(path, Object.assign(new Error('full'), { code: 'ENOSPC' }))
      await real.writeFileAtomic(path, content)
    },
  }
})

let folder: string
let fitted: string
let cube: string
let out: string
beforeAll(async () => {
  ;({ folder, cube, fitted } = await fittedScene(deepSVDD(), { epochs: 1 }))
})
beforeEach(async () => {
  out = join(folder, 'new', 'place')
  await rm(join(folder, 'new'), { recursive: true, force: true })
})
afterEach(() => {
  room = Infinity
})
afterAll(() => rm(folder, { recursive: true }))

const FULL = 'the disk is full; free some space and try again.'

describe('a disk that fills during an export', () => {
  it.each<ExportRequest['to']>(['onnx', 'ort-training', 'folder', 'cuvis'])('leaves nothing half-written, and the pipeline as it was: %s', async (to) => {
    const before = await contents(fitted)
    for (let files = 0; ; files += 1) {
      room = files
      const error = await exportPipeline({ pipelineFolder: fitted, to, out }, observed()).then((report) => report, (found: unknown) => found as Error)
      if (!(error instanceof Error)) {
        // What was exported stands where only the note about it could not be written.
        expect(files).toBeGreaterThan(0)
        expect(error.warnings?.at(-1)).toContain(`How the export was checked is not noted in ${join(fitted, 'run.json')}: Cannot write`)
        expect(error.warnings?.at(-1)).toContain(FULL)
        for (const file of error.files) expect(existsSync(join(out, file))).toBe(true)
        break
      }
      expect(error).toMatchObject({ code: 'cannot-write', message: expect.stringContaining(FULL) as string })
      expect(existsSync(join(folder, 'new'))).toBe(false)
    }
    expect(await contents(fitted)).toEqual(before)
    await openTrainedPipeline(fitted)
  })

  it('leaves the older model file', async () => {
    const file = join(folder, 'new', 'model.onnx')
    await exportPipeline({ pipelineFolder: fitted, to: 'onnx', out: file }, observed())
    const before = await readFile(file)
    room = 0
    await expect(exportPipeline({ pipelineFolder: fitted, to: 'onnx', out: file, ports: ['encoder.normalized'] }, observed())).rejects.toMatchObject({ code: 'cannot-write' })
    expect((await readFile(file)).equals(before)).toBe(true)
    expect(await readdir(join(folder, 'new'))).toEqual(['model.onnx'])
  })
})

describe('a disk that fills while given artifacts train', () => {
  const train = (more: Partial<ArtifactsRequest>) => trainArtifacts({ artifacts: join(folder, 'given'), data: [cube], masks: [], validation: [], out, epochs: 3, batch: 100, inputs: { radius_sq: 1.5 }, device: 'cpu', ...more }, observed())

  it('leaves nothing before the first epoch, and then the last finished one', async () => {
    await writeHandmade(join(folder, 'given'), handmadeSVDD(SHAPE[2]))
    // Three models and the checkpoint that it starts from come first.
    for (const files of [0, 1, 2, 3, 4]) {
      room = files
      await expect(train({})).rejects.toMatchObject({ code: 'cannot-write', message: expect.stringContaining(FULL) as string })
      expect(existsSync(join(folder, 'new'))).toBe(false)
    }
    room = 6
    await expect(train({})).rejects.toMatchObject({ code: 'cannot-write' })
    room = Infinity
    const whole = join(folder, 'new', 'whole')
    await train({ out: whole, epochs: 2 })
    expect(await contents(out)).toEqual(await contents(whole))
  })
})

/** A real small disk, where this process may make one. */
async function smallDisk(place: string, size: string): Promise<(() => void) | null> {
  await mkdir(place, { recursive: true })
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place])
  if (status !== 0) return null
  return () => void spawnSync('umount', [place])
}

describe('a small disk', () => {
  it('gets a sentence instead of an export, and stays empty', async (test) => {
    const place = join(folder, 'disk')
    const unmount = await smallDisk(place, '16k')
    if (!unmount) {
      console.log('Skipped: an export to a disk that is full, because this process may not mount one.')
      return test.skip()
    }
    try {
      for (const to of ['folder', 'ort-training'] as const) {
        await expect(exportPipeline({ pipelineFolder: fitted, to, out: join(place, 'exported') }, observed())).rejects.toMatchObject({ code: 'cannot-write', message: expect.stringContaining(FULL) as string })
        expect(await readdir(place)).toEqual([])
      }
      // The model alone has room.
      await exportPipeline({ pipelineFolder: fitted, to: 'onnx', out: join(place, 'model.onnx') }, observed())
      expect(await readdir(place)).toEqual(['model.onnx'])
    } finally {
      unmount()
    }
  })
})
