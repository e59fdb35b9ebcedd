// The pages of docs/nodes, from the catalogue as `cuvette nodes --json` prints it. No page says what the catalogue does not.

const titles = {
  data: 'Data',
  preprocessing: 'Preprocessing',
  normalization: 'Normalisation',
  'deep-svdd': 'Deep SVDD',
  'false-color': 'False colour',
  models: 'Models of your own',
  reduction: 'Fewer channels',
  losses: 'Losses',
  statistical: 'Statistical detectors',
  deciders: 'Deciders',
  metrics: 'Metrics',
}

/** Files by name: one a node, and the index. */
export function pages(catalogue) {
  return new Map([['README.md', index(catalogue)], ...catalogue.map((node) => [`${node.type}.md`, page(node)])])
}

function index(catalogue) {
  const families = [...new Set(catalogue.map(({ family }) => family))]
  const sections = families.map((family) => {
    const rows = catalogue.filter((node) => node.family === family).map((node) => [`[${node.type}](${node.type}.md)`, node.summary])
    return `## ${titles[family] ?? sentenceCase(family)}\n\n${table(['node', 'what it does'], rows)}`
  })
  return `# Nodes\n\nWritten by \`npm run docs:nodes\` from the catalogue; \`cuvette nodes\` prints the same. ${catalogue.length} nodes.\n\n${sections.join('\n\n')}\n`
}

function page(node) {
  const facts = [
    ['Family', node.family],
    ['Role', node.role],
    ['Other names', node.aliases.join(', ')],
    ['Statistics', node.needsStatistics ? 'set from training pixels in the statistical phase' : ''],
    ['Training', node.trainable ? 'has parameters or statistics that train' : ''],
  ].filter(([, value]) => value !== '')
  const parts = [
    `# ${node.type}`,
    node.summary,
    facts.map(([name, value]) => `- ${name}: ${value}`).join('\n'),
    `## Formula\n\n\`\`\`text\n${node.formula}\n\`\`\`\n\nSource: ${node.source}`,
    portsPart('Inputs', node.inputs),
    portsPart('Outputs', node.outputs),
    parametersPart(node.parameters),
    `## Example\n\n\`\`\`yaml\n${node.example}\`\`\``,
  ]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function portsPart(title, ports) {
  if (ports.length === 0) return ''
  const rows = ports.map(({ name, dtype, shape, description, optional, aliases }) => [
    `\`${name}\``, dtype, dtype === 'metrics' ? 'named numbers' : `[${shape.join(', ')}]`, optional ? 'yes' : 'no', aliases.map((alias) => `\`${alias}\``).join(', '), description,
  ])
  return `## ${title}\n\n${table(['port', 'type', 'shape', 'optional', 'also', 'what'], rows)}`
}

function parametersPart(parameters) {
  if (parameters.length === 0) return ''
  const rows = parameters.map((one) => [`\`${one.name}\``, one.choices ? one.choices.map((choice) => `\`${choice}\``).join(', ') : one.type, one.default === undefined ? 'required' : `\`${JSON.stringify(one.default)}\``, range(one), one.unit ?? '', one.description])
  return `## Parameters\n\n${table(['parameter', 'type', 'default', 'range', 'unit', 'what'], rows)}`
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, nullable }) {
  const limits = [
    minimum === undefined ? '' : `at least ${minimum}`,
    exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`,
    maximum === undefined ? '' : `at most ${maximum}`,
    exclusiveMaximum === undefined ? '' : `below ${exclusiveMaximum}`,
  ].filter(Boolean)
  return `${limits.join(', ')}${nullable ? `${limits.length > 0 ? ', ' : ''}or null` : ''}`
}

function table(head, rows) {
  const used = head.map((_, column) => rows.some((row) => row[column] !== ''))
  const line = (cells) => `| ${cells.filter((_, column) => used[column]).map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function sentenceCase(text) {
  return text.charAt(0).toUpperCase() + text.slice(1).replaceAll('-', ' ')
}
