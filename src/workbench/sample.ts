import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from './host'
import type { ProjectContent, SavedCube } from './project'

const MASK_ENDING = '_mask.hdr'

/**
 * The user's own working copy of the sample project. The cubes and their masks stay where they were
 * installed, read-only; what the user does with them is kept in the data folder.
 */
export async function sampleProject(host: Host): Promise<{ folder: string; fresh: ProjectContent }> {
  const shipped = join(host.places.resources, 'sample')
  const names = await readdir(shipped).catch(() => [] as string[])
  const cubes = names.filter((name) => name.endsWith('.hdr') && !name.endsWith(MASK_ENDING)).sort().map((name): SavedCube => {
    const id = name.slice(0, -'.hdr'.length).toLowerCase().replace(/[^a-z0-9]+/g, '-')
    const mask = name.replace(/\.hdr$/, MASK_ENDING)
    return { id, reference: join(shipped, name), mask: names.includes(mask) ? join(shipped, mask) : null }
  })
  return {
    folder: join(host.home, 'projects', 'sample'),
    fresh: { name: 'Sample', isSample: true, cubes, runs: [] },
  }
}
