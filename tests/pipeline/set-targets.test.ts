import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { withTargets } from '../../src/engine/pipeline/set-targets'
import { CuvetteError } from '../../src/shared/problem'

const template = (name: string) => readFileSync(resolve(import.meta.dirname, '../../resources/pipelines', `${name}.yaml`), 'utf8')
const kaolinite = { Kaolinite: { library: 'minerals.sli', entry: 'Kaolinite' } }
const targetOf = (text: string, node: string) => parsePipeline(text, 'p.yaml').nodes.find(({ name }) => name === node)?.config.target

describe('other targets in a document', () => {
  it.each([['matched-filter', 'filter'], ['spectral-angle', 'angle']])('change nothing else of the template %s, comments included', (name, node) => {
    const before = template(name)
    const after = withTargets(before, 'p.yaml', { ...kaolinite, 'pixel 3, 4': { pixel: [3, 4] } })
    expect(targetOf(after, node)).toEqual({ ...kaolinite, 'pixel 3, 4': { pixel: [3, 4] } })
    expect(after).toContain('        Kaolinite: {library: minerals.sli, entry: Kaolinite}\n        pixel 3, 4: {pixel: [3, 4]}\n')
    const others = (text: string) => text.split('\n').filter((line) => !/class: 1|Kaolinite|pixel 3, 4/.test(line))
    expect(others(after)).toEqual(others(before))
    // The same again is the same text.
    expect(withTargets(after, 'p.yaml', { ...kaolinite, 'pixel 3, 4': { pixel: [3, 4] } })).toBe(after)
  })

  it('reach a node that is written short, one of the repository dialect, and take the place of listed spectra', () => {
    const short = withTargets('nodes: {cube: Cube, filter: MatchedFilter}\nconnections: [[cube.cube, filter.data]]\n', 'p.yaml', kaolinite)
    expect(targetOf(short, 'filter')).toEqual(kaolinite)
    const listed = withTargets('nodes:\n  cube: Cube\n  angle:\n    type: SpectralAngleMapper\n    config: {spectra: [1, 2], best: angle}\nconnections: []\n', 'p.yaml', kaolinite)
    expect(parsePipeline(listed, 'p.yaml').nodes[1].config).toEqual({ best: 'angle', target: kaolinite })
    const repository = withTargets('nodes:\n- name: sam\n  class_name: cuvis_ai.node.spectral_angle_mapper.SpectralAngleMapper\n  hparams: {num_channels: 6}\nconnections: []\nmetadata: {name: a}\n', 'p.yaml', kaolinite)
    expect(repository).toContain('target:')
    expect(parsePipeline(repository, 'p.yaml').problems).toEqual([])
  })

  it('are refused without a detector that has any', () => {
    expect(() => withTargets(template('rx'), 'rx.yaml', kaolinite)).toThrow(CuvetteError)
    expect(() => withTargets(template('rx'), 'rx.yaml', kaolinite)).toThrow('The pipeline RX has no detector that looks for a target; choose one with a MatchedFilter or a SpectralAngleMapper.')
  })
})
