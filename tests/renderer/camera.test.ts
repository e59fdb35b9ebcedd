import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fitCamera, panBy, pixelUnder, scaleAbout, toImage, toView, zoomAbout } from '../../src/renderer/viewer/camera'

const image = { width: 200, height: 100 }
const view = { width: 500, height: 400 }

describe('camera', () => {
  it('fits the whole image with a margin', () => {
    const camera = fitCamera(image, view, 10)
    expect(camera).toEqual({ x: 100, y: 50, scale: 2.4 })
    expect(toView(camera, view, { x: 0, y: 0 })).toEqual({ x: 10, y: 80 })
    expect(toView(camera, view, { x: 200, y: 100 })).toEqual({ x: 490, y: 320 })
  })

  it('keeps the point under the cursor while it zooms', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 3, noNaN: true }), fc.double({ min: 130, max: 370, noNaN: true }), fc.double({ min: 120, max: 280, noNaN: true }), (factor, x, y) => {
        const camera = fitCamera(image, view)
        const before = toImage(camera, view, { x, y })
        const after = toImage(zoomAbout(camera, image, view, { x, y }, factor), view, { x, y })
        // Zooming far out about a border may push the centre off the image; then the centre wins.
        if (factor >= 1) {
          expect(after.x).toBeCloseTo(before.x, 8)
          expect(after.y).toBeCloseTo(before.y, 8)
        }
      }),
    )
  })

  it('stays between its smallest and its largest scale', () => {
    const camera = fitCamera(image, view)
    const middle = { x: 250, y: 200 }
    expect(zoomAbout(camera, image, view, middle, 1e9).scale).toBe(64)
    expect(zoomAbout(camera, image, view, middle, 1e-9).scale).toBeCloseTo(2.5 * 0.25, 10)
    expect(scaleAbout(camera, image, view, middle, 1).scale).toBe(1)
  })

  it('can always reach one image pixel per screen pixel, even for images far smaller than the view', () => {
    const tiny = { width: 4, height: 4 }
    expect(scaleAbout(fitCamera(tiny, view), tiny, view, { x: 250, y: 200 }, 1).scale).toBe(1)
  })

  it('moves with the pointer and never loses the image', () => {
    const camera = { x: 100, y: 50, scale: 2 }
    expect(panBy(camera, image, 20, -10)).toEqual({ x: 90, y: 55, scale: 2 })
    expect(panBy(camera, image, 1e6, 1e6)).toEqual({ x: 0, y: 0, scale: 2 })
    expect(panBy(camera, image, -1e6, -1e6)).toEqual({ x: 200, y: 100, scale: 2 })
  })

  it('finds the pixel under a point, and none beside the image', () => {
    const camera = fitCamera(image, view, 10)
    expect(pixelUnder(camera, image, view, { x: 10, y: 80 })).toEqual({ line: 0, sample: 0 })
    expect(pixelUnder(camera, image, view, { x: 489.9, y: 319.9 })).toEqual({ line: 99, sample: 199 })
    expect(pixelUnder(camera, image, view, { x: 250.1, y: 200.1 })).toEqual({ line: 50, sample: 100 })
    expect(pixelUnder(camera, image, view, { x: 9, y: 200 })).toBeNull()
    expect(pixelUnder(camera, image, view, { x: 250, y: 321 })).toBeNull()
  })

  it('goes back and forth between view and image', () => {
    const camera = { x: 31.5, y: 77.25, scale: 3.7 }
    const point = { x: 123.4, y: 210.9 }
    const there = toView(camera, view, toImage(camera, view, point))
    expect(there.x).toBeCloseTo(point.x, 10)
    expect(there.y).toBeCloseTo(point.y, 10)
  })
})
