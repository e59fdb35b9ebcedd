import { describe, expect, it } from 'vitest'
import type { Connection, Socket } from '../../src/renderer/host/socket-host'
import { SocketHost } from '../../src/renderer/host/socket-host'

class FakeSocket implements Socket {
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  readonly sent: { id: number; name: string; args: unknown }[] = []

  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }

  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
}

function connect() {
  const sockets: FakeSocket[] = []
  const waits: { action: () => void; milliseconds: number }[] = []
  const states: Connection[] = []
  const host = new SocketHost({
    onConnection: (state) => states.push(state),
    open: () => {
      sockets.push(new FakeSocket())
      return sockets.at(-1)!
    },
    later: (action, milliseconds) => waits.push({ action, milliseconds }),
  })
  return { host, sockets, waits, states }
}

describe('socket host', () => {
  it('keeps what was asked before the connection stood', async () => {
    const { host, sockets, states } = connect()
    const reply = host.call('runs.list', {})
    expect(sockets[0].sent).toEqual([])
    sockets[0].onopen?.()
    expect(sockets[0].sent).toEqual([{ id: 1, name: 'runs.list', args: {} }])
    sockets[0].say({ kind: 'reply', id: 1, reply: { ok: true, value: [] } })
    expect(await reply).toEqual({ ok: true, value: [] })
    expect(states).toEqual(['open'])
  })

  it('matches replies that come in another order', async () => {
    const { host, sockets } = connect()
    sockets[0].onopen?.()
    const replies = [host.call('runs.list', {}), host.call('jobs.list', {})]
    sockets[0].say({ kind: 'reply', id: 2, reply: { ok: true, value: ['job'] } })
    sockets[0].say({ kind: 'reply', id: 1, reply: { ok: true, value: ['run'] } })
    expect(await Promise.all(replies)).toEqual([{ ok: true, value: ['run'] }, { ok: true, value: ['job'] }])
  })

  it('passes events on until the listener leaves', () => {
    const { host, sockets } = connect()
    const heard: unknown[] = []
    const leave = host.onEvent((event) => heard.push(event))
    sockets[0].onopen?.()
    const event = { name: 'cube-closed', value: { cubeId: 'a' } }
    sockets[0].say({ kind: 'event', event })
    leave()
    sockets[0].say({ kind: 'event', event })
    expect(heard).toEqual([event])
  })

  it('answers with a sentence when the connection is lost, and refuses until it is back', async () => {
    const { host, sockets, waits, states } = connect()
    sockets[0].onopen?.()
    const waiting = host.call('runs.list', {})
    sockets[0].onclose?.()
    expect(await waiting).toMatchObject({ ok: false, problem: { code: 'engine-lost' } })
    expect(await host.call('runs.list', {})).toMatchObject({ ok: false, problem: { code: 'engine-lost' } })
    waits[0].action()
    sockets[1].onopen?.()
    const again = host.call('runs.list', {})
    sockets[1].say({ kind: 'reply', id: sockets[1].sent[0].id, reply: { ok: true, value: [] } })
    expect(await again).toEqual({ ok: true, value: [] })
    expect(states).toEqual(['open', 'lost', 'open'])
  })

  it('waits longer each time, up to a limit, and begins anew after a connection', () => {
    const { sockets, waits } = connect()
    for (let attempt = 0; attempt < 7; attempt += 1) {
      sockets.at(-1)!.onclose?.()
      waits.at(-1)!.action()
    }
    expect(waits.map((wait) => wait.milliseconds)).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000])
    sockets.at(-1)!.onopen?.()
    sockets.at(-1)!.onclose?.()
    expect(waits.at(-1)!.milliseconds).toBe(250)
  })
})
