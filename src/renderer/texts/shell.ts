export const STARTING = 'Starting…'

/** The bar at the top and the one at the bottom. */
export const TOP_BAR = {
  sample: 'Sample',
  find: 'Find command',
  open: 'Open cube',
  openTitle: 'Open a cube',
}

const UNKNOWN = 'not known'

export const STATUS = {
  memory: (size: string) => `${size} in use`,
  memoryTitle: (workbench: string, browse: string | null, compute: string | null) => `Memory in use: application ${workbench}, file reader ${browse ?? UNKNOWN}, compute engine ${compute ?? UNKNOWN}. The window itself is not counted.`,
}
