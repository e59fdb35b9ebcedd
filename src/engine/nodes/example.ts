import type { NodeDescription, ParameterValue, PortDescription } from '../../shared/nodes'

// An example for every node, made from its description: a whole document in which the node stands behind what it needs
// and in front of what makes sense of it. What is generated cannot go stale; a test checks each of them.

interface ExampleNode {
  type: string
  config?: Readonly<Record<string, ParameterValue>>
  /** Output ports "node.port" by input port. */
  inputs: Readonly<Record<string, string>>
}

/** Values of parameters without a default, by name. */
const values: Readonly<Record<string, ParameterValue>> = {
  min_wavelength_nm: 450,
  max_wavelength_nm: 900,
  n_components: 3,
  output_channels: 3,
  n_select: 3,
  k: 3,
  model: 'scorer.onnx',
  normal_class_ids: [0],
}

/** Values of parameters that can be left out, and that show what a node is for. */
const shown: Readonly<Record<string, ParameterValue>> = {
  target: { Kaolinite: { library: 'minerals.sli', entry: 'Kaolinite' }, 'pinned pixel': { pixel: [120, 44] } },
}

/** Nodes that examples stand on, by the name they have there. */
const before: Readonly<Record<string, ExampleNode>> = {
  cube: { type: 'Cube', inputs: {} },
  projection: { type: 'DeepSVDDProjection', inputs: { data: 'cube.cube' } },
  center: { type: 'DeepSVDDCenterTracker', inputs: { embeddings: 'projection.embeddings' } },
  pca: { type: 'TrainablePCA', config: { n_components: 3 }, inputs: { data: 'cube.cube' } },
  bands: { type: 'ConcreteBandSelector', config: { output_channels: 3 }, inputs: { data: 'cube.cube' } },
  soft: { type: 'SoftChannelSelector', config: { n_select: 3 }, inputs: { data: 'cube.cube' } },
  rx: { type: 'RXGlobal', inputs: { data: 'cube.cube' } },
  logits: { type: 'ScoreToLogit', inputs: { scores: 'rx.scores' } },
  decider: { type: 'QuantileBinaryDecider', inputs: { logits: 'rx.scores' } },
  angles: { type: 'SpectralAngleMapper', config: { spectra: Array.from({ length: 61 }, (_, band) => 100 + 5 * band) }, inputs: { cube: 'cube.cube' } },
  labels: { type: 'DecisionToMask', inputs: { decisions: 'decider.decisions', identity_mask: 'angles.identity_mask' } },
}

/** Where an input of that name usually comes from. */
const feeds: Readonly<Record<string, string>> = {
  cube: 'cube.cube',
  data: 'cube.cube',
  wavelengths: 'cube.wavelengths',
  mask: 'cube.mask',
  targets: 'cube.mask',
  embeddings: 'projection.embeddings',
  center: 'center.center',
  components: 'pca.components',
  explained_variance_ratio: 'pca.explained_variance_ratio',
  selection_weights: 'bands.selection_weights',
  weights: 'soft.weights',
  rgb: 'bands.rgb',
  rgb_image: 'bands.rgb',
  scores: 'rx.scores',
  logits: 'rx.scores',
  predictions: 'logits.logits',
  decisions: 'decider.decisions',
  identity_mask: 'angles.identity_mask',
  reconstruction: 'soft.selected',
  target: 'cube.cube',
}

/** A document in the short dialect, as YAML text, in which the node is called `example`. */
export function exampleOf(description: NodeDescription): string {
  const nodes = new Map<string, ExampleNode>()
  const stand = (name: string): void => {
    if (nodes.has(name)) return
    for (const from of Object.values(before[name].inputs)) stand(nodeOf(from))
    nodes.set(name, before[name])
  }
  stand('cube')
  const own = description.role === 'source' ? 'cube' : 'example'
  if (own === 'example') {
    const inputs: Record<string, string> = {}
    for (const port of description.inputs) {
      const from = feedOf(port, description)
      if (!from) continue
      stand(nodeOf(from))
      inputs[port.name] = from
    }
    nodes.set(own, { type: description.type, config: configOf(description), inputs })
  } else {
    nodes.set(own, { type: description.type, config: configOf(description), inputs: {} })
  }
  for (const [name, node] of followers(description, own)) if (!nodes.has(name)) nodes.set(name, node)
  return yamlOf(nodes)
}

function feedOf(port: PortDescription, description: NodeDescription): string | null {
  const from = feeds[port.name]
  if (!from) return null
  // A node never stands on itself.
  if (before[nodeOf(from)].type === description.type) return port.optional ? null : 'cube.cube'
  return from
}

/** Parameters that must be stated, and those that most people touch first. */
function configOf({ parameters }: NodeDescription): Record<string, ParameterValue> {
  return Object.fromEntries(parameters.flatMap(({ name, default: fallback }) => {
    if (fallback === undefined) return [[name, values[name] ?? 1] as const]
    if (name in shown) return [[name, shown[name]] as const]
    return fallback === null || fallback === 'auto' ? [] : [[name, fallback] as const]
  }))
}

/** What makes a pipeline of it: a detector behind what is an image, a decider behind what is a score. */
function followers({ role, outputs }: NodeDescription, own: string): [string, ExampleNode][] {
  const scored = outputs.find(({ dtype, shape }) => dtype === 'float32' && shape.length === 4 && shape[3] === 1)
  const imaged = outputs.find(({ dtype, shape }) => dtype === 'float32' && shape.length === 4 && shape[3] !== 1)
  if (role === 'source' || role === 'loss' || role === 'metric' || role === 'decider') return [['rx', before.rx]]
  if (scored) return [['decider', { ...before.decider, inputs: { logits: `${own}.${scored.name}` } }]]
  return [['rx', imaged ? { ...before.rx, inputs: { data: `${own}.${imaged.name}` } } : before.rx]]
}

function nodeOf(port: string): string {
  return port.slice(0, port.indexOf('.'))
}

function yamlOf(nodes: ReadonlyMap<string, ExampleNode>): string {
  const lines = ['nodes:']
  for (const [name, { type, config = {} }] of nodes) {
    const stated = Object.entries(config)
    if (stated.length === 0) {
      lines.push(`  ${name}: ${type}`)
      continue
    }
    lines.push(`  ${name}:`, `    type: ${type}`, '    config:', ...stated.map(([key, value]) => `      ${key}: ${scalar(value)}`))
  }
  lines.push('connections:')
  for (const [name, { inputs }] of nodes) for (const [port, from] of Object.entries(inputs)) lines.push(`  - [${from}, ${name}.${port}]`)
  return `${lines.join('\n')}\n`
}

function scalar(value: ParameterValue | undefined): string {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return `{${Object.entries(value).map(([key, each]) => `${scalar(key)}: ${scalar(each as ParameterValue)}`).join(', ')}}`
  return Array.isArray(value) ? `[${value.join(', ')}]` : typeof value === 'string' ? (/^[\w.-]+$/.test(value) ? value : JSON.stringify(value)) : String(value)
}
