import { CuvetteError } from '../../shared/problem'
import { nodeType } from '../nodes/registry'
import { checkPipeline } from './check'
import type { PipelineDocument } from './document'
import type { CubeFacts } from './pipeline'

/**
 * The number of bands that a document was made for, when its nodes state theirs and only one number agrees with all of
 * them. Throws CuvetteError('bad-argument') otherwise: then a cube must say it.
 */
export function statedFacts(document: PipelineDocument): CubeFacts {
  const stated = document.nodes.flatMap(({ type, config }) => Object.keys(nodeType(type)?.autoChannels ?? {}).map((parameter) => config[parameter]))
  const candidates = [...new Set(stated)].filter((count): count is number => typeof count === 'number' && Number.isInteger(count) && count > 0)
  const fitting = candidates.map((channels): CubeFacts => ({ channels, wavelengthsNm: null })).filter((facts) => checkPipeline(document, facts).length === 0)
  if (fitting.length === 1) return fitting[0]
  throw new CuvetteError('bad-argument', `The document ${document.path} does not say by itself which bands it was made for; name a cube with --data.`, { path: document.path })
}
