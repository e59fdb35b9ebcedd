import { statSync } from 'node:fs'
import { resolve } from 'node:path'

/** A file, and the variable inside it when one was named. */
export interface Reference {
  /** Absolute. */
  path: string
  variable: string | null
}

/**
 * Takes `scene.mat#data` apart. A '#' that belongs to a real file name stays in it: the whole string is
 * the path when it exists; otherwise the longest part before a '#' that exists.
 */
export function parseReference(reference: string): Reference {
  if (exists(reference)) return { path: resolve(reference), variable: null }
  for (let mark = reference.lastIndexOf('#'); mark > 0; mark = reference.lastIndexOf('#', mark - 1)) {
    const path = reference.slice(0, mark)
    if (exists(path)) return { path: resolve(path), variable: reference.slice(mark + 1) || null }
  }
  // Nothing exists: keep what was most likely meant, for the message.
  const mark = reference.lastIndexOf('#')
  const variable = reference.slice(mark + 1)
  if (mark <= 0 || /[\\/.]/.test(variable)) return { path: resolve(reference), variable: null }
  return { path: resolve(reference.slice(0, mark)), variable: variable || null }
}

/** Which axis of an array holds the bands. */
export type BandAxis = 'first' | 'middle' | 'last'

/** What `variable` of a reference says: `data`, `data@bands=first`, or `@bands=first` for the array that is chosen without a name. */
export function parseVariable(variable: string | null | undefined): { name: string | null; bandAxis: BandAxis | null } {
  const found = /^(.*)@bands=(first|middle|last)$/.exec(variable ?? '')
  return found ? { name: found[1] || null, bandAxis: found[2] as BandAxis } : { name: variable || null, bandAxis: null }
}

/** The other direction. */
export function formatReference(reference: Reference): string {
  return reference.variable === null ? reference.path : `${reference.path}#${reference.variable}`
}

/** A path that cannot be looked at (a loop of links, a folder that is closed) is there; opening it says what is wrong. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}
