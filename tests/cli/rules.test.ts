import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Problem } from '../../src/shared/problem'
import { built, cuvette, documentOf, pipelines, root, sample } from './cuvette'

let folder: string

beforeAll(async () => {
  await built()
  folder = await mkdtemp(join(tmpdir(), 'cuvette-cli-'))
}, 180_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('help', () => {
  test('goes to stdout with exit code 0', async () => {
    const help = await cuvette(['--help'])
    expect(help.code).toBe(0)
    expect(help.stderr).toBe('')
    for (const command of ['info', 'nodes', 'check', 'fit', 'run', 'export', 'serve', 'open']) expect(help.stdout).toContain(command)
  })

  test('exists for every command', async () => {
    for (const command of ['info', 'nodes', 'check', 'fit', 'run', 'export', 'serve', 'open']) {
      const help = await cuvette([command, '--help'])
      expect(help.code, command).toBe(0)
      expect(help.stdout, command).toContain('--json')
    }
  })

  test('the version is that of the package', async () => {
    const { version } = (await import('../../package.json')) as { version: string }
    expect(await cuvette(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` })
  })
})

describe('wrong usage', () => {
  const cases: [string, string[], RegExp][] = [
    ['no command', [], /command/i],
    ['an unknown command', ['fitt'], /unknown command.*fitt/i],
    ['an unknown option', ['info', sample, '--colour'], /unknown option.*--colour/i],
    ['a missing argument', ['info'], /missing.*cube/i],
    ['a missing option', ['fit', join(pipelines, 'rx.yaml'), '--data', sample], /--out/],
    ['one argument too many', ['info', sample, sample], /too many arguments/i],
    ['a number that is none', ['fit', join(pipelines, 'rx.yaml'), '--data', sample, '--out', 'x', '--epochs', 'many'], /--epochs.*whole number/i],
    ['a negative number of epochs', ['fit', join(pipelines, 'rx.yaml'), '--data', sample, '--out', 'x', '--epochs', '-1'], /--epochs.*whole number/i],
    ['a learning rate of zero', ['fit', join(pipelines, 'rx.yaml'), '--data', sample, '--out', 'x', '--learning-rate', '0'], /--learning-rate.*above 0/i],
    ['a device that does not exist', ['fit', join(pipelines, 'rx.yaml'), '--data', sample, '--out', 'x', '--device', 'abacus'], /--device.*abacus.*cpu/i],
    ['a format that does not exist', ['run', 'x', '--data', sample, '--out', 'y', '--format', 'gif'], /--format.*gif.*envi/i],
    ['a target that does not exist', ['export', 'x', '--to', 'paper', '--out', 'y'], /--to.*paper.*onnx/i],
    ['a threshold that is none', ['run', 'x', '--data', sample, '--out', 'y', '--threshold', 'high'], /--threshold.*number/i],
  ]

  test.each(cases)('%s: exit code 2 and a sentence on stderr', async (_, args, sentence) => {
    const finished = await cuvette(args, { cwd: folder })
    expect(finished.code).toBe(2)
    expect(finished.stdout).toBe('')
    expect(finished.stderr).toMatch(sentence)
  })

  test.each(cases.slice(1))('%s, with --json: exit code 2 and one document', async (_, args, sentence) => {
    const finished = await cuvette([...args, '--json'], { cwd: folder })
    expect(finished.code).toBe(2)
    expect(finished.stderr).toBe('')
    const { error } = documentOf<{ error: Problem }>(finished)
    expect(error.code).toBe('bad-argument')
    expect(error.message).toMatch(sentence)
    expect(error.message).not.toContain('\n')
  })
})

describe('stdout', () => {
  test('holds one JSON document and nothing else with --json', async () => {
    for (const args of [['info', sample], ['nodes'], ['check', join(pipelines, 'rx.yaml')]]) {
      const finished = await cuvette([...args, '--json'])
      expect(finished.code, finished.stderr).toBe(0)
      expect(() => JSON.parse(finished.stdout) as unknown).not.toThrow()
      expect(finished.stderr).toBe('')
    }
  })

  test('a reader that goes away early is no failure', async () => {
    const finished = await cuvette(['nodes', '--json'], { watch: (child) => child.stdout?.destroy() })
    expect(finished.stderr).toBe('')
    expect(finished.code).toBe(0)
  })

  test('a failure without --json leaves stdout empty', async () => {
    const finished = await cuvette(['info', join(folder, 'nothing.hdr')])
    expect(finished).toMatchObject({ code: 1, stdout: '' })
    expect(finished.stderr).toMatch(/^cuvette: .*nothing\.hdr.*\n$/)
  })
})

describe('npm run cuvette', () => {
  test('passes arguments, streams and exit code through', async () => {
    const how = { program: 'npm', words: ['run', '-s', 'cuvette', '--'], cwd: root }
    const fine = await cuvette(['info', 'resources/sample/farm.hdr', '--json'], how)
    expect(fine.code).toBe(0)
    expect(documentOf<{ shape: number[] }>(fine).shape).toEqual([200, 200, 61])
    expect((await cuvette(['info', 'nowhere.hdr', '--json'], how)).code).toBe(1)
    expect((await cuvette(['inform'], how)).code).toBe(2)
  }, 60_000)
})

describe('open', () => {
  test('open without Electron says how to go on', async () => {
    const finished = await cuvette(['open', '--json'])
    // Where the Electron program is installed this would open a window; then there is nothing to see here.
    if (finished.code === 0) return
    expect(finished.code).toBe(1)
    expect(documentOf<{ error: Problem }>(finished).error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('cuvette serve') as string })
  })
})
