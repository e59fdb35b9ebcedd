import { readFile } from 'node:fs/promises'
import vm from 'node:vm'
import { beforeAll, describe, expect, it } from 'vitest'
import type { WorkbenchHost } from '../../src/shared/contract'
import { built, ensureBuiltOnce } from './built'

// A sandboxed preload is one CommonJS file that may require little more than electron.

beforeAll(ensureBuiltOnce, 120_000)

interface Seen {
  required: string[]
  exposed: Record<string, unknown>
  invoked: unknown[][]
  sent: unknown[][]
  listeners: ((event: unknown, value: unknown) => void)[]
}

async function evaluatePreload(pathOf: (file: unknown) => string): Promise<Seen> {
  const seen: Seen = { required: [], exposed: {}, invoked: [], sent: [], listeners: [] }
  const electron = {
    contextBridge: { exposeInMainWorld: (name: string, value: unknown) => void (seen.exposed[name] = value) },
    ipcRenderer: {
      invoke: async (...words: unknown[]) => {
        seen.invoked.push(words)
        return { ok: true, value: null }
      },
      send: (...words: unknown[]) => void seen.sent.push(words),
      on: (_channel: string, listener: Seen['listeners'][number]) => void seen.listeners.push(listener),
      off: (_channel: string, listener: Seen['listeners'][number]) => void (seen.listeners = seen.listeners.filter((other) => other !== listener)),
    },
    webUtils: { getPathForFile: pathOf },
  }
  const require = (name: string) => {
    seen.required.push(name)
    if (name !== 'electron') throw new Error(`module not found: ${name}`)
    return electron
  }
  // Nothing of Node is there: no process, no Buffer, no module loader but this one.
  vm.runInNewContext(await readFile(built('preload', 'index.cjs'), 'utf8'), { require, exports: {}, module: { exports: {} } })
  return seen
}

describe('the shipped preload', () => {
  it('needs electron alone and exposes the host of the contract', async () => {
    const seen = await evaluatePreload(() => '')
    expect([...new Set(seen.required)]).toEqual(['electron'])
    expect(Object.keys(seen.exposed)).toEqual(['workbenchHost'])
    expect(Object.keys(seen.exposed.workbenchHost as object).sort()).toEqual(['call', 'kind', 'onEvent', 'pathsOf'])
  })

  it('has one channel for calls, one for events, and tells the main process what was dropped', async () => {
    const paths = ['/data/a.hdr', '']
    const seen = await evaluatePreload((file) => paths[file as number])
    const host = seen.exposed.workbenchHost as WorkbenchHost
    expect(await host.call('session.info', {})).toEqual({ ok: true, value: null })
    expect(seen.invoked).toEqual([['workbench:call', 'session.info', {}]])

    const events: unknown[] = []
    const stop = host.onEvent((event) => events.push(event))
    seen.listeners[0]({ sender: 'secret' }, { name: 'device' })
    expect(events).toEqual([{ name: 'device' }])
    stop()
    expect(seen.listeners).toEqual([])

    expect([...host.pathsOf([0, 1] as unknown as File[])!]).toEqual(['/data/a.hdr'])
    expect(JSON.parse(JSON.stringify(seen.sent))).toEqual([['workbench:dropped', ['/data/a.hdr']]])
    host.pathsOf([1] as unknown as File[])
    expect(seen.sent).toHaveLength(1)
  })
})
