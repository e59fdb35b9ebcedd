import { isMap, parseDocument } from 'yaml'
import type { SpectralTargets } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import { nodeType } from '../nodes/registry'
import { TARGET } from '../nodes/targets'
import { parsePipeline } from './document'

/**
 * The text of a document whose first detector with targets looks for these; comments and everything else stay as they are.
 * Throws CuvetteError('bad-pipeline') when no node has targets, and as parsePipeline.
 */
export function withTargets(text: string, path: string, targets: SpectralTargets): string {
  const document = parsePipeline(text, path)
  const at = document.nodes.findIndex(({ type }) => nodeType(type)?.targets !== undefined)
  if (at < 0) throw new CuvetteError('bad-pipeline', `The pipeline ${document.name} has no detector that looks for a target; choose one with a MatchedFilter or a SpectralAngleMapper.`, { path })
  const { name, writtenType } = document.nodes[at]
  const repository = document.dialect === 'repository'
  const node = repository ? ['nodes', at] : ['nodes', name]
  const settings = [...node, repository ? 'hparams' : 'config']
  const yaml = parseDocument(text)
  // "filter: MatchedFilter" is short for a node without parameters.
  if (!isMap(yaml.getIn(node))) yaml.setIn(node, yaml.createNode({ type: writtenType }))
  if (!isMap(yaml.getIn(settings))) yaml.setIn(settings, yaml.createNode({}))
  const value = yaml.createNode(targets)
  for (const { value: target } of value.items) if (isMap(target)) target.flow = true
  yaml.setIn([...settings, TARGET], value)
  // The other way to say what is looked for.
  if (yaml.hasIn([...settings, 'spectra'])) yaml.deleteIn([...settings, 'spectra'])
  return yaml.toString({ lineWidth: 0, flowCollectionPadding: false })
}
