import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CubeDescription } from '../../src/shared/cube'
import type { FitReport, RunReport } from '../../src/shared/reports'
import { answer, built, dataFolder, root } from './cuvette'

// The command lines that the first milestone promises, on a real scene, through npm as a person types them.

const scene = join(dataFolder, 'anomaly', 'gulfport.mat')
const there = existsSync(scene)
if (!there) console.log(`Skipped: the command lines on gulfport.mat, because ${scene} is not there (CUVETTE_DATA_DIR names another folder).`)

describe.skipIf(!there)('gulfport.mat', () => {
  let folder: string
  const npm = { program: 'npm', words: ['run', '-s', 'cuvette', '--'], cwd: root }

  beforeAll(async () => {
    await built()
    folder = await mkdtemp(join(tmpdir(), 'cuvette-cli-'))
  }, 180_000)

  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('info', async () => {
    const cube = await answer<CubeDescription>(['info', `${scene}#data`], npm)
    expect(cube).toMatchObject({ variable: 'data', shape: [100, 100, 191], dtype: 'uint16', wavelengths: null })
    expect(cube.mask).toMatchObject({ variable: 'map', shape: [100, 100] })
    expect(cube.mask?.classes.find(({ id }) => id === 1)?.count).toBe(60)
  }, 60_000)

  test('fit, then run', async () => {
    const fitted = join(folder, 'g')
    const fit = await answer<FitReport>(['fit', 'resources/pipelines/deep-svdd.yaml', '--data', scene, '--epochs', '20', '--seed', '1', '--out', fitted], npm)
    expect(fit.phases.gradient?.loss).toHaveLength(20)
    expect(fit.metrics?.auc).toBeGreaterThan(0.95)
    const run = await answer<RunReport>(['run', fitted, '--data', scene, '--out', join(folder, 'g-run')], npm)
    expect(run.cubes[0].metrics?.auc).toBe(fit.metrics?.auc)
  }, 120_000)

  test('RX has the published AUC', async () => {
    const fit = await answer<FitReport>(['fit', 'resources/pipelines/rx.yaml', '--data', scene, '--out', join(folder, 'rx')], npm)
    expect(fit.phases.gradient).toBeNull()
    expect(Math.abs((fit.metrics?.auc as number) - 0.9526)).toBeLessThan(1e-4)
  }, 60_000)
})
