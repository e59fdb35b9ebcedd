import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { CONTENT_SECURITY_POLICY } from '../../src/shared/content-security-policy'
import { startWebHost } from '../../src/webhost/server'
import { browseHandlers, FakeEngine, temporaryFolder, until } from '../workbench/fake-host'
import { openPage } from './page-client'

const PAGE = '<!doctype html><title>Cuvette</title>'

async function start(handlers = browseHandlers()) {
  const root = await temporaryFolder()
  const pages = join(root, 'pages')
  await mkdir(join(pages, 'assets'), { recursive: true })
  await writeFile(join(pages, 'index.html'), PAGE)
  await writeFile(join(pages, 'assets', 'index-abc.js'), 'export {}')
  await writeFile(join(root, 'secret'), 'secret')
  const engines: FakeEngine[] = []
  const host = await startWebHost({
    host: {
      places: { engine: '', renderer: pages, resources: join(root, 'resources'), version: '9.9.9' },
      home: join(root, 'home'),
      startEngine: (role) => {
        engines.push(new FakeEngine(role, { ...handlers, 'device.probe': () => ({ device: 'cpu', reason: 'CPU: tests.' }) }))
        return engines.at(-1)!
      },
    },
    open: [join(root, 'scene.hdr')],
  })
  onTestFinished(() => host.close())
  const { origin, port } = new URL(host.url)
  return { root, pages, host, origin, port: Number(port), engines }
}

/** A request as written: fetch would tidy up the path and the headers. */
async function raw(port: number, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let body = ''
      response.on('data', (chunk) => (body += String(chunk)))
      response.on('end', () => resolve({ status: response.statusCode!, body }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function upgradeStatus(origin: string, headers: Record<string, string>, path = '/socket'): Promise<number> {
  return await new Promise((resolve) => {
    const socket = new WebSocket(origin.replace('http', 'ws') + path, { headers })
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode!))
    socket.on('open', () => {
      socket.close()
      resolve(101)
    })
    socket.on('error', () => undefined)
  })
}

describe('who may enter the web host', () => {
  it('nobody without the token; with it a cookie that scripts and other sites cannot use', async () => {
    const { host, origin, port } = await start()
    for (const path of ['/', '/index.html', '/data/cubes/x/mask', '/assets/index-abc.js', '/?token=wrong', '/?token=', '//', '/%', '/socket']) {
      expect((await raw(port, path)).status, path).toBe(403)
    }
    const entry = await fetch(host.url, { redirect: 'manual' })
    expect(entry.status).toBe(303)
    expect(entry.headers.get('location')).toBe('/')
    expect(entry.headers.get('set-cookie')).toMatch(/^cuvette-\w+=[\w-]{32}; HttpOnly; SameSite=Strict; Path=\/$/)
    expect(entry.headers.get('set-cookie')).not.toContain(new URL(host.url).searchParams.get('token'))
    const { cookie } = await openPage(host.url)
    const page = await fetch(origin, { headers: { cookie } })
    expect(await page.text()).toBe(PAGE)
    expect(page.headers.get('content-security-policy')).toBe(CONTENT_SECURITY_POLICY)
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    const [name] = cookie.split('=')
    expect((await raw(port, '/', { cookie: `${name}=${'x'.repeat(32)}` })).status).toBe(403)
    expect((await raw(port, '/', { cookie: `${name}=` })).status).toBe(403)
  })

  it('no other origin, no other name, no request that does not say where it comes from', async () => {
    const { host, origin, port } = await start()
    const { cookie } = await openPage(host.url)
    const good = { cookie, host: `127.0.0.1:${port}` }
    expect((await raw(port, '/', good)).status).toBe(200)
    expect((await raw(port, '/', { cookie, host: `localhost:${port}` })).status).toBe(200)
    expect((await raw(port, '/', { cookie, host: 'localhost:9000' })).status).toBe(200)
    for (const [why, headers] of Object.entries({
      'foreign name': { cookie, host: `evil.example:${port}` },
      'name that begins alike': { cookie, host: `127.0.0.1.evil.example:${port}` },
      'foreign origin': { ...good, origin: 'https://evil.example' },
      'another port': { ...good, origin: 'http://127.0.0.1:1' },
      'sandboxed frame': { ...good, origin: 'null' },
      'another scheme': { ...good, origin: `https://127.0.0.1:${port}` },
      'another name of this machine': { ...good, origin: `http://localhost:${port}` },
      'cross-site': { ...good, 'sec-fetch-site': 'cross-site' },
      'same-site, other port': { ...good, 'sec-fetch-site': 'same-site' },
    })) expect((await raw(port, '/', headers as Record<string, string>)).status, why).toBe(403)
    expect((await raw(port, '/data/drop/x.mat', good, 'PUT')).status).toBe(403)
    expect((await raw(port, '/data/drop/x.mat', { ...good, origin }, 'PUT')).status).not.toBe(403)
    expect((await raw(port, `/?token=${new URL(host.url).searchParams.get('token')}`, { host: 'evil.example' })).status).toBe(403)
  })

  it('no socket without session and origin', async () => {
    const { host, origin } = await start()
    const { cookie } = await openPage(host.url)
    expect(await upgradeStatus(origin, { cookie, origin })).toBe(101)
    expect(await upgradeStatus(origin, { origin })).toBe(403)
    expect(await upgradeStatus(origin, { cookie })).toBe(403)
    expect(await upgradeStatus(origin, { cookie, origin: 'https://evil.example' })).toBe(403)
    expect(await upgradeStatus(origin, { cookie, origin, host: 'evil.example' })).toBe(403)
    expect(await upgradeStatus(origin, { cookie, origin }, '/other')).toBe(403)
  })

  it('no file outside the pages', async () => {
    const { host, port, pages } = await start()
    const { cookie } = await openPage(host.url)
    await symlink(join(pages, 'index.html'), join(pages, 'inside.html'))
    for (const path of ['/../secret', '/..%2fsecret', '/%2e%2e/secret', '/%2e%2e%2fsecret', '/assets/../../secret', '/assets/..%2f..%2fsecret', '/..%5csecret', '//etc/passwd', '/%00', '/assets', '/nothing']) {
      const { status, body } = await raw(port, path, { cookie })
      expect([path, status === 404 || status === 403, body.includes('secret')]).toEqual([path, true, false])
    }
    expect((await raw(port, '/', { cookie }, 'HEAD')).status).toBe(200)
  })

  it('a port that is taken is named in a sentence', async () => {
    const { port, root } = await start()
    await expect(startWebHost({ port, host: { places: { engine: '', renderer: '', resources: '', version: '' }, home: join(root, 'other'), startEngine: (role) => new FakeEngine(role, {}) } }))
      .rejects.toMatchObject({ code: 'bad-argument', message: expect.stringContaining(String(port)) })
  })
})

describe('the workbench over the web host', () => {
  it('calls, events and pixels', async () => {
    const { host, engines } = await start()
    const page = await openPage(host.url)
    expect(await page.call('session.info', {})).toMatchObject({ host: 'browser', nativeDialogs: false })
    const [cube] = await page.call('cubes.list', {})
    expect(cube.name).toBe('scene.hdr')
    const response = await page.get(`/data/cubes/${cube.id}/bands/1?v=${cube.version}&stride=1`)
    expect([response.status, response.headers.get('x-shape'), response.headers.get('content-length')]).toEqual([200, '4,6', '96'])
    expect(response.headers.get('content-security-policy')).toBe(CONTENT_SECURITY_POLICY)
    expect(new Float32Array(await response.arrayBuffer())[7]).toBe(111)
    expect(await page.reply('shell.exec', {})).toMatchObject({ ok: false, problem: { code: 'bad-argument' } })

    engines.find((engine) => engine.role === 'browse')!.die('signal SIGSEGV')
    await until(() => page.events.some((event) => event.name === 'engine' && event.value.status === 'lost'))
    expect((await page.get(`/data/cubes/${cube.id}/bands/1`)).status).toBe(200)
  })

  it('a closed connection stops the read in the engine', async () => {
    const { host, engines } = await start({ ...browseHandlers(), 'cube.band': () => new Promise(() => undefined) })
    const page = await openPage(host.url)
    const [cube] = await page.call('cubes.list', {})
    const controller = new AbortController()
    const answer = page.get(`/data/cubes/${cube.id}/bands/1`, { signal: controller.signal })
    answer.catch(() => undefined)
    const received = () => engines.flatMap((engine) => engine.received)
    await until(() => received().some((message) => message.kind === 'call' && message.name === 'cube.band'))
    controller.abort()
    await until(() => received().some((message) => message.kind === 'cancel'))
    await expect(answer).rejects.toThrow()
  })

  it('takes dropped files', async () => {
    const { host, root } = await start()
    const page = await openPage(host.url)
    const content = new Uint8Array(3_000_000).map((_, n) => n)
    const response = await page.get('/data/drop/scene%20two.img', { method: 'PUT', body: content })
    expect(await response.json()).toEqual({ path: join(root, 'home', 'projects', 'sample', 'data', 'scene two.img') })
  })

  it('ends a socket that speaks something else, and every socket when it closes', async () => {
    const { host, origin } = await start()
    const page = await openPage(host.url)
    for (const words of ['nonsense', '[]', '{"id":"1","name":"session.info"}', 'null']) {
      const socket = new WebSocket(`${origin.replace('http', 'ws')}/socket`, { headers: { cookie: page.cookie, origin } })
      socket.on('open', () => socket.send(words))
      expect(await new Promise((resolve) => socket.on('close', resolve))).toBe(1003)
    }
    await host.close()
    expect(await page.closed).toBe(1001)
  })
})
