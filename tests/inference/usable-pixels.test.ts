import { describe, expect, it } from 'vitest'
import { usablePixels, usedBands } from '../../src/engine/inference/usable-pixels'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'

const facts = { channels: 4, wavelengthsNm: [400, 700, 500, 600] }

function pipeline(ranges: [number | null, number | null][], direct: boolean) {
  const nodes: Record<string, object> = { cube: { type: 'Cube' } }
  const connections: [string, string][] = []
  ranges.forEach(([min, max], index) => {
    nodes[`pass${index}`] = { type: 'BandpassByWavelength', config: { min_wavelength_nm: min, max_wavelength_nm: max } }
    nodes[`rx${index}`] = { type: 'RXGlobal' }
    connections.push(['cube.cube', `pass${index}.data`], [`pass${index}.filtered`, `rx${index}.data`])
  })
  if (direct) {
    nodes.rx = { type: 'RXGlobal' }
    connections.push(['cube.cube', 'rx.data'])
  }
  return resolvePipeline(parsePipeline(JSON.stringify({ nodes, connections }), 'test.yaml'), facts)
}

describe('bands that a pipeline uses', () => {
  it('are those that some band-pass keeps, or all', () => {
    expect(usedBands(pipeline([[450, 650]], false))).toEqual([2, 3])
    expect(usedBands(pipeline([[450, 550], [650, null]], false))).toEqual([1, 2])
    expect(usedBands(pipeline([[null, 450], [650, null]], false))).toEqual([0, 1])
    expect(usedBands(pipeline([[null, null]], false))).toEqual([0, 1, 2, 3])
    expect(usedBands(pipeline([[450, 650]], true))).toEqual([0, 1, 2, 3])
  })

  it('are the only ones that make a pixel unusable', () => {
    const pixels = Float32Array.of(1, 2, 3, 4, Number.NaN, 2, 3, 4, 1, 2, Infinity, 4)
    const judged = (...asked: Parameters<typeof pipeline>) => [0, 1, 2].map((pixel) => usablePixels(pipeline(...asked))(pixels, pixel))
    expect(judged([[450, 650]], false)).toEqual([true, true, false])
    expect(judged([[null, 450], [550, 650]], false)).toEqual([true, false, true])
    expect(judged([], true)).toEqual([true, false, false])
  })
})
