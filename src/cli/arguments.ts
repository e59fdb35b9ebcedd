import { InvalidArgumentError, Option } from 'commander'
import type { DeviceChoice } from '../shared/device'

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

const DEVICES: readonly DeviceChoice[] = ['auto', 'cuda', 'webgpu', 'dml', 'coreml', 'cpu']

export function deviceOption(): Option {
  return new Option('--device <device>', 'where graphs run').choices(DEVICES).default('auto')
}

/** What run's --format may be; png is planned and refused. */
export const RUN_FORMATS = ['envi', 'npy', 'tiff', 'png'] as const

/** What export's --to may be; triton is planned and refused. */
export const EXPORT_TARGETS = ['onnx', 'ort-training', 'folder', 'triton', 'cuvis'] as const
