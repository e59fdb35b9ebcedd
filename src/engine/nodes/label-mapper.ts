import { CuvetteError } from '../../shared/problem'
import { describe, image, integers } from './describe'
import type { NodeType, Parameters } from './node'

/**
 * Says which classes of the mask are normal and which are anomalous. A mask enters a pipeline as truth values, made by the
 * Cube node; so a pipeline runs without this node: its lists become those of the Cube node that it stands behind.
 */
export const binaryAnomalyLabelMapper: NodeType = {
  description: describe({
    type: 'BinaryAnomalyLabelMapper',
    family: 'data',
    role: 'transform',
    summary: 'Says which classes of the mask are normal and which are anomalous, in place of the Cube node that it stands behind.',
    formula: 'mask: class id -> anomalous when it is listed in anomaly_class_ids, or, without that list, when it is not in normal_class_ids; cube: as it comes',
    source: 'cuvis.ai BinaryAnomalyLabelMapper.',
    inputs: [image('cube', 'C', 'Cube, handed on.'), image('mask', 1, 'The mask of a Cube node.', { dtype: 'bool' })],
    outputs: [image('cube', 'C', 'The same cube.', { aliases: ['output', 'data'] }), image('mask', 1, 'Whether a pixel is anomalous.', { dtype: 'bool', aliases: ['targets'] })],
    parameters: [
      integers('normal_class_ids', undefined, 'Class ids of the mask that are normal.', { minimum: 0 }),
      integers('anomaly_class_ids', null, 'Class ids that are anomalous; without them, all that are not normal.', { nullable: true, minimum: 0 }),
    ],
  }),
  locality: 'pixel',
  channels: (_parameters, { cube }) => ({ cube, mask: 1 }),
  check({ normal_class_ids: normal, anomaly_class_ids: anomalous }) {
    const both = ids(normal).filter((id) => ids(anomalous).includes(id))
    if (both.length > 0) throw new CuvetteError('bad-pipeline', `Class ${both.join(', ')} is listed as normal and as anomalous; list each class once.`, { where: 'anomaly_class_ids' })
  },
}

/** Classes from 0 to the largest that is listed which are in neither list; none where all but the normal ones are anomalous. */
export function unlistedClasses({ normal_class_ids: normal, anomaly_class_ids: anomalous }: Parameters): number[] {
  if (!Array.isArray(anomalous)) return []
  const listed = new Set([...ids(normal), ...ids(anomalous)])
  return Array.from({ length: Math.max(0, ...listed) }, (_, id) => id).filter((id) => !listed.has(id))
}

function ids(value: unknown): number[] {
  return Array.isArray(value) ? (value as number[]) : []
}
