// Colour matching functions of the CIE 1931 standard observer and the way from XYZ to linear sRGB.

/** Ends of the visible range that the observer is tabulated for, in nanometres. */
const VISIBLE_NM = [380, 780]

/** Height, centre in nm, and slopes per nm to the left and to the right of each lobe of x, y and z. */
const LOBES = [
  [[0.362, 442, 0.0624, 0.0374], [1.056, 599.8, 0.0264, 0.0323], [-0.065, 501.1, 0.049, 0.0382]],
  [[0.821, 568.8, 0.0213, 0.0247], [0.286, 530.9, 0.0613, 0.0322]],
  [[1.217, 437, 0.0845, 0.0278], [0.681, 459, 0.0385, 0.0725]],
]

/**
 * Values of x, y and z at a wavelength in nanometres: the multi-lobe fit of Wyman, Sloan and Shirley, Simple Analytic
 * Approximations to the CIE XYZ Color Matching Functions (Journal of Computer Graphics Techniques 2, 2013). 0 outside of
 * the visible range.
 */
export function colorMatching(wavelength: number): [number, number, number] {
  if (wavelength < VISIBLE_NM[0] || wavelength > VISIBLE_NM[1]) return [0, 0, 0]
  const [x, y, z] = LOBES.map((lobes) => lobes.reduce((sum, [height, centre, left, right]) => {
    const distance = (wavelength - centre) * (wavelength < centre ? left : right)
    return sum + height * Math.exp(-0.5 * distance * distance)
  }, 0))
  return [x, y, z]
}

/** XYZ to linear sRGB with the white point D65, one row a colour (IEC 61966-2-1). */
export const SRGB_OF_XYZ = [
  [3.2406255, -1.537208, -0.4986286],
  [-0.9689307, 1.8757561, 0.0415175],
  [0.0557101, -0.2040211, 1.0569959],
]

/** Width of the range of wavelengths that each band stands for: half the distance of its neighbours, in any order of bands. */
export function bandWidths(wavelengthsNm: readonly number[]): number[] {
  if (wavelengthsNm.length === 1) return [1]
  const order = wavelengthsNm.map((_, band) => band).sort((a, b) => wavelengthsNm[a] - wavelengthsNm[b])
  const widths = wavelengthsNm.map(() => 0)
  order.forEach((band, place) => {
    const [before, after] = [Math.max(place - 1, 0), Math.min(place + 1, order.length - 1)]
    widths[band] = (wavelengthsNm[order[after]] - wavelengthsNm[order[before]]) / (after - before)
  })
  return widths
}
