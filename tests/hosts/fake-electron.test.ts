import { expect, it } from 'vitest'
import * as fake from '../fake-electron/electron'

it('the fake throws where Electron throws', () => {
  expect(() => fake.protocol.handle('app', () => new Response())).toThrow('before the app is ready')
  expect(() => fake.session.defaultSession).toThrow('before the app is ready')
  expect(() => new fake.BrowserWindow({})).toThrow('before the app is ready')
  expect(() => fake.utilityProcess.fork('engine.js')).toThrow('before the app is ready')
  fake.protocol.registerSchemesAsPrivileged([{ scheme: 'app' }])
  expect(() => fake.protocol.registerSchemesAsPrivileged([{ scheme: 'app' }])).toThrow('only be called once')
  fake.makeReady()
  expect(() => fake.protocol.registerSchemesAsPrivileged([{ scheme: 'app' }])).toThrow('before app is ready')
  expect(() => fake.app.enableSandbox()).toThrow('before app is ready')
})
