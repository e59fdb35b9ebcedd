/** Where the view looks: the image point at its centre, and CSS pixels per image pixel. */
export interface Camera {
  readonly x: number
  readonly y: number
  readonly scale: number
}

/** Width and height, in image pixels or in CSS pixels. */
export interface Extent {
  readonly width: number
  readonly height: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

const LARGEST_SCALE = 64
/** Smallest scale as a share of the one that fits. */
const SMALLEST_SHARE = 0.25

/** The whole image in the middle of the view with `margin` CSS pixels around it. */
export function fitCamera(image: Extent, view: Extent, margin = 12): Camera {
  return { x: image.width / 2, y: image.height / 2, scale: fitScale(image, view, margin) }
}

/** Zooms by `factor` so that the image point under `anchor` (view coordinates) stays there. */
export function zoomAbout(camera: Camera, image: Extent, view: Extent, anchor: Point, factor: number): Camera {
  return scaleAbout(camera, image, view, anchor, camera.scale * factor)
}

/** Sets the scale so that the image point under `anchor` stays there. */
export function scaleAbout(camera: Camera, image: Extent, view: Extent, anchor: Point, wanted: number): Camera {
  const scale = clampScale(image, view, wanted)
  const fixed = toImage(camera, view, anchor)
  return inSight(
    { x: fixed.x - (anchor.x - view.width / 2) / scale, y: fixed.y - (anchor.y - view.height / 2) / scale, scale },
    image,
  )
}

/** Moves the picture by so many CSS pixels. */
export function panBy(camera: Camera, image: Extent, dx: number, dy: number): Camera {
  return inSight({ ...camera, x: camera.x - dx / camera.scale, y: camera.y - dy / camera.scale }, image)
}

export function toImage(camera: Camera, view: Extent, point: Point): Point {
  return { x: camera.x + (point.x - view.width / 2) / camera.scale, y: camera.y + (point.y - view.height / 2) / camera.scale }
}

export function toView(camera: Camera, view: Extent, point: Point): Point {
  return { x: (point.x - camera.x) * camera.scale + view.width / 2, y: (point.y - camera.y) * camera.scale + view.height / 2 }
}

/** The pixel under a point of the view; null beside the image. */
export function pixelUnder(camera: Camera, image: Extent, view: Extent, point: Point): { line: number; sample: number } | null {
  const { x, y } = toImage(camera, view, point)
  const inside = x >= 0 && y >= 0 && x < image.width && y < image.height
  return inside ? { line: Math.floor(y), sample: Math.floor(x) } : null
}

/** The centre of the view stays over the image: nobody loses the picture. */
function inSight(camera: Camera, image: Extent): Camera {
  return { ...camera, x: clamp(camera.x, 0, image.width), y: clamp(camera.y, 0, image.height) }
}

function fitScale(image: Extent, view: Extent, margin: number): number {
  const width = Math.max(1, view.width - 2 * margin)
  const height = Math.max(1, view.height - 2 * margin)
  return Math.min(width / image.width, height / image.height)
}

function clampScale(image: Extent, view: Extent, scale: number): number {
  const smallest = Math.min(1, fitScale(image, view, 0) * SMALLEST_SHARE)
  return clamp(scale, smallest, LARGEST_SCALE)
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
