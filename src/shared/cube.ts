/** Element types that a cube file can hold. Complex values are shown as magnitude. */
export type CubeDataType =
  | 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'uint64' | 'int64'
  | 'float16' | 'float32' | 'float64' | 'complex64' | 'complex128'

/** Order of the axes in the file, slowest first: bsq = band, line, sample; bil = line, band, sample; bip = line, sample, band. */
export type Interleave = 'bsq' | 'bil' | 'bip'

export interface VariableSummary {
  name: string
  shape: number[]
  dtype: string
}

/** What is known of a cube without reading its pixels. Plain JSON; also the answer of `cuvette info --json`. */
export interface CubeDescription {
  /** Absolute path of the file the user named. */
  path: string
  /** Variable inside the file, for formats that hold several. */
  variable: string | null
  format: string
  /** [lines, samples, bands], written [H, W, C] elsewhere. */
  shape: [number, number, number]
  dtype: CubeDataType
  interleave: Interleave
  /** One per band, in `wavelengthUnit`. */
  wavelengths: number[] | null
  wavelengthUnit: string | null
  fwhm: number[] | null
  bandNames: string[] | null
  /** 0-based. */
  badBands: number[]
  /** 0-based; one (grey) or three (red, green, blue) bands that the file proposes to show. */
  defaultBands: number[] | null
  noData: number | null
  /** Divisor that turns stored numbers into reflectance; stated, never applied silently. */
  scale: number | null
  variables: VariableSummary[]
  mask: MaskDescription | null
  /** Sentences. */
  warnings: string[]
}

export interface MaskDescription {
  path: string
  variable: string | null
  /** [lines, samples] */
  shape: [number, number]
  classes: { id: number; count: number }[]
}

/** Spread of one band, over finite pixels that are not no-data. */
export interface BandStatistics {
  band: number
  min: number
  max: number
  mean: number
  /** Values at the percentiles 0, 1, 2, ..., 100. */
  percentiles: number[]
  validPixels: number
  totalPixels: number
}
