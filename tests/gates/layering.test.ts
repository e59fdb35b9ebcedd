import { ESLint } from 'eslint'
import { describe, expect, it } from 'vitest'

const eslint = new ESLint({ cwd: process.cwd() })

/** What the layering rule says of a file with this one import. */
async function messagesFor(path: string, specifier: string): Promise<string[]> {
  const [result] = await eslint.lintText(`import { x } from '${specifier}'\nexport const y = x\n`, { filePath: path })
  return result.messages.filter((message) => message.ruleId === 'no-restricted-imports').map((message) => message.message)
}

describe('layering is enforced by lint', () => {
  it.each([
    ['src/shared/a.ts', '../engine/cube/cube'],
    ['src/shared/a.ts', 'node:fs'],
    ['src/engine/cube/a.ts', '../../workbench/runs'],
    ['src/engine/cube/a.ts', '../onnx/graph'],
    ['src/engine/onnx/a.ts', '../nodes/node'],
    ['src/engine/onnx/operators/a.ts', '../../training/fit'],
    ['src/engine/pipeline/a.ts', '../training/fit'],
    ['src/engine/training/a.ts', 'electron'],
    ['src/workbench/a.ts', '../main/window'],
    ['src/workbench/a.ts', 'electron'],
    ['src/webhost/a.ts', '../main/window'],
    ['src/webhost/a.ts', 'electron/main'],
    ['src/main/a.ts', '../renderer/bridge'],
    ['src/preload/a.ts', '../workbench/runs'],
    ['src/preload/a.ts', 'node:fs'],
    ['src/renderer/stores/a.ts', '../../engine/cube/cube'],
    ['src/renderer/a.ts', '../workbench/runs'],
    ['src/renderer/a.ts', 'node:path'],
    ['src/renderer/viewer/a.vue', '../../engine/cube/cube'],
    ['src/cli/a.ts', '../renderer/bridge'],
    ['src/engine/cube/a.ts', 'vue'],
  ])('%s may not import %s', async (path, specifier) => {
    const source = path.endsWith('.vue') ? await vueMessages(path, specifier) : await messagesFor(path, specifier)
    expect(source).toHaveLength(1)
  })

  it.each([
    ['src/engine/cube/a.ts', '../../shared/cube'],
    ['src/engine/cube/a.ts', '../files/atomic'],
    ['src/engine/pipeline/a.ts', '../nodes/node'],
    ['src/engine/training/a.ts', '../inference/score'],
    ['src/workbench/a.ts', '../engine/cube/cube'],
    ['src/main/a.ts', '../workbench/workbench'],
    ['src/main/a.ts', 'electron'],
    ['src/cli/a.ts', '../webhost/server'],
    ['src/renderer/a.ts', '../shared/contract'],
    ['src/renderer/a.ts', 'vue'],
  ])('%s may import %s', async (path, specifier) => {
    expect(await messagesFor(path, specifier)).toEqual([])
  })
})

describe('import() is no way around', () => {
  it.each([
    ['src/engine/cube/a.ts', '../../workbench/runs'],
    ['src/workbench/a.ts', 'electron'],
    ['src/renderer/a.ts', 'node:fs'],
    ['src/engine/onnx/a.ts', '../nodes/node'],
  ])('%s may not import(%s)', async (path, specifier) => {
    const [result] = await eslint.lintText(`export const x = import('${specifier}')\n`, { filePath: path })
    expect(result.messages.map((message) => message.ruleId)).toContain('no-restricted-syntax')
  })
})

async function vueMessages(path: string, specifier: string): Promise<string[]> {
  const [result] = await eslint.lintText(`<script setup lang="ts">\nimport { x } from '${specifier}'\nx()\n</script>\n<template><p /></template>\n`, { filePath: path })
  return result.messages.filter((message) => message.ruleId === 'no-restricted-imports').map((message) => message.message)
}
