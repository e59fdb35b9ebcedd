export const STARTING = 'Starting…'

/** The bar at the top and the one at the bottom. */
export const TOP_BAR = {
  sample: 'Sample',
  find: 'Find command',
  open: 'Open cube',
  openTitle: 'Open a cube',
}
