import { InvalidArgumentError, Option } from 'commander'
import type { DeviceChoice } from '../shared/device'
import type { RasterFormat, RegionFormat } from '../shared/reports'

// What may be typed after an option. Anything else is wrong usage, exit code 2.

export function wholeNumber(lowest: number, highest = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^[+-]?\d+$/.test(text) && value >= lowest && value <= highest) return value
    throw new InvalidArgumentError(`Expected a whole number ${range(lowest, highest)}.`)
  }
}

export function finiteNumber(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  throw new InvalidArgumentError('Expected a number.')
}

export function positiveNumber(text: string): number {
  const value = finiteNumber(text)
  if (value > 0) return value
  throw new InvalidArgumentError('Expected a number above 0.')
}

function range(lowest: number, highest: number): string {
  return highest === Number.MAX_SAFE_INTEGER ? `of at least ${lowest}` : `from ${lowest} to ${highest}`
}

/** NAME=NUMBER, several times. */
export function namedNumber(text: string, before: Record<string, number> = {}): Record<string, number> {
  const at = text.lastIndexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected NAME=NUMBER.')
  return { ...before, [text.slice(0, at)]: finiteNumber(text.slice(at + 1)) }
}

const DEVICES: readonly DeviceChoice[] = ['auto', 'cuda', 'webgpu', 'dml', 'coreml', 'cpu']

export function deviceOption(): Option {
  return new Option('--device <device>', 'where graphs run').choices(DEVICES).default('auto')
}

/** What run's --format may be. */
export const RUN_FORMATS: readonly RasterFormat[] = ['envi', 'npy', 'tiff', 'png']

/** What run's --regions may be. */
export const REGION_FORMATS: readonly RegionFormat[] = ['coco', 'csv']

/** Words separated by commas, each one of `choices`; the option may also be given several times. */
export function choicesOf<T extends string>(choices: readonly T[]): (text: string, before?: T[]) => T[] {
  return (text, before) => [...(before ?? []), ...text.split(',').map((part) => {
    const found = choices.find((choice) => choice === part.trim())
    if (found === undefined) throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}, several separated by commas.`)
    return found
  })]
}

/** Names separated by commas; the option may also be given several times. */
export function namesOf(text: string, before: string[] = []): string[] {
  return [...before, ...text.split(',').map((part) => part.trim()).filter((part) => part !== '')]
}

/** What export's --to may be. */
export const EXPORT_TARGETS = ['onnx', 'ort-training', 'folder', 'triton', 'cuvis'] as const
