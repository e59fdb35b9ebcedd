import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../workbench/fake-host'
import { root } from './built'

// The set-up steps of npm start and npm test, in a copy of their folder: they never touch this clone's own state.

async function copyOfScripts(): Promise<string> {
  const clone = await temporaryFolder()
  await cp(join(root, 'scripts', 'prerequisites'), join(clone, 'scripts', 'prerequisites'), { recursive: true })
  return clone
}

/** Runs a script in the copy; the functions of a step are in scope. Gives stdout. */
async function run(clone: string, step: string, script: string, environment: Record<string, string | undefined> = {}): Promise<string> {
  const names = { install: 'ensureInstalled', exclusive: 'exclusively', build: 'ensureBuilt', electron: 'electronProgram', browser: 'browserForTests', remembered: 'rememberedFailure, rememberFailure' }[step]
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', `import { ${names} } from './scripts/prerequisites/${step}.mjs'\n${script}`], {
    cwd: clone, env: { ...process.env, ...environment },
  })
  return stdout
}

async function program(folder: string, name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  await chmod(path, 0o755)
  return path
}

describe('exclusively', () => {
  it('lets one process at a time work', async () => {
    const clone = await copyOfScripts()
    const diary = join(clone, 'diary')
    const work = `import { appendFileSync } from 'node:fs'
      await exclusively('work', async () => {
        appendFileSync(${JSON.stringify(diary)}, 'begin ')
        await new Promise((resolve) => setTimeout(resolve, 50))
        appendFileSync(${JSON.stringify(diary)}, 'end ')
      })`
    await Promise.all([1, 2, 3].map(() => run(clone, 'exclusive', work)))
    expect(await readFile(diary, 'utf8')).toBe('begin end begin end begin end ')
  })

  it('takes over from a process that died, and from one that took far too long', async () => {
    const clone = await copyOfScripts()
    await mkdir(join(clone, '.cache'))
    const lock = join(clone, '.cache', 'work.lock')
    const work = "console.log(await exclusively('work', async () => 'done'))"
    await writeFile(lock, '999999999')
    expect(await run(clone, 'exclusive', work)).toBe('done\n')
    await writeFile(lock, String(process.pid))
    await utimes(lock, new Date(0), new Date(0))
    expect(await run(clone, 'exclusive', work)).toBe('done\n')
  })

  it('gives way again when the work fails', async () => {
    const clone = await copyOfScripts()
    const work = "await exclusively('work', async () => { throw new Error('no') }).catch(() => undefined); console.log(await exclusively('work', async () => 'done'))"
    expect(await run(clone, 'exclusive', work)).toBe('done\n')
  })
})

describe('ensureInstalled', () => {
  it.runIf(process.platform !== 'win32')('calls npm ci once for each package-lock.json, without scripts', async () => {
    const clone = await copyOfScripts()
    const tools = join(clone, 'tools')
    await mkdir(tools)
    await program(tools, 'npm', `#!/bin/sh\necho "$@" >> ${clone}/calls\nmkdir -p ${clone}/node_modules\n`)
    const environment = { PATH: `${tools}:${process.env.PATH}` }
    const calls = async () => (await readFile(join(clone, 'calls'), 'utf8')).trim().split('\n')
    await writeFile(join(clone, 'package-lock.json'), '{"a": 1}')
    for (let n = 0; n < 2; n += 1) await run(clone, 'install', 'await ensureInstalled()', environment)
    expect(await calls()).toEqual([expect.stringMatching(/^ci --ignore-scripts/)])
    await writeFile(join(clone, 'package-lock.json'), '{"a": 2}')
    await run(clone, 'install', 'await ensureInstalled()', environment)
    expect(await calls()).toHaveLength(2)
    await program(tools, 'npm', '#!/bin/sh\nexit 1\n')
    await writeFile(join(clone, 'package-lock.json'), '{"a": 3}')
    expect(await run(clone, 'install', 'await ensureInstalled().catch((error) => console.log(error.message))', environment)).toContain('could not be installed')
  })
})

describe('ensureBuilt', () => {
  it('builds when a source is newer or a product is missing, and not otherwise', async () => {
    const clone = await copyOfScripts()
    const bin = join(clone, 'node_modules', 'electron-vite', 'bin')
    await mkdir(bin, { recursive: true })
    await mkdir(join(clone, 'src', 'deep'), { recursive: true })
    for (const name of ['electron.vite.config.ts', 'package.json', 'package-lock.json', 'src/deep/a.ts']) await writeFile(join(clone, name), '')
    await writeFile(join(bin, 'electron-vite.js'), `
      const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
      appendFileSync('builds', 'x')
      for (const folder of ['main', 'preload', 'renderer']) mkdirSync('out/' + folder, { recursive: true })
      for (const name of ['main/index.js', 'main/webhost.js', 'main/cli.js', 'main/engine.js', 'preload/index.cjs', 'renderer/index.html']) writeFileSync('out/' + name, '')`)
    const builds = async () => (await readFile(join(clone, 'builds'), 'utf8')).length
    const build = (options = '') => run(clone, 'build', `await ensureBuilt(${options})`)
    await build()
    await build()
    expect(await builds()).toBe(1)
    await build('{ force: true }')
    expect(await builds()).toBe(2)
    const later = new Date(Date.now() + 60_000)
    await utimes(join(clone, 'src', 'deep', 'a.ts'), later, later)
    await build()
    expect(await builds()).toBe(3)
    await writeFile(join(bin, 'electron-vite.js'), 'console.error("line 7 is wrong"); process.exit(1)')
    expect(await run(clone, 'build', 'await ensureBuilt({ force: true }).catch((error) => console.log(error.message))')).toContain('The build failed')
  })
})

describe.runIf(process.platform === 'linux')('electronProgram', () => {
  it('needs a display', async () => {
    const clone = await copyOfScripts()
    const answer = await run(clone, 'electron', 'console.log(JSON.stringify(electronProgram()))', { DISPLAY: '', WAYLAND_DISPLAY: '' })
    expect(JSON.parse(answer)).toEqual({ path: null, reason: expect.stringContaining('no display') })
  })

  it('is not for root', async () => {
    const answer = await run(await copyOfScripts(), 'electron', 'process.getuid = () => 0; console.log(JSON.stringify(electronProgram()))', { DISPLAY: ':0' })
    expect(JSON.parse(answer)).toEqual({ path: null, reason: 'Electron does not run as root' })
  })

  it('tries the download once a day, and takes what is there', async () => {
    const clone = await copyOfScripts()
    const folder = join(clone, 'node_modules', 'electron')
    await mkdir(join(folder, 'dist'), { recursive: true })
    await writeFile(join(folder, 'install.js'), "require('node:fs').appendFileSync('tries', 'x'); process.exit(1)")
    const ask = async () => JSON.parse(await run(clone, 'electron', 'process.getuid = () => 1000; console.log(JSON.stringify(electronProgram()))', { DISPLAY: ':0' })) as { path: string | null; reason: string }
    expect(await ask()).toMatchObject({ path: null, reason: expect.stringContaining('could not be downloaded') })
    expect(await ask()).toMatchObject({ path: null, reason: expect.stringContaining('within the last day') })
    expect(await readFile(join(clone, 'tries'), 'utf8')).toBe('x')
    await writeFile(join(folder, 'path.txt'), 'electron')
    await writeFile(join(folder, 'dist', 'electron'), '')
    expect(await ask()).toMatchObject({ path: join(folder, 'dist', 'electron') })
  })
})

describe.runIf(process.platform === 'linux')('browserForTests', () => {
  it('takes the browser that is named, then one of the system', async () => {
    const clone = await copyOfScripts()
    const tools = join(clone, 'tools')
    await mkdir(tools)
    await symlink(process.execPath, join(tools, 'node'))
    const named = await program(clone, 'my-browser', '')
    const system = await program(tools, 'google-chrome', '')
    const ask = (environment: Record<string, string>) => run(clone, 'browser', 'console.log((await browserForTests()).path)', environment)
    expect(await ask({ PATH: tools, CUVETTE_BROWSER: named })).toBe(`${named}\n`)
    expect(await ask({ PATH: tools, CUVETTE_BROWSER: join(clone, 'not-there') })).toBe(`${system}\n`)
  })
})
