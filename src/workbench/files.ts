import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import type { FolderListing } from '../shared/contract'
import { CuvetteError } from '../shared/problem'
import type { Grants } from './grants'
import type { ChoosePurpose, Host } from './host'

const CUBE_ENDINGS = new Set([
  '.hdr', '.dat', '.img', '.raw', '.bsq', '.bil', '.bip', '.mat', '.npy', '.npz', '.tif', '.tiff', '.h5', '.hdf5', '.he5', '.nc', '.nc4', '.lan', '.gis',
])
const PIPELINE_ENDINGS = new Set(['.yaml', '.yml'])
const LIBRARY_ENDINGS = new Set(['.sli', '.csv', '.tsv', '.txt'])
const LISTING_LIMIT = 5000

type Entry = FolderListing['entries'][number]

/** Choosing files: natively where the host has dialogs, else by listing folders. */
export class Files {
  constructor(
    private readonly host: Host,
    private readonly grants: Grants,
  ) {}

  /** The chosen paths, granted; none when the person cancelled. */
  async choose(purpose: ChoosePurpose): Promise<string[]> {
    if (!this.host.choose) throw new CuvetteError('unsupported', 'This window has no file dialog: list folders instead.')
    const paths = await this.host.choose(purpose)
    for (const path of paths) await this.grants.grant(path)
    return paths
  }

  /** Grants each path that the person allows; throws for one that is refused. */
  async grant(paths: string[]): Promise<string[]> {
    const granted: string[] = []
    for (const path of paths) granted.push(await this.grants.require(path))
    return granted
  }

  /** One folder; null means the user's own. Hidden entries are left out. */
  async list(path: string | null): Promise<FolderListing> {
    const folder = await this.grants.require(path ?? homedir())
    let found: Dirent[]
    try {
      found = await readdir(folder, { withFileTypes: true })
    } catch (error) {
      throw new CuvetteError('missing-file', `The folder ${folder} cannot be listed (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}): choose another folder.`, { path: folder, cause: error })
    }
    const visible = found.filter((each) => !each.name.startsWith('.')).slice(0, LISTING_LIMIT)
    const entries = (await Promise.all(visible.map((each) => describeEntry(join(folder, each.name), each.name)))).filter((each) => each !== null)
    entries.sort((a, b) => Number(b.kind === 'folder') - Number(a.kind === 'folder') || a.name.localeCompare(b.name))
    const parent = dirname(folder)
    return { path: folder, parent: parent === folder ? null : parent, entries }
  }
}

/** null for what vanished meanwhile, leads nowhere, or is neither file nor folder. */
async function describeEntry(path: string, name: string): Promise<Entry | null> {
  const found = await stat(path).catch(() => null)
  if (found?.isDirectory()) return { name, path, kind: 'folder', bytes: null }
  return found?.isFile() ? { name, path, kind: kindOf(name), bytes: found.size } : null
}

function kindOf(name: string): Entry['kind'] {
  const ending = extname(name).toLowerCase()
  if (PIPELINE_ENDINGS.has(ending)) return 'pipeline'
  if (LIBRARY_ENDINGS.has(ending)) return 'library'
  return CUBE_ENDINGS.has(ending) || (ending === '.gz' && CUBE_ENDINGS.has(extname(name.slice(0, -3)).toLowerCase())) ? 'cube' : 'other'
}
