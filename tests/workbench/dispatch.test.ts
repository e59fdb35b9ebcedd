import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CALL_NAMES } from '../../src/shared/contract'
import { CuvetteError } from '../../src/shared/problem'
import { description, startBench } from './fake-host'

describe('dispatch', () => {
  it('refuses names that the contract does not have', async () => {
    const bench = await startBench()
    for (const name of ['shell.exec', 'constructor', '__proto__', 'toString', '', 7, null, undefined, {}]) {
      const reply = await bench.workbench.dispatch(name, {})
      expect(reply, String(name)).toMatchObject({ ok: false, problem: { code: 'bad-argument', message: expect.stringContaining('no call named') } })
    }
  })

  it.each([
    ['cubes.open', {}, 'path'],
    ['cubes.open', { path: 3 }, 'path'],
    ['cubes.open', { path: '' }, 'path'],
    ['cubes.open', { path: '/a', extra: 1 }, 'extra'],
    ['cubes.open', null, 'arguments'],
    ['cubes.open', 'x', 'arguments'],
    ['cubes.open', undefined, 'arguments'],
    ['session.info', [], 'arguments'],
    ['files.choose', { purpose: 'passwords' }, 'purpose'],
    ['files.grant', { paths: ['/a', 5] }, 'paths.1'],
    ['cubes.bandStatistics', { cubeId: 'farm', bands: [0, -1] }, 'bands.1'],
    ['cubes.spectrum', { cubeId: 'farm', line: 0.5, sample: 0 }, 'line'],
    ['runs.start', { pipelineId: 'p', cubeId: 'c', epochs: 0, seed: null, learningRate: null, device: 'cpu' }, 'epochs'],
    ['runs.start', { pipelineId: 'p', cubeId: 'c', epochs: null, seed: null, learningRate: null, device: 'tpu' }, 'device'],
    ['runs.start', { pipelineId: 'p', cubeId: 'c', epochs: null, seed: null, learningRate: Infinity, device: 'cpu' }, 'learningRate'],
    ['runs.setThreshold', { runId: 'r', threshold: NaN }, 'threshold'],
  ])('refuses wrong arguments of %s: %j', async (name, args, place) => {
    const bench = await startBench()
    const { code, message } = await bench.problem(name, args)
    expect(code).toBe('bad-argument')
    expect(message).toContain(name)
    expect(message).toContain(place)
    expect(message).not.toContain('null, but')
    expect(message).not.toContain('undefined, but')
  })

  it('answers every name of the contract with a reply, whatever it is given', async () => {
    const bench = await startBench()
    for (const name of CALL_NAMES) expect(await bench.workbench.dispatch(name, { nonsense: true })).toMatchObject({ ok: false, problem: { code: 'bad-argument' } })
  })

  it('tells the session', async () => {
    const bench = await startBench()
    expect(await bench.call('session.info', {})).toMatchObject({
      version: '9.9.9', host: 'browser', nativeDialogs: false,
      project: { name: 'Sample', isSample: true, folder: join(bench.home, 'projects', 'sample'), problems: [] },
      engines: [{ role: 'browse' }, { role: 'compute' }],
    })
  })
})

describe('the sample project', () => {
  it('opens with its cube and mask from the read-only resources, and as it was left', async () => {
    const first = await startBench()
    expect(await first.call('cubes.list', {})).toMatchObject([{ id: 'farm', name: 'farm.hdr', mask: { path: join(first.root, 'resources', 'sample', 'farm_mask.hdr') } }])
    expect(await first.call('pipelines.list', {})).toMatchObject([
      { id: 'template:deep-svdd', origin: 'template', name: 'deep-svdd.yaml', description: 'Text of 10 characters.', summary: { epochs: 20 } },
    ])
    const opened = await first.call('cubes.open', { path: join(first.root, 'other.hdr') })
    await first.call('cubes.detachMask', { cubeId: 'farm' })
    await first.workbench.shutdown()

    const second = await startBench({ root: first.root })
    expect(await second.call('cubes.list', {})).toMatchObject([{ id: 'farm', mask: null }, { id: opened.id, name: 'other.hdr' }])
  })

  it('keeps a cube that cannot be reopened, and says why', async () => {
    const first = await startBench()
    await first.call('cubes.open', { path: join(first.root, 'usb', 'scene.hdr') })
    await first.workbench.shutdown()
    const second = await startBench({
      root: first.root,
      handlers: {
        'cube.describe': ({ reference }: { reference: string }) => {
          throw Object.assign(new Error(`${reference} is gone`), { name: 'Error' })
        },
      },
    })
    expect(await second.call('cubes.list', {})).toEqual([])
    const { project } = await second.call('session.info', {})
    expect(second.events.filter((event) => event.name === 'project')).toHaveLength(2)
    expect(project.problems.map((problem) => problem.message)).toEqual([expect.stringContaining('farm.hdr is gone'), expect.stringContaining('scene.hdr is gone')])
    await second.workbench.shutdown()
    const third = await startBench({ root: first.root })
    expect((await third.call('cubes.list', {})).map((cube) => cube.name)).toEqual(['farm.hdr', 'scene.hdr'])
  })
})

describe('cubes', () => {
  it('opens once, changes the version with the mask, and closes', async () => {
    const bench = await startBench()
    const path = join(bench.root, 'scene.mat#data')
    const first = await bench.call('cubes.open', { path })
    const again = await bench.call('cubes.open', { path })
    expect(again.id).toBe(first.id)
    const masked = await bench.call('cubes.attachMask', { cubeId: first.id, path: join(bench.root, 'mask.png') })
    expect(masked.mask).toMatchObject({ shape: [4, 6] })
    expect(masked.version).toBeGreaterThan(first.version)
    await bench.call('cubes.close', { cubeId: first.id })
    expect((await bench.call('cubes.list', {})).map((cube) => cube.id)).toEqual(['farm'])
    expect(bench.events.filter((event) => event.name === 'cube-closed')).toEqual([{ name: 'cube-closed', value: { cubeId: first.id } }])
    expect(await bench.problem('cubes.attachMask', { cubeId: first.id, path })).toMatchObject({ code: 'bad-argument' })
  })

  it('opens a cube once that is opened twice at the same moment', async () => {
    const bench = await startBench()
    const path = join(bench.root, 'scene.hdr')
    const [first, second] = await Promise.all([bench.call('cubes.open', { path }), bench.call('cubes.open', { path })])
    expect(second.id).toBe(first.id)
    expect((await bench.call('cubes.list', {})).map((cube) => cube.name)).toEqual(['farm.hdr', 'scene.hdr'])
  })

  it('gives a spectrum as JSON, with null for what is no number', async () => {
    const bench = await startBench()
    await bench.call('cubes.list', {})
    expect(await bench.call('cubes.spectrum', { cubeId: 'farm', line: 3, sample: 5 })).toEqual({ values: [3, null, 5] })
    expect(await bench.problem('cubes.spectrum', { cubeId: 'farm', line: 4, sample: 0 })).toMatchObject({ code: 'bad-argument', message: expect.stringContaining('4 lines') })
  })

  it('asks natively for a path that was typed in Electron, and refuses with a code', async () => {
    const asked: string[] = []
    const bench = await startBench({
      host: {
        kind: 'electron',
        confirmAccess: async (path) => {
          asked.push(path)
          return path.endsWith('allowed.hdr')
        },
      },
    })
    await mkdir(join(bench.root, 'elsewhere'))
    await symlink('/etc/passwd', join(bench.home, 'projects', 'sample', 'link.hdr'))
    const refused = [
      '/etc/passwd', '/etc/passwd#data', join(bench.home, 'projects', 'sample', 'link.hdr'),
      `${join(bench.home, 'projects', 'sample')}/../../../elsewhere/x.hdr`,
    ]
    for (const path of refused) expect(await bench.problem('cubes.open', { path }), path).toMatchObject({ code: 'not-granted' })
    expect(await bench.problem('files.list', { path: '/etc' })).toMatchObject({ code: 'not-granted' })
    expect(await bench.problem('files.grant', { paths: ['/etc/shadow'] })).toMatchObject({ code: 'not-granted' })
    expect(asked).toHaveLength(refused.length + 2)
    const allowed = join(bench.root, 'elsewhere', 'allowed.hdr')
    expect(await bench.call('cubes.open', { path: allowed })).toMatchObject({ name: 'allowed.hdr' })
    expect(await bench.call('files.grant', { paths: [allowed] })).toEqual({ paths: [allowed] })
    expect(asked).toHaveLength(refused.length + 3)
  })

  it('remembers for later sessions the files that were cubes or masks, and nothing that was only looked at', async () => {
    const bench = await startBench({
      handlers: {
        'cube.describe': ({ reference }: { reference: string }) => {
          if (reference.endsWith('.txt')) throw new CuvetteError('not-a-cube', 'Not a cube.')
          return description(reference)
        },
      },
    })
    await bench.call('files.list', { path: '/' })
    await bench.problem('cubes.open', { path: join(bench.root, 'letter.txt') })
    const { id } = await bench.call('cubes.open', { path: join(bench.root, 'scene.hdr') })
    await bench.call('cubes.attachMask', { cubeId: id, path: join(bench.root, 'mask.hdr') })
    expect(JSON.parse(await readFile(join(bench.home, 'recent.json'), 'utf8'))).toEqual({ paths: [join(bench.root, 'mask.hdr'), join(bench.root, 'scene.hdr')] })
  })

  it('grants what a native dialog chose, and what the command line named', async () => {
    const bench = await startBench({ host: { kind: 'electron', confirmAccess: async () => false, choose: async () => ['/data/chosen.hdr'] } })
    expect(await bench.call('files.choose', { purpose: 'cube' })).toEqual({ paths: ['/data/chosen.hdr'] })
    expect(await bench.call('cubes.open', { path: '/data/chosen.hdr' })).toMatchObject({ name: 'chosen.hdr' })
    await bench.workbench.openPaths(['/data/named.mat#cube'])
    expect((await bench.call('cubes.list', {})).map((cube) => cube.name)).toEqual(['farm.hdr', 'chosen.hdr', 'named.mat#cube'])
  })

  it('survives an engine crash in the middle of a read', async () => {
    let broken = true
    const bench = await startBench({
      handlers: {
        'cube.spectrum': () => {
          if (!broken) return { values: Float32Array.of(1) }
          broken = false
          bench.engine('browse').die('signal SIGSEGV')
          return new Promise(() => undefined)
        },
      },
    })
    await bench.call('cubes.list', {})
    expect(await bench.problem('cubes.spectrum', { cubeId: 'farm', line: 0, sample: 0 })).toMatchObject({ code: 'engine-lost' })
    expect(await bench.call('cubes.spectrum', { cubeId: 'farm', line: 0, sample: 0 })).toEqual({ values: [1] })
    const browse = bench.events.flatMap((event) => (event.name === 'engine' && event.value.role === 'browse' ? [event.value.status] : []))
    expect(browse).toContain('lost')
    expect(browse.at(-1)).toBe('ready')
  })
})

describe('files', () => {
  it('lists a folder with what each entry is', async () => {
    const bench = await startBench()
    const folder = join(bench.root, 'listing')
    await mkdir(join(folder, 'sub'), { recursive: true })
    for (const name of ['b.mat', 'a.hdr', 'p.yaml', 'readme.md', '.hidden', 'c.nc.gz']) await writeFile(join(folder, name), 'abc')
    await symlink(join(folder, 'nowhere'), join(folder, 'dangling.hdr'))
    const listing = await bench.call('files.list', { path: folder })
    expect(listing).toMatchObject({ path: folder, parent: bench.root })
    expect(listing.entries.map(({ name, kind, bytes }) => [name, kind, bytes])).toEqual([
      ['sub', 'folder', null], ['a.hdr', 'cube', 3], ['b.mat', 'cube', 3], ['c.nc.gz', 'cube', 3], ['p.yaml', 'pipeline', 3], ['readme.md', 'other', 3],
    ])
    expect((await bench.call('files.list', { path: '/' })).parent).toBe(null)
    expect(await bench.problem('files.list', { path: join(folder, 'nothing') })).toMatchObject({ code: 'missing-file' })
  })
})
