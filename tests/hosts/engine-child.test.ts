import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { forkEngine } from '../../src/workbench/fork-engine'
import type { EngineProcess } from '../../src/workbench/host'
import { startWebHost } from '../../src/webhost/server'
import type { EngineRole } from '../../src/shared/engine-contract'
import { temporaryFolder, until } from '../workbench/fake-host'
import { built, ensureBuiltOnce, root } from './built'
import { openPage } from './page-client'
import { smallCubeValue, writeSmallCube } from './small-cube'

// The shipped engine process as a Node child, under the web host.

beforeAll(ensureBuiltOnce, 120_000)

async function start(open: (folder: string) => Promise<string[]>) {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'resources'))
  const processes: { role: EngineRole; process: EngineProcess }[] = []
  const host = await startWebHost({
    host: {
      places: { engine: built('main', 'engine.js'), renderer: built('renderer'), resources: join(root, 'resources'), version: '9.9.9' },
      home: join(folder, 'home'),
      startEngine: (role) => {
        const process = forkEngine(built('main', 'engine.js'), role)
        processes.push({ role, process })
        return process
      },
    },
    project: join(folder, 'project'),
    open: await open(folder),
  })
  onTestFinished(() => host.close())
  return { folder, host, processes, page: await openPage(host.url) }
}

describe('the shipped engine process', () => {
  it('reads what the file holds, strided and whole', async () => {
    const { page } = await start(async (folder) => [await writeSmallCube(folder, 'scene')])
    const [cube] = await page.call('cubes.list', {})
    expect(cube).toMatchObject({ name: 'scene.hdr', description: { shape: [3, 5, 4], dtype: 'float32', interleave: 'bsq' } })
    for (const band of [0, 3]) {
      const whole = await page.get(`/data/cubes/${cube.id}/bands/${band}?v=1`)
      expect(whole.headers.get('x-shape')).toBe('3,5')
      expect([...new Float32Array(await whole.arrayBuffer())]).toEqual(Array.from({ length: 15 }, (_, n) => smallCubeValue(band, Math.floor(n / 5), n % 5)))
    }
    const strided = await page.get(`/data/cubes/${cube.id}/bands/2?v=1&stride=2`)
    expect(strided.headers.get('x-shape')).toBe('2,3')
    expect([...new Float32Array(await strided.arrayBuffer())]).toEqual([200, 202, 204, 220, 222, 224])
    expect(await page.call('cubes.spectrum', { cubeId: cube.id, line: 2, sample: 4 })).toEqual({ values: [24, 124, 224, 324] })
    expect(await page.call('cubes.bandStatistics', { cubeId: cube.id, bands: [1] })).toMatchObject([{ min: 100, max: 124, mean: 112, validPixels: 15 }])
  })

  it('says what is wrong with a file that is no cube', async () => {
    const { page, folder } = await start(async () => [])
    await writeFile(join(folder, 'letter.hdr'), 'Dear reader,\n')
    for (const name of ['letter.hdr', 'nothing.mat']) {
      const reply = await page.reply('cubes.open', { path: join(folder, name) })
      expect(reply).toMatchObject({ ok: false, problem: { message: expect.stringContaining(name) } })
      expect(reply).not.toMatchObject({ problem: { code: 'internal' } })
    }
    expect(await page.call('cubes.list', {})).toEqual([])
  })

  it('is missed, named and replaced when it is killed', async () => {
    const { page, processes } = await start(async (folder) => [await writeSmallCube(folder, 'scene')])
    const [cube] = await page.call('cubes.list', {})
    processes.find(({ role }) => role === 'browse')!.process.kill()
    await until(() => page.events.some((event) => event.name === 'engine' && event.value.status === 'lost'))
    expect(page.events.find((event) => event.name === 'engine' && event.value.status === 'lost')).toMatchObject({
      value: { role: 'browse', restarts: 1, message: expect.stringContaining('signal SIGKILL') },
    })
    expect((await page.get(`/data/cubes/${cube.id}/bands/0`)).status).toBe(200)
    expect(processes.filter(({ role }) => role === 'browse')).toHaveLength(2)
  })

  it('does not crash by request outside of tests', async () => {
    const engine = forkEngine(built('main', 'engine.js'), 'compute')
    onTestFinished(() => engine.kill())
    const messages: unknown[] = []
    engine.onMessage((message) => messages.push(message))
    engine.post({ kind: 'call', id: 1, name: 'test.crash', args: {} })
    await until(() => messages.length === 2)
    expect(messages).toMatchObject([{ kind: 'ready' }, { kind: 'failure', problem: { code: 'bad-argument' } }])
  })

  it('crashes by request where tests ask for it', async () => {
    process.env.CUVETTE_TEST_CRASH = '1'
    onTestFinished(() => delete process.env.CUVETTE_TEST_CRASH as never)
    const engine = forkEngine(built('main', 'engine.js'), 'compute')
    let ended = ''
    engine.onExit((how) => (ended = how))
    engine.post({ kind: 'call', id: 1, name: 'test.crash', args: {} })
    await until(() => ended !== '')
    expect(ended).toBe('exit code 86')
  })
})
