import type { Camera, Extent } from '../camera'
import type { BandPlane, MaskPlane } from '../loaders/planes'
import type { Limits } from '../stretch'

/** A colour with parts from 0 to 1. */
export type Rgb = readonly [number, number, number]

/** Everything that one frame shows. */
export interface Scene {
  camera: Camera
  /** CSS pixels. */
  view: Extent
  pixelRatio: number
  /** Image pixels. */
  image: Extent
  backdrop: Rgb
  checker: readonly [Rgb, Rgb]
  bands: { planes: readonly BandPlane[]; limits: readonly Limits[]; gamma: number } | null
  heat: { plane: BandPlane; low: number; high: number; opacity: number; fade: boolean; map: string } | null
  /** `table`: for every class id red, green, blue and how it is drawn. */
  mask: { plane: MaskPlane; table: Uint8Array; opacity: number; outline: boolean } | null
  decisions: { plane: BandPlane; threshold: number; opacity: number; outline: boolean } | null
}
