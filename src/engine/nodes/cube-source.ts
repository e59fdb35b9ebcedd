import type { ParameterValue } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import { describe, image, integers, vector } from './describe'
import type { NodeType, Parameters } from './node'

/** Where pixels enter: the only node that the cube itself is read by. Its ports are bound by the compiler. */
export const cubeSource: NodeType = {
  description: describe({
    type: 'Cube',
    aliases: ['LentilsAnomalyDataNode', 'CU3SDataNode'],
    family: 'data',
    role: 'source',
    summary: 'The cube that is fitted, trained on or scored, with its wavelengths and its mask.',
    formula: 'cube as float32; mask: class id -> anomalous when it is listed in anomaly_class_ids, or, without that list, when it is not in normal_class_ids.',
    source: 'cuvis.ai data nodes; class mapping of BinaryAnomalyLabelMapper.',
    outputs: [
      image('cube', 'C', 'Pixels as the file stores them, as float32.', { aliases: ['output', 'data'] }),
      vector('wavelengths', 'C', 'Wavelengths in nanometres, rounded to integers.', { dtype: 'int32' }),
      image('mask', 1, 'Whether a pixel is anomalous, from the mask of the cube.', { dtype: 'bool', aliases: ['targets'] }),
    ],
    parameters: [
      integers('normal_class_ids', [0], 'Class ids of the mask that are normal.', { minimum: 0 }),
      integers('anomaly_class_ids', null, 'Class ids that are anomalous; without them, all that are not normal.', { nullable: true, minimum: 0 }),
    ],
  }),
  locality: 'pixel',
  check({ normal_class_ids: normal, anomaly_class_ids: anomalous }) {
    const both = asList(normal).filter((id) => asList(anomalous).includes(id))
    if (both.length > 0) {
      throw new CuvetteError('bad-pipeline', `Class ${both.join(', ')} is listed as normal and as anomalous; list each class once.`, { where: 'anomaly_class_ids' })
    }
  },
  channels: (_parameters, _inputs, { wavelengthsNm }) => ({ mask: 1, wavelengths: wavelengthsNm?.length ?? -1 }),
}

/** Targets [N] (0 normal, 1 anomalous) of class ids [N], by the parameters of a Cube node. */
export function targetsOfClasses(classes: ArrayLike<number>, parameters: Parameters): Uint8Array {
  const normal = new Set(asList(parameters.normal_class_ids))
  const anomalous = parameters.anomaly_class_ids === null ? null : new Set(asList(parameters.anomaly_class_ids))
  const targets = new Uint8Array(classes.length)
  for (let index = 0; index < targets.length; index += 1) {
    targets[index] = (anomalous ? anomalous.has(classes[index]) : !normal.has(classes[index])) ? 1 : 0
  }
  return targets
}

function asList(value: ParameterValue): number[] {
  return Array.isArray(value) ? value : []
}
