/** Spectral libraries and targets. */
export const LIBRARY = {
  open: 'Open library',
  openDots: 'Open library…',
  close: (name: string) => `Close ${name}`,
  nothing: 'No spectral library is open',
  nothingNext: 'Open an ENVI spectral library (.sli) or a table of spectra (.csv) to compare its spectra with pixels and to look for them in the cube.',
  spectra: (name: string) => `Spectra of ${name}`,
  filter: 'Filter by name',
  filterOf: (name: string) => `Filter the spectra of ${name}`,
  more: (count: number) => `and ${count.toLocaleString('en-US')} more: filter by name.`,
  noneFound: 'No spectrum has such a name.',
  show: (name: string) => `Show ${name}`,
  hide: (name: string) => `Hide ${name}`,
  shown: 'Spectra of libraries that are shown',
  facts: (count: string, range: string) => `${count} spectra, ${range}`,
  scaled: (factor: string, cube: string) => `Shown and looked for × ${factor}: reflectance in the numbers of ${cube}.`,
  noWavelengths: 'no wavelengths',
  title: 'Open spectral library',
  placeholder: '/data/minerals.sli or /data/field.csv',
  hint: 'ENVI spectral library, or a table with a column of wavelengths and one column for each spectrum.',
  needsCube: 'Open a cube to see spectra at its bands.',
}

export const TARGET = {
  use: (name: string) => `Use ${name} as target`,
  usePin: (number: number) => `Use pin ${number} as target`,
  useShown: (count: number) => `Use the ${count} shown spectra as targets`,
  useShownShort: 'Use shown as targets',
  done: (targets: string, pipeline: string) => `${pipeline} now looks for ${targets}.`,
  several: (count: number) => `${count} targets`,
  pixel: (line: number, sample: number) => `the pixel at line ${line}, sample ${sample}`,
  noPipeline: 'No pipeline here has a detector that looks for a target, such as a MatchedFilter.',
}
