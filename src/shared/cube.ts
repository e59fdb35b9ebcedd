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
  /** The file with corrections through which the cube was opened; absent when it was opened itself. */
  correctedBy?: string
  /** What that file says. */
  corrections?: CubeCorrections
  /** What the cube's own file says of all that can be corrected. */
  fileSays?: Correctable
  /** Sentences. */
  warnings: string[]
  /** The file does not state `wavelengthUnit`; it is a guess from the values. */
  wavelengthUnitGuessed?: boolean
  /** One per band: what is to be multiplied with, and then added to, the stored numbers; stated, never applied silently. */
  gains?: number[]
  offsets?: number[]
  /** What the numbers of a classification stand for. */
  classes?: ClassDescription[]
  /** The file is a spectral library: each line, of one sample, is one spectrum. Names as far as there are any. */
  library?: { spectra: string[] }
}

/** A class as a file names and colours it; colours are red, green, blue from 0 to 255. */
export interface ClassDescription {
  id: number
  name: string | null
  colour: [number, number, number] | null
}

/** By what a cube is known again when its files were moved: their bytes together, and a hash over pieces of them. */
export interface Fingerprint {
  bytes: number
  sha256: string
}

/** What of a description can be corrected. */
export type Correctable = Pick<CubeDescription, 'badBands' | 'wavelengths' | 'wavelengthUnit' | 'wavelengthUnitGuessed' | 'fwhm' | 'noData' | 'scale'>

/** What a person says of a cube instead of its file. Absent keys: as the file says; null takes away. */
export interface CubeCorrections {
  /** 0-based. */
  badBands?: number[]
  wavelengths?: number[] | null
  wavelengthUnit?: string | null
  fwhm?: number[] | null
  noData?: number | null
  scale?: number | null
}

/** A band that says nothing, and why. */
export interface DetectedBand {
  /** 0-based. */
  band: number
  reason: 'nan' | 'no-data' | 'constant'
  /** The value of a constant band. */
  value: number | null
}

/** Wavelengths from somewhere else, one per band. */
export interface SpectralAxis {
  wavelengths: number[]
  wavelengthUnit: string | null
  /** Nobody states the unit; it is a guess from the values. */
  wavelengthUnitGuessed: boolean
  fwhm: number[] | null
}

/** What pixels of a class are to the one who judges. */
export type ClassUse = 'normal' | 'anomalous' | 'ignore'

/** What a person says of a class of a mask. */
export interface ClassCorrection {
  id: number
  name?: string
  colour?: [number, number, number]
  use?: ClassUse
}

export interface MaskDescription {
  path: string
  variable: string | null
  /** [lines, samples] */
  shape: [number, number]
  /** Those that occur. A name and a colour where the file gives them; a use where a person says it. */
  classes: ({ count: number } & ClassCorrection)[]
  /** The file that names the classes, through which the mask was opened; absent when it was opened itself. */
  namedBy?: string
  /** Sentences: how values became classes, what was left out. */
  warnings?: string[]
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
