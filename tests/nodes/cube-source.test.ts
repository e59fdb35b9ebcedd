import { describe, expect, it } from 'vitest'
import { targetsOfClasses } from '../../src/engine/nodes/cube-source'

describe('targets of a mask', () => {
  const classes = [0, 1, 2, 3, 7, 255]

  it('are all classes that are not normal', () => {
    expect([...targetsOfClasses(classes, { normal_class_ids: [0], anomaly_class_ids: null })]).toEqual([0, 1, 1, 1, 1, 1])
    expect([...targetsOfClasses(classes, { normal_class_ids: [0, 1, 255], anomaly_class_ids: null })]).toEqual([0, 0, 1, 1, 1, 0])
  })

  it('are the listed classes alone, when there is a list', () => {
    expect([...targetsOfClasses(classes, { normal_class_ids: [0], anomaly_class_ids: [3, 7] })]).toEqual([0, 0, 0, 1, 1, 0])
  })
})
