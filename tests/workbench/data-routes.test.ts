import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { description, startBench, until } from './fake-host'

describe('GET /data/', () => {
  it('answers the pixels of a band with their shape and length', async () => {
    const bench = await startBench()
    await bench.call('cubes.list', {})
    const response = await bench.data('/data/cubes/farm/bands/2?v=1&stride=2')
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'x-shape': '2,3', 'content-length': '24', 'content-type': 'application/octet-stream' })
    expect(new Float32Array(await response.arrayBuffer())).toEqual(Float32Array.of(200, 202, 204, 220, 222, 224))
    const unversioned = await bench.data('/data/cubes/farm/bands/0')
    expect(unversioned.headers.get('cache-control')).toBe('no-store')
    expect(unversioned.headers.get('x-shape')).toBe('4,6')
  })

  it('answers the mask, and says when there is none', async () => {
    const bench = await startBench()
    await bench.call('cubes.list', {})
    const response = await bench.data('/data/cubes/farm/mask?v=1')
    expect(response.headers.get('x-shape')).toBe('4,6')
    expect((await response.arrayBuffer()).byteLength).toBe(24)
    await bench.call('cubes.detachMask', { cubeId: 'farm' })
    expect(await (await bench.data('/data/cubes/farm/mask?v=2')).json()).toMatchObject({ code: 'missing-file' })
  })

  it.each([
    ['/data/cubes/nobody/bands/0', 400, 'bad-argument'],
    ['/data/cubes/farm/bands/3', 400, 'bad-argument'],
    ['/data/cubes/farm/bands/-1', 400, 'bad-argument'],
    ['/data/cubes/farm/bands/1e9', 400, 'bad-argument'],
    ['/data/cubes/farm/bands/0?stride=0', 400, 'bad-argument'],
    ['/data/cubes/farm/bands/0?stride=0.5', 400, 'bad-argument'],
    ['/data/cubes/farm/bands/%E0%A4%A', 400, 'bad-argument'],
    ['/data/cubes/farm', 404, 'missing-file'],
    ['/data/runs/none/scores', 400, 'bad-argument'],
    ['/data/', 404, 'missing-file'],
    ['/data/cubes/..%2f..%2fetc%2fpasswd/mask', 400, 'bad-argument'],
  ])('answers %s with %i and a problem', async (path, status, code) => {
    const bench = await startBench()
    await bench.call('cubes.list', {})
    const response = await bench.data(path)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.json()).toMatchObject({ code, message: expect.stringMatching(/\.$/) })
  })

  it('refuses an answer that no page could hold, and names a stride that fits', async () => {
    const bench = await startBench({ handlers: { 'cube.describe': ({ reference }: { reference: string }) => description(reference, { shape: [20_000, 20_000, 3] }) } })
    await bench.call('cubes.list', {})
    const response = await bench.data('/data/cubes/farm/bands/0')
    expect(response.status).toBe(400)
    expect((await response.json()) as object).toMatchObject({ message: expect.stringContaining('stride 3') })
  })

  it('looks at the pixels of the picture for its statistics, so that they are read once', async () => {
    const asked: unknown[] = []
    const bench = await startBench({ handlers: {
      'cube.describe': ({ reference }: { reference: string }) => description(reference, { shape: [20_000, 20_000, 3] }),
      'cube.bandStatistics': (args: unknown) => { asked.push(args); return [] },
    } })
    await bench.call('cubes.list', {})
    await bench.call('cubes.bandStatistics', { cubeId: 'farm', bands: [1] })
    expect(asked).toMatchObject([{ bands: [1], stride: 10 }])
  })

  it('stops the read when the request is aborted', async () => {
    const bench = await startBench({ handlers: { 'cube.band': () => new Promise(() => undefined) } })
    await bench.call('cubes.list', {})
    const controller = new AbortController()
    const answer = bench.data('/data/cubes/farm/bands/0', { signal: controller.signal })
    await until(() => bench.engine('browse').received.some((message) => message.kind === 'call' && message.name === 'cube.band'))
    controller.abort()
    expect(await (await answer).json()).toMatchObject({ code: 'cancelled' })
    expect(bench.engine('browse').received.at(-1)).toMatchObject({ kind: 'cancel' })
  })

  it('answers a lost engine as a problem', async () => {
    const bench = await startBench({
      handlers: {
        'cube.band': () => {
          bench.engine('browse').die()
          return new Promise(() => undefined)
        },
      },
    })
    await bench.call('cubes.list', {})
    const response = await bench.data('/data/cubes/farm/bands/0')
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 'engine-lost' })
  })
})

describe('PUT /data/drop/', () => {
  const put = (body: string | Uint8Array<ArrayBuffer>): RequestInit => ({ method: 'PUT', body })
  const pathOf = async (response: Response) => ((await response.json()) as { path: string }).path

  it('keeps a dropped file in the project under its name, the same content once, another beside it', async () => {
    const bench = await startBench()
    const folder = join(bench.home, 'projects', 'sample', 'data')
    const first = await pathOf(await bench.data('/data/drop/scene%20one.hdr', put('ENVI')))
    expect(first).toBe(join(folder, 'scene one.hdr'))
    expect(await readFile(first, 'utf8')).toBe('ENVI')
    expect(await pathOf(await bench.data('/data/drop/scene%20one.hdr', put('ENVI')))).toBe(first)
    const [header, pixels] = [await bench.data('/data/drop/scene%20one.hdr', put('ENV2')), await bench.data('/data/drop/scene%20one.img', put('1234'))]
    expect(await pathOf(header)).toBe(join(folder, '2', 'scene one.hdr'))
    expect(await pathOf(pixels)).toBe(join(folder, 'scene one.img'))
    expect(await readdir(join(folder, '.incoming'))).toEqual([])
    expect(await bench.call('cubes.open', { path: first })).toMatchObject({ name: 'scene one.hdr' })
  })

  it('keeps two drops of one name apart that arrive together', async () => {
    const bench = await startBench()
    const answers = await Promise.all(['a', 'b', 'c'].map((content) => bench.data('/data/drop/x.mat', put(content))))
    const paths = await Promise.all(answers.map(pathOf))
    expect(new Set(paths).size).toBe(3)
    expect((await Promise.all(paths.map((path) => readFile(path, 'utf8')))).sort()).toEqual(['a', 'b', 'c'])
  })

  it.each(['..', '%2e%2e%2fescape.hdr', '..%5cescape.hdr', '%2Fetc%2Fpasswd', '.hidden', 'con.hdr', 'a%00b', '', 'C%3A', 'name.'])('refuses the name "%s"', async (name) => {
    const bench = await startBench()
    const response = await bench.data(`/data/drop/${name}`, put('x'))
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(await response.json()).toHaveProperty('code')
    expect(await readdir(join(bench.home, 'projects', 'sample'))).toEqual(['project.json'])
  })

  it('leaves nothing behind when the upload breaks off', async () => {
    const bench = await startBench()
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(10))
        controller.error(new Error('connection lost'))
      },
    })
    const response = await bench.data('/data/drop/x.mat', { method: 'PUT', body, duplex: 'half' } as RequestInit)
    expect(response.status).toBe(500)
    const short = await bench.data('/data/drop/x.mat', { ...put('abc'), headers: { 'content-length': '10' } })
    expect(await short.json()).toMatchObject({ code: 'truncated' })
    const huge = await bench.data('/data/drop/x.mat', { ...put('abc'), headers: { 'content-length': String(2 ** 40) } })
    expect(await huge.json()).toMatchObject({ code: 'bad-argument' })
    const folder = join(bench.home, 'projects', 'sample', 'data')
    expect(await readdir(folder)).toEqual(['.incoming'])
    expect(await readdir(join(folder, '.incoming'))).toEqual([])
  })

  it('is refused where paths are known, and other methods everywhere', async () => {
    const bench = await startBench({ host: { kind: 'electron' } })
    expect(await (await bench.data('/data/drop/x.mat', put('x'))).json()).toMatchObject({ code: 'unsupported' })
    expect((await bench.data('/data/cubes/farm/mask', { method: 'DELETE' })).status).toBe(405)
  })
})
