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
    formula: 'cube as float32, without the bands of drop_bands; mask: class id -> anomalous when it is listed in anomaly_class_ids, or, without that list, when it is not in normal_class_ids.',
    source: 'cuvis.ai data nodes; class mapping of BinaryAnomalyLabelMapper.',
    outputs: [
      image('cube', 'C', 'Pixels as the file stores them, as float32, without the bands that are left out.', { aliases: ['output', 'data'] }),
      vector('wavelengths', 'C', 'Wavelengths in nanometres, rounded to integers.', { dtype: 'int32' }),
      image('mask', 1, 'Whether a pixel is anomalous, from the mask of the cube.', { dtype: 'bool', aliases: ['targets'] }),
    ],
    parameters: [
      integers('normal_class_ids', [0], 'Class ids of the mask that are normal.', { minimum: 0 }),
      integers('drop_bands', null, 'Bands that are left out, 0-based; null: those that the first cube marks as bad. A trained pipeline lists them.', { nullable: true, minimum: 0 }),
      integers('anomaly_class_ids', null, 'Class ids that are anomalous; without them, all that are not normal.', { nullable: true, minimum: 0 }),
    ],
  }),
  locality: 'pixel',
  // The reference uses every band.
  repositoryParameters: { drop_bands: [] },
  check({ normal_class_ids: normal, anomaly_class_ids: anomalous }) {
    const both = asList(normal).filter((id) => asList(anomalous).includes(id))
    if (both.length > 0) {
      throw new CuvetteError('bad-pipeline', `Class ${both.join(', ')} is listed as normal and as anomalous; list each class once.`, { where: 'anomaly_class_ids' })
    }
  },
  channels: (_parameters, _inputs, { wavelengthsNm }) => ({ mask: 1, wavelengths: wavelengthsNm?.length ?? -1 }),
}

/**
 * The bands of a cube with `channels` bands that a Cube node hands on, 0-based, ascending. `badBands`: those that the cube
 * marks. Throws CuvetteError('bad-pipeline') for a band that the cube does not have, and when none is left.
 */
export function keptByCube({ drop_bands: stated }: Parameters, channels: number, badBands: readonly number[]): number[] {
  const dropped = stated === null || stated === undefined ? badBands : asList(stated)
  const outside = dropped.find((band) => band >= channels)
  if (outside !== undefined) throw new CuvetteError('bad-pipeline', `The band ${outside} is to be left out, but the cube has ${channels} bands, 0 to ${channels - 1}; correct drop_bands.`, { where: 'drop_bands' })
  const kept = Array.from({ length: channels }, (_, band) => band).filter((band) => !dropped.includes(band))
  if (kept.length > 0) return kept
  throw new CuvetteError('bad-pipeline', `All ${channels} bands of the cube are left out as bad; list those that are really bad in drop_bands, or [] to keep all.`, { where: 'drop_bands' })
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
