import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CuvetteError } from '../../src/shared/problem'
import type { Bench } from './fake-host'
import { browseHandlers, startBench, temporaryFolder, until } from './fake-host'

/** Files that exist, with what they hold; everything else is missing. */
function disk(files: Record<string, string>) {
  const need = (reference: string) => {
    const path = reference.split('#')[0]
    if (!(path in files)) throw new CuvetteError('missing-file', `${path} does not exist.`, { path })
    return files[path]
  }
  const usual = browseHandlers()
  return {
    'cube.describe': (args: { reference: string }) => need(args.reference) && usual['cube.describe']!(args as never, undefined as never),
    'mask.describe': (args: { reference: string }) => need(args.reference) && usual['mask.describe']!(args as never, undefined as never),
    'data.fingerprint': ({ reference }: { reference: string }) => ({ bytes: need(reference).length, sha256: need(reference) }),
  }
}

const saved = async (bench: Bench) => JSON.parse(await readFile(join((await bench.call('session.info', {})).project.folder, 'project.json'), 'utf8')) as { cubes: { reference: string; mask: string | null; fingerprint?: unknown }[] }

/** A project with one cube and its mask under /flights, closed again. */
async function begin(root: string): Promise<void> {
  const bench = await startBench({ root, handlers: disk({ '/flights/a.hdr': 'aaaa', '/flights/a_truth.png': 'mm' }) })
  // The sample's own cube is not on this disk.
  for (const lost of await bench.call('cubes.lost', {})) await bench.call('cubes.close', { cubeId: lost.id })
  const cube = await bench.call('cubes.open', { path: '/flights/a.hdr' })
  await bench.call('cubes.attachMask', { cubeId: cube.id, path: '/flights/a_truth.png' })
  await until(() => bench.engine('browse').received.some((message) => message.kind === 'call' && message.name === 'data.fingerprint'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  await bench.workbench.shutdown()
}

describe('a cube that was moved', () => {
  it('is listed with the reason, and located with its mask', async () => {
    const root = await temporaryFolder()
    await begin(root)
    const bench = await startBench({ root, handlers: disk({ '/moved/a.hdr': 'aaaa', '/moved/a_truth.png': 'mm' }) })
    expect(await bench.call('cubes.list', {})).toEqual([])
    const [lost] = await bench.call('cubes.lost', {})
    expect(lost).toMatchObject({ name: 'a.hdr', path: '/flights/a.hdr', problem: { code: 'missing-file' } })
    expect((await bench.call('session.info', {})).project.problems).toHaveLength(1)

    const { cube } = await bench.call('cubes.locate', { cubeId: lost.id, path: '/moved/a.hdr', anyway: false })
    expect(cube).toMatchObject({ id: lost.id, mask: { path: '/moved/a_truth.png' } })
    expect(await bench.call('cubes.lost', {})).toEqual([])
    expect((await bench.call('session.info', {})).project.problems).toEqual([])
    await bench.workbench.shutdown()
    const again = await startBench({ root, handlers: disk({ '/moved/a.hdr': 'aaaa', '/moved/a_truth.png': 'mm' }) })
    expect((await again.call('cubes.list', {})).map(({ id }) => id)).toEqual([lost.id])
  })

  it('is not mixed up with another file, unless the person says so', async () => {
    const root = await temporaryFolder()
    await begin(root)
    const bench = await startBench({ root, handlers: disk({ '/moved/b.hdr': 'bbbbbb', '/moved/c.hdr': 'cccc' }) })
    const [lost] = await bench.call('cubes.lost', {})
    const before = await saved(bench)
    expect(await bench.call('cubes.locate', { cubeId: lost.id, path: '/moved/b.hdr', anyway: false })).toMatchObject({ cube: null, differs: expect.stringContaining('6 bytes instead of 4') })
    expect(await bench.call('cubes.locate', { cubeId: lost.id, path: '/moved/c.hdr', anyway: false })).toMatchObject({ cube: null, differs: expect.stringContaining('other bytes') })
    expect((await bench.problem('cubes.locate', { cubeId: lost.id, path: '/nowhere/a.hdr', anyway: true })).code).toBe('missing-file')
    expect(await bench.call('cubes.lost', {})).toHaveLength(1)
    expect(await saved(bench)).toEqual(before)
    expect(await bench.call('cubes.locate', { cubeId: lost.id, path: '/moved/c.hdr', anyway: true })).toMatchObject({ cube: { id: lost.id }, differs: null })
  })

  it('is no longer lost when it is opened where it was, or closed', async () => {
    const root = await temporaryFolder()
    await begin(root)
    const files: Record<string, string> = {}
    const bench = await startBench({ root, handlers: disk(files) })
    const [lost] = await bench.call('cubes.lost', {})
    Object.assign(files, { '/flights/a.hdr': 'aaaa', '/flights/a_truth.png': 'mm' })
    expect((await bench.call('cubes.open', { path: '/flights/a.hdr' })).id).toBe(lost.id)
    expect(await bench.call('cubes.lost', {})).toEqual([])
    await bench.workbench.shutdown()

    const other = await startBench({ root, handlers: disk({}) })
    await other.call('cubes.close', { cubeId: lost.id })
    expect(await other.call('cubes.lost', {})).toEqual([])
    expect((await other.call('session.info', {})).project.problems).toEqual([])
    expect((await other.problem('cubes.locate', { cubeId: lost.id, path: '/a.hdr', anyway: true })).code).toBe('bad-argument')
  })
})

describe('a cube that has become another one', () => {
  it('opens, with a sentence', async () => {
    const root = await temporaryFolder()
    await begin(root)
    const bench = await startBench({ root, handlers: disk({ '/flights/a.hdr': 'aXaa', '/flights/a_truth.png': 'mm' }) })
    expect(await bench.call('cubes.list', {})).toHaveLength(1)
    await until(() => bench.events.some(({ name }) => name === 'project'))
    expect((await bench.call('session.info', {})).project.problems).toMatchObject([{ message: expect.stringContaining('/flights/a.hdr has changed since this project last had it open') }])
  })
})
