import { describe, expect, it } from 'vitest'
import { parseBandRanges, rangesText, runsOf } from '../../src/renderer/bands/band-ranges'
import { fileSays, holds, sameCorrections, say, unsay } from '../../src/renderer/bands/corrections'
import { targetsOf } from '../../src/renderer/scores/targets'
import { classColour, classTable, className } from '../../src/renderer/theme/overlay-colours'
import * as scene from './scene'

const cube = scene.describe('/data/field.hdr')

describe('bands as people name them', () => {
  it.each([
    ['1', [0]], ['bands 3-5', [2, 3, 4]], ['5 to 3', [2, 3, 4]], ['1, 3–4; 61', [0, 2, 3, 60]], ['430-446 nm', [0, 1, 2]], ['0.43-0.446 µm', [0, 1, 2]],
    ['1, 900-950 nm', [0, 59, 60]], ['433 nm', [0]], ['band 2, 2, 2', [1]],
  ])('%s', (text, bands) => expect(parseBandRanges(text, cube)).toEqual({ bands, problem: null }))

  it('all of them', () => expect(parseBandRanges('all', cube).bands).toHaveLength(61))

  it.each([
    ['', 'Write which bands'], ['x', '“x” is no range'], ['0-3', 'The bands are 1 to 61: 0-3 is not among them'], ['60-62', '60-62 is not among them'], ['450.5', '450.5 is not among them'],
    ['2000-2100 nm', 'No band lies at 2000-2100 nm'], ['2000 nm', 'No band lies at 2000 nm'], ['5000 cm-1', 'The wavelengths are in nm, not in cm⁻¹'],
  ])('says what is wrong with %j', (text, sentence) => expect(parseBandRanges(text, cube)).toEqual({ bands: null, problem: expect.stringContaining(sentence) as string }))

  it('needs wavelengths for wavelengths', () => {
    expect(parseBandRanges('450 nm', { ...cube, wavelengths: null }).problem).toContain('has no wavelengths')
    expect(parseBandRanges('450 nm', { ...cube, wavelengthUnit: null }).problem).toContain('in an unknown unit')
    expect(parseBandRanges('2-3', { ...cube, wavelengths: null }).bands).toEqual([1, 2])
  })

  it('are written as runs', () => {
    expect(runsOf([7, 2, 0, 1, 9])).toEqual([[0, 2], [7, 7], [9, 9]])
    expect(rangesText([0, 1, 2, 7])).toBe('1–3, 8')
  })
})

describe('corrections', () => {
  const file = { ...fileSays({ description: { ...cube, wavelengthUnitGuessed: true } }), noData: 0, scale: null }

  it('keep what differs from the file, and nothing else', () => {
    let said = say(file, {}, 'noData', -1)
    said = say(file, said, 'badBands', [1])
    expect(said).toEqual({ noData: -1, badBands: [1] })
    expect(holds(file, said)).toMatchObject({ noData: -1, badBands: [1], scale: null, wavelengthUnitGuessed: true })
    said = say(file, said, 'badBands', [40, 41, 42])
    said = say(file, said, 'noData', 0)
    expect(said).toEqual({})
    expect(say(file, {}, 'noData', null)).toEqual({ noData: null })
    expect(unsay({ noData: null, scale: 2 }, 'noData')).toEqual({ scale: 2 })
  })

  it('take a guessed unit that is confirmed as said', () => {
    const said = say(file, {}, 'wavelengthUnit', file.wavelengthUnit)
    expect(said).toEqual({ wavelengthUnit: file.wavelengthUnit })
    expect(holds(file, said).wavelengthUnitGuessed).toBe(false)
    expect(say({ ...file, wavelengthUnitGuessed: undefined }, {}, 'wavelengthUnit', file.wavelengthUnit)).toEqual({})
  })

  it('are the same in any order', () => {
    expect(sameCorrections({ noData: 1, badBands: [1, 2] }, { badBands: [1, 2], noData: 1 })).toBe(true)
    expect(sameCorrections({ badBands: [1, 2] }, { badBands: [1, 3] })).toBe(false)
    expect(sameCorrections({ noData: null }, {})).toBe(false)
  })

  it('are told from what the file says where it was kept', () => {
    const kept = { ...file, badBands: [5] }
    expect(fileSays({ description: { ...cube, badBands: [], fileSays: kept } })).toBe(kept)
  })
})

describe('classes of a mask', () => {
  const classes = [{ id: 0, count: 3, use: 'anomalous' as const }, { id: 1, count: 1, name: 'weed', colour: [1, 2, 3] as [number, number, number] }, { id: 2, count: 1, use: 'ignore' as const }, { id: 3, count: 1, use: 'normal' as const }]

  it('are judged by their use, and without one as before', () => {
    const values = Uint8Array.of(0, 1, 2, 3, 255)
    expect([...targetsOf(values, classes)]).toEqual([1, 1, 255, 0, 255])
    expect(targetsOf(values, [{ id: 0, count: 5 }])).toBe(values)
  })

  it('have the name and the colour that they were given', () => {
    expect([0, 1, 2, 255].map((id) => className(id, classes))).toEqual(['normal', 'weed', 'class 2', 'ignored'])
    expect(classColour(1, classes)).toBe('#010203')
    expect(classColour(1)).toBe('#22d3ee')
    expect(classColour(0)).toBeNull()
    expect(classColour(0, classes)).not.toBeNull()
  })

  it('are drawn filled, hatched or not at all', () => {
    const table = classTable(classes)
    expect([0, 1, 2, 3, 255].map((id) => table[4 * id + 3])).toEqual([255, 255, 128, 255, 128])
    expect([...table.subarray(4, 7)]).toEqual([1, 2, 3])
    expect(classTable()[3]).toBe(0)
  })
})
