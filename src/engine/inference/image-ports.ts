import { CuvetteError } from '../../shared/problem'
import type { DeviceChoice } from '../../shared/device'
import type { Cube } from '../cube'
import { encodeModel } from '../onnx/model'
import type { Session } from '../onnx/session'
import { openSession } from '../onnx/session'
import { compileUpTo } from '../pipeline/compile'
import type { Pipeline } from '../pipeline/pipeline'
import { scoreCube } from './score'
import type { ScoreOptions } from './score'
import type { Scores } from './scores'
import { haloOf, scoresAreLocal } from './scene'
import type { FittedPipeline } from './trained-pipeline'
import { usablePixels } from './usable-pixels'

/** An image that a port of a pipeline makes of a cube. */
export interface PortImage {
  /** "node.port" */
  port: string
  /** [H, W, channels]; NaN where a pixel could not be used. To be closed. */
  values: Scores
}

/** A port that is computed for each cube. */
export interface ImagePort {
  port: string
  node: string
  session: Session
}

/** Name of the port with the red, green and blue of a selector. */
const FALSE_COLOUR = 'rgb_image'

/**
 * The ports that were asked for, "rgb" replaced by every false-colour image of the pipeline, in order and without repeats.
 * Throws CuvetteError('bad-argument') for ports that are not there or are no images.
 */
export function imagePorts(pipeline: Pipeline, wanted: readonly string[]): string[] {
  const images = pipeline.nodes.flatMap(({ name, type }) => type.description.outputs
    .filter(({ dtype, shape }) => dtype === 'float32' && shape.length === 4)
    .map((output) => ({ name: `${name}.${output.name}`, names: [output.name, ...output.aliases].map((port) => `${name}.${port}`), isFalseColour: output.name === FALSE_COLOUR })))
  return [...new Set(wanted.flatMap((asked) => {
    const found = images.filter(({ names, isFalseColour }) => (asked === 'rgb' ? isFalseColour : names.includes(asked))).map(({ name }) => name)
    if (found.length > 0) return found
    const known = images.map(({ name }) => name).join(', ') || 'none'
    throw new CuvetteError('bad-argument', asked === 'rgb'
      ? `The pipeline ${pipeline.name} has no node that makes a false-colour image, such as CIRSelector; its images are ${known}.`
      : `The pipeline ${pipeline.name} has no image ${asked}; its images are ${known}.`, { where: asked })
  }))]
}

/** A session for each port, to be released. */
export async function openImagePorts({ pipeline, state }: FittedPipeline, ports: readonly string[], device: DeviceChoice): Promise<ImagePort[]> {
  const opened: ImagePort[] = []
  try {
    for (const port of ports) {
      const { graph } = compileUpTo(pipeline, state, port)
      opened.push({ port, node: port.slice(0, port.indexOf('.')), session: await openSession(encodeModel(graph), device) })
    }
    return opened
  } catch (error) {
    for (const { session } of opened) await session.release()
    throw error
  }
}

/** Computes a port for a whole cube, in pieces as scores are. */
export async function imageOf({ port, node, session }: ImagePort, pipeline: Pipeline, cube: Cube, options: Pick<ScoreOptions, 'bytes' | 'imageBytes' | 'room' | 'signal' | 'onPixels'>): Promise<PortImage> {
  const { scores } = await scoreCube(session, cube, { ...options, output: port, local: scoresAreLocal(pipeline, node), halo: haloOf(pipeline, node), usable: usablePixels(pipeline) })
  return { port, values: scores }
}
