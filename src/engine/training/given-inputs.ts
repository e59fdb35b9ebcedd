import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { CuvetteError } from '../../shared/problem'
import { randomSource } from '../nodes/random'
import { elementCount, float32 } from '../onnx/tensor'
import type { Tensor } from '../onnx/tensor'
import type { OtherInput } from './given-models'
import { drawn } from './step-inputs'

/** Beside artifacts: what their further inputs are fed. Exports write it. */
export const GUIDE_FILE = 'inputs.json'

const guideSchema = v.looseObject({
  images: v.optional(v.boolean()),
  inputs: v.array(v.looseObject({
    name: v.string(),
    draw: v.optional(v.picklist(['uniform', 'normal'])),
    byEpoch: v.optional(v.pipe(v.array(v.number()), v.minLength(1))),
    first: v.optional(v.array(v.number())),
  })),
})

type Guide = v.InferOutput<typeof guideSchema>

/** The guide beside artifacts; one without inputs where there is none. Throws CuvetteError('bad-artifact'). */
export async function readGuide(path: string): Promise<Guide> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"inputs": []}'
    throw new CuvetteError('bad-artifact', `${path} cannot be read (${error.code ?? error.message}).`, { path, cause: error })
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new CuvetteError('bad-artifact', `${path} is not JSON; repair it, or remove it and give the values with --input.`, { path, cause })
  }
  const result = v.safeParse(guideSchema, value)
  if (result.success) return result.output
  throw new CuvetteError('bad-artifact', `${path} lacks a proper "${v.getDotPath(result.issues[0]) ?? 'inputs'}"; repair it, or remove it and give the values with --input.`, { path })
}

/** What a further input is fed in a batch. `epoch` counts from 1, `batch` from 0. */
export type InputSource = (epoch: number, batch: number) => Tensor<'float32'>

/**
 * Where the values of further inputs come from: a number that the caller gave, else what the guide says. Optional inputs
 * of which neither says anything are left out. Throws CuvetteError('bad-argument') for one without a value, and for a
 * number that no input takes.
 */
export function sourcesOf(others: readonly OtherInput[], numbers: Readonly<Record<string, number>>, guide: Guide, seed: number): Map<string, InputSource> {
  const unknown = Object.keys(numbers).find((name) => !others.some((other) => other.name === name))
  if (unknown !== undefined) throw new CuvetteError('bad-argument', `--input names ${unknown}, which the models do not take; their further inputs are ${others.map(({ name }) => name).join(', ') || 'none'}.`, { where: unknown })
  const sources = new Map<string, InputSource>()
  for (const { name, shape, optional } of others) {
    const stated = guide.inputs.find((input) => input.name === name)
    const { draw, byEpoch } = stated ?? {}
    const constant = (value: number): Tensor<'float32'> => float32(shape, new Float32Array(elementCount(shape)).fill(value))
    if (Object.hasOwn(numbers, name)) sources.set(name, () => constant(numbers[name]))
    else if (byEpoch) sources.set(name, (epoch) => constant(byEpoch[Math.min(epoch, byEpoch.length) - 1]))
    else if (draw) sources.set(name, (epoch, batch) => drawn({ name, shape, draw }, randomSource(seed, `noise ${name} of batch ${batch} in epoch ${epoch}`)))
    else if (!optional) throw new CuvetteError('bad-argument', `The models take ${name}, float32 [${shape.join(', ')}], and nothing says what it is; give it with --input ${name}=NUMBER, or in ${GUIDE_FILE} beside them.`, { where: name })
  }
  return sources
}

/** First values of state that moves, where the guide gives them and the checkpoint does not. */
export function firstValues(others: readonly OtherInput[], moves: (name: string) => boolean, guide: Guide): Map<string, Tensor<'float32'>> {
  const found = new Map<string, Tensor<'float32'>>()
  for (const { name, shape } of others) {
    const first = moves(name) ? guide.inputs.find((input) => input.name === name)?.first : undefined
    if (first?.length === elementCount(shape)) found.set(name, float32(shape, first))
  }
  return found
}
