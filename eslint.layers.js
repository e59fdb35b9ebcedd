// Who may import whom. Read by eslint.config.js and by the test of the rules.
// A room may import itself and the rooms listed for it; nothing else.

export const rooms = {
  shared: [],
  engine: ['shared'],
  workbench: ['engine', 'shared'],
  main: ['workbench', 'engine', 'shared'],
  webhost: ['workbench', 'engine', 'shared'],
  cli: ['workbench', 'engine', 'shared', 'webhost'],
  preload: ['shared'],
  renderer: ['shared'],
}

// Inside the engine, from the ground up.
export const engineRooms = {
  onnx: [],
  cube: ['files'],
  files: [],
  nodes: ['onnx'],
  regions: [],
  pictures: [],
  pipeline: ['nodes', 'onnx', 'files'],
  training: ['pipeline', 'nodes', 'onnx', 'cube', 'files', 'inference'],
  inference: ['pipeline', 'nodes', 'onnx', 'cube', 'files', 'regions', 'pictures'],
  report: ['inference', 'pipeline', 'nodes', 'onnx', 'cube', 'files', 'pictures'],
  export: ['training', 'inference', 'pipeline', 'nodes', 'onnx', 'cube', 'files'],
  process: ['export', 'inference', 'training', 'pipeline', 'nodes', 'onnx', 'cube', 'files'],
}

// Only these may import electron.
export const electronRooms = ['main', 'preload']

// Only the renderer has a DOM and Vue; it has no Node.
export const browserRooms = ['renderer']

// These rooms of the engine draw curves, as text and without a DOM.
export const chartRooms = ['report']
