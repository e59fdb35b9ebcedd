import { DATA_PREFIX } from '../../shared/contract'
import type { Problem } from '../../shared/problem'
import { CuvetteError, fromProblem } from '../../shared/problem'
import { call, pathsOf } from '../bridge'
import { useCubes } from './cubes'
import { useLayout } from './layout'
import { useLibraries } from './libraries'
import { useNotices } from './notices'
import { useSession } from './session'

/** Asks for cubes: by the system's dialog where there is one, else by ours. */
export async function chooseCubes(): Promise<void> {
  if (!useSession().nativeDialogs) {
    useLayout().dialog = { kind: 'open-cube' }
    return
  }
  const chosen = await useNotices().attempt(() => call('files.choose', { purpose: 'cube' }))
  if (chosen) await openPaths(chosen.paths)
}

/** Asks for spectral libraries. */
export async function chooseLibraries(): Promise<void> {
  if (!useSession().nativeDialogs) {
    useLayout().dialog = { kind: 'open-library' }
    return
  }
  await useNotices().attempt(async () => {
    const { paths } = await call('files.choose', { purpose: 'library' })
    for (const path of paths) await useLibraries().open(path)
    if (paths.length > 0) useLayout().show('library')
  })
}

/** Asks for the mask of a cube. */
export async function chooseMask(cubeId: string): Promise<void> {
  if (!useSession().nativeDialogs) {
    useLayout().dialog = { kind: 'mask', cubeId }
    return
  }
  await useNotices().attempt(async () => {
    const { paths } = await call('files.choose', { purpose: 'mask' })
    if (paths.length > 0) await useCubes().attachMask(cubeId, paths[0])
  })
}

/** Opens each path, a spectral library as one; what fails is said, the others open. */
export async function openPaths(paths: string[]): Promise<void> {
  const { attempt } = useNotices()
  const libraries = paths.filter(isLibraryName)
  for (const path of libraries) await attempt(() => useLibraries().open(path))
  if (libraries.length > 0) useLayout().show('library')
  // The header of a library comes with it.
  for (const path of principalFiles(paths.filter((each) => !isLibraryName(each) && !libraries.some((library) => stemOf(library) === stemOf(each))))) await attempt(() => useCubes().open(path))
}

/** No cube is read from such a file. */
function isLibraryName(path: string): boolean {
  return /\.(sli|csv|tsv|txt)$/i.test(path)
}

function stemOf(path: string): string {
  return path.replace(/(\.sli)?(\.hdr)?$/i, '')
}

/** Opens dropped files: by their paths where the host knows them, else by handing them over. */
export async function openDropped(files: File[]): Promise<void> {
  const { attempt } = useNotices()
  await attempt(async () => {
    const known = pathsOf(files)
    if (known) {
      const { paths } = await call('files.grant', { paths: known })
      return openPaths(paths)
    }
    const handed: string[] = []
    // One after the other: a header and its data stay together.
    for (const file of files) handed.push(await handOver(file))
    return openPaths(handed)
  })
}

/** A header stands for its data: of files with one stem, the .hdr alone is opened. */
export function principalFiles(paths: string[]): string[] {
  const headers = paths.filter((path) => /\.hdr$/i.test(path)).map((path) => path.slice(0, -4))
  return paths.filter((path) => /\.hdr$/i.test(path) || !headers.some((stem) => path === stem || path.replace(/\.[^./\\]*$/, '') === stem))
}

async function handOver(file: File): Promise<string> {
  let response: Response
  try {
    response = await fetch(`${DATA_PREFIX}drop/${encodeURIComponent(file.name)}`, { method: 'PUT', body: file })
  } catch (error) {
    throw new CuvetteError('bad-data', `${file.name} could not be read or handed to the workbench: drop files, not folders, and try again.`, { cause: error })
  }
  const answer = (await response.json()) as { path: string } | Problem
  if (response.ok && 'path' in answer && answer.path) return answer.path
  throw fromProblem(answer as Problem)
}
