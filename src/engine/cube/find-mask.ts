import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import type { CubeDescription, MaskDescription } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import { readHead } from './bytes'
import { coco } from './formats/coco'
import { DATA_ENDINGS } from './formats/envi-files'
import { describeMask } from './mask'
import { formatReference } from './reference'
import { couldBeMask } from './formats/variables'

/** Endings of cubes that do not belong to their name. */
const NAMED_ENDINGS = ['.mat', '.npy', '.npz', '.tif', '.tiff', '.h5', '.nc', '.lan', '.gis', '.cu3s']

/** The mask, when there is exactly one; sentences about candidates that could not be taken. */
export interface FoundMask {
  mask: MaskDescription | null
  warnings: string[]
}

/**
 * Looks for the mask of a cube. Inside: the 2-D numeric arrays of the cube's size in the same file that hold
 * whole numbers from 0 to 255; among several the one that is called "mask". Otherwise beside: <name>_mask, <name>_gt, <name>_groundtruth or <name>_labels
 * (also with '-' or '.') as .hdr, .mat, .npy, .npz, .png, .tif, .lan, .gis or .json, and <name>.json when it holds COCO
 * annotations, in any letter case. One candidate is taken; several are named.
 */
export async function findMask(description: CubeDescription, signal?: AbortSignal): Promise<FoundMask> {
  const { path, variable, variables } = description
  const shape: [number, number] = [description.shape[0], description.shape[1]]
  const inside: MaskDescription[] = []
  for (const { name } of variables.filter((other) => other.name !== variable && couldBeMask(other, shape))) {
    const mask = await describeMask(formatReference({ path, variable: name }), shape, signal).catch(unlessDefect)
    if (!('sentence' in mask)) inside.push(mask)
  }
  // Frames of the reference hold "mask" and beside it "class_mask"; the first is the one it trains with.
  const plain = inside.find((mask) => mask.variable === 'mask')
  if (plain) return { mask: plain, warnings: [] }
  if (inside.length > 0) return theOnly(inside, path)

  const beside: MaskDescription[] = []
  const warnings: string[] = []
  for (const candidate of await siblings(path)) {
    const mask = await describeMask(await ofThisCube(candidate, path), shape, signal).catch(unlessDefect)
    if ('sentence' in mask) warnings.push(mask.sentence)
    else beside.push(mask)
  }
  const found = theOnly(beside, path)
  return { mask: found.mask, warnings: [...warnings, ...found.warnings] }
}

function theOnly(masks: MaskDescription[], path: string): FoundMask {
  if (masks.length <= 1) return { mask: masks[0] ?? null, warnings: [] }
  const names = masks.map((mask) => mask.variable ?? basename(mask.path)).join(', ')
  return { mask: null, warnings: [`Several masks were found for ${basename(path)} (${names}); none is used until one is chosen.`] }
}

async function siblings(path: string): Promise<string[]> {
  const folder = dirname(path)
  const name = basename(path)
  const bare = extname(name).toLowerCase() === '.hdr' ? name.slice(0, -4) : name
  const ending = extname(bare).toLowerCase()
  const usual = NAMED_ENDINGS.includes(ending) || (ending !== '' && DATA_ENDINGS.includes(ending))
  const stems = [...new Set([bare, usual ? bare.slice(0, -ending.length) : bare])].map((stem) => stem.toLowerCase())
  const names = await readdir(folder).catch(() => [])
  const found = names
    .filter((other) => stems.some((stem) => other.toLowerCase().startsWith(stem) && suffix.test(other.slice(stem.length))))
    .sort()
    .map((other) => join(folder, other))
  const kept: string[] = []
  for (const candidate of found) if (!isJson(candidate) || (await isCoco(candidate))) kept.push(candidate)
  return kept
}

/** Many things are called .json; only annotations are looked into. */
async function isCoco(path: string): Promise<boolean> {
  if (!(await stat(path).catch(() => null))?.isFile()) return false
  return coco.recognises(path, await readHead(path, 1024).catch(() => new Uint8Array()))
}

/** Annotations of many images are asked for the one that is named like the cube, when there is one. */
async function ofThisCube(candidate: string, path: string): Promise<string> {
  if (!isJson(candidate)) return candidate
  const stem = basename(path, extname(path))
  const named = formatReference({ path: candidate, variable: stem })
  const cube = await coco.open(candidate, { variable: stem }).catch(() => null)
  await cube?.close()
  return cube ? named : candidate
}

function isJson(path: string): boolean {
  return extname(path).toLowerCase() === '.json'
}

const suffix = /^([_.-](mask|gt|groundtruth|ground_truth|labels)(\.(img|dat|raw|bin|bsq|bil|bip))?\.(hdr|mat|npy|npz|png|tif|tiff|lan|gis|json)|\.json)$/i

/** A candidate that cannot be taken gives its sentence; a cancelled search and defects go on up. */
function unlessDefect(error: unknown): { sentence: string } {
  if (error instanceof CuvetteError && error.code !== 'cancelled') return { sentence: error.message }
  throw error
}
