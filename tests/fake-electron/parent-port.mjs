// Gives a Node child what an Electron utility process has: process.parentPort, which keeps messages
// until the first listener, and no process.send.
const send = process.send.bind(process)
const listeners = []
let kept = []

process.on('message', (data) => {
  if (listeners.length === 0) kept.push(data)
  else for (const listener of listeners) listener({ data, ports: [] })
})
process.on('disconnect', () => process.exit(0))

process.parentPort = {
  on(event, listener) {
    if (event !== 'message') throw new Error(`A parent port has no event "${event}".`)
    listeners.push(listener)
    for (const data of kept) listener({ data, ports: [] })
    kept = []
  },
  postMessage: (message) => send(message),
}
process.send = undefined
