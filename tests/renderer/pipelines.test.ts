import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createPinia, setActivePinia } from 'pinia'
import { expect, it } from 'vitest'
import { describePipeline } from '../../src/engine/pipeline/describe'
import { useHost } from '../../src/renderer/bridge'
import { usePipelines } from '../../src/renderer/stores/pipelines'
import type { CallName, PipelineEntry, WorkbenchHost } from '../../src/shared/contract'

const folder = resolve(import.meta.dirname, '../../resources/pipelines')

function templates(): PipelineEntry[] {
  return readdirSync(folder).filter((name) => name.endsWith('.yaml')).map((name) => {
    const text = readFileSync(join(folder, name), 'utf8')
    const summary = describePipeline(text, name, null)
    return { id: `template:${name}`, name: summary.name, description: '', origin: 'template', text, summary }
  })
}

it('a first session begins with Deep SVDD, whatever templates stand before it', async () => {
  setActivePinia(createPinia())
  const answers: Partial<Record<CallName, () => unknown>> = { 'pipelines.list': templates, 'nodes.catalogue': () => [], 'cubes.lost': () => [] }
  useHost({
    kind: 'electron', call: async (name: CallName) => ({ ok: true, value: answers[name]?.() ?? null }), onEvent: () => () => undefined, pathsOf: () => null,
  } as unknown as WorkbenchHost)
  const pipelines = usePipelines()
  await pipelines.load()
  expect(pipelines.selected?.name).toBe('Deep SVDD')
})
