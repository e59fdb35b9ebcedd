import { readFileSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { catalogue } from '../../src/engine/nodes/registry'
import { checkPipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
// @ts-expect-error a script without types
import { pages } from '../../scripts/nodes/pages.mjs'

const facts = { channels: 61, wavelengthsNm: Array.from({ length: 61 }, (_, band) => 430 + 8 * band) }
const folder = resolve(import.meta.dirname, '../../docs/nodes')

describe('the example of every node', () => {
  it.each(catalogue().map((node) => [node.type, node.example] as const))('%s: the document opens and has no problem', (type, example) => {
    const document = parsePipeline(example, `${type}.yaml`)
    expect(document.nodes.map((node) => node.type)).toContain(type)
    expect(checkPipeline(document, facts)).toEqual([])
  })

  it.each(catalogue().map((node) => [node.type, node] as const))('%s: every required input is connected in it', (type, node) => {
    const connected = parsePipeline(node.example, `${type}.yaml`).connections.filter(({ to }) => to.node === 'example').map(({ to }) => to.port)
    for (const port of node.inputs) if (!port.optional) expect(connected).toContain(port.name)
  })
})

describe('docs/nodes', () => {
  const written = pages(catalogue()) as Map<string, string>

  it('has a page for every node and no other', () => {
    expect(readdirSync(folder).sort()).toEqual([...written.keys()].sort())
  })

  it.each([...written])('%s is what the catalogue says; "npm run docs:nodes" writes it', (name, text) => {
    expect(readFileSync(resolve(folder, name), 'utf8')).toBe(text)
  })
})
