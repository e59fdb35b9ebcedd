import type { Server } from 'node:http'
import type { WebSocket } from 'ws'
import { WebSocketServer } from 'ws'
import type { SocketMessage, SocketRequest } from '../shared/contract'
import { SOCKET_PATH } from '../shared/contract'
import type { Workbench } from '../workbench/workbench'
import type { DoorKeeper } from './door-keeper'
import { urlOf } from './door-keeper'

/** Pipeline documents are the longest thing that a page sends. */
const LONGEST_MESSAGE = 4 * 1024 * 1024

/** The control channel of the pages: calls in, replies and events out. */
export function serveSocket(server: Server, door: DoorKeeper, workbench: Workbench): { close(): void } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: LONGEST_MESSAGE })

  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy())
    const ours = urlOf(request)?.pathname === SOCKET_PATH
    // The development server answers sockets of its own on the same port.
    if (!ours && server.listenerCount('upgrade') > 1) return
    if (!ours || !door.admitsUpgrade(request)) {
      stream.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, stream, head, (socket) => serve(socket, workbench))
  })

  return {
    close() {
      for (const socket of sockets.clients) socket.close(1001, 'Cuvette was closed.')
      sockets.close()
    },
  }
}

function serve(socket: WebSocket, workbench: Workbench): void {
  const send = (message: SocketMessage) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
  }
  const stopListening = workbench.onEvent((event) => send({ kind: 'event', event }))
  socket.on('close', stopListening)
  socket.on('error', () => socket.terminate())
  socket.on('message', (data) => {
    const request = parseRequest(String(data))
    if (!request) {
      socket.close(1003, 'Not a request.')
      return
    }
    void workbench.dispatch(request.name, request.args).then((reply) => send({ kind: 'reply', id: request.id, reply }))
  })
}

function parseRequest(text: string): SocketRequest | null {
  try {
    const value = JSON.parse(text) as Partial<SocketRequest> | null
    return typeof value?.id === 'number' && typeof value.name === 'string' ? (value as SocketRequest) : null
  } catch {
    return null
  }
}
