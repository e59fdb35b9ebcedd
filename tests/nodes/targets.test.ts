import { describe, expect, it } from 'vitest'
import { nameOf, originOf, readTargets, targetParameter, targetsOf } from '../../src/engine/nodes/targets'
import { readParameters } from '../../src/engine/pipeline/parameters'

describe('targets of a document', () => {
  it.each([
    [{ library: 'minerals.sli', entry: 'Kaolinite' }, 'Kaolinite', 'the entry Kaolinite of minerals.sli'],
    [{ library: 'minerals.sli', entry: 3 }, 'entry 3', 'the entry 3 of minerals.sli'],
    [{ pixel: [12, 0] }, 'pixel 12, 0', 'the pixel at line 12, sample 0'],
    [{ rectangle: [1, 2, 3, 4] }, 'rectangle', 'the rectangle at line 1, sample 2'],
    [{ polygon: [[0, 0], [0, 4.5], [3, 2]] }, 'polygon', 'the polygon with 3 corners'],
    [{ class: 0 }, 'class 0', 'the class 0 of the mask'],
    [{ class: 'weed' }, 'class weed', 'the class weed of the mask'],
    [{ spectrum: [0.1, 0.2] }, 'spectrum', 'the listed spectrum'],
  ])('one: %j', (target, name, origin) => {
    expect(readTargets(target)).toEqual({ [name]: target })
    expect(nameOf(target)).toBe(name)
    expect(originOf(target)).toBe(origin)
  })

  it('several by their names, also by names that are words of the form', () => {
    const several = { 'dry grass': { class: 1 }, pixel: { pixel: [1, 2] }, library: { library: 'l.csv', entry: 1 } }
    expect(readTargets(several)).toEqual(several)
    expect(targetsOf({ target: several }).map(([name]) => name)).toEqual(['dry grass', 'pixel', 'library'])
    expect(targetsOf({ target: null })).toEqual([])
  })

  it.each([
    {}, [], 'Kaolinite', 3, [{ class: 1 }],
    { library: 'l.csv' }, { entry: 'a' }, { library: 'l.csv', entry: 0 }, { library: 'l.csv', entry: 1.5 }, { library: '', entry: 1 },
    { pixel: [1] }, { pixel: [1, -2] }, { pixel: [1, 2.5] }, { pixel: [1, 2], class: 1 }, { pixel: [1, 2], name: 'a' },
    { rectangle: [1, 2, 0, 4] }, { polygon: [[0, 0], [1, 1]] }, { polygon: [[0, 0], [1, 1], [2]] }, { polygon: [[0, 0], [1, 1], [2, NaN]] },
    { class: -1 }, { class: null }, { spectrum: [] }, { spectrum: [1, 'x'] }, { a: { class: 1 }, b: 2 }, { a: {} },
  ])('not understood: %j', (written) => {
    expect(readTargets(written)).toBeNull()
    const { faults, values } = readParameters([targetParameter], { target: written })
    expect(values).toEqual({ target: null })
    expect(faults).toEqual([{ parameter: 'target', message: expect.stringContaining('as target; a target such as {library: minerals.sli, entry: Kaolinite}') as string }])
  })
})
