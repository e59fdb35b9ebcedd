import type { Cube } from '../cube/cube'

interface OpenCube {
  cube: Promise<Cube>
  users: number
  /** No longer in the table: closes when the last user leaves. */
  dropped: boolean
}

/** Keeps the cubes of recent reads open, at most `capacity` idle ones, least recently used closed first. */
export class OpenCubes {
  private readonly table = new Map<string, OpenCube>()

  constructor(
    private readonly open: (reference: string) => Promise<Cube>,
    private readonly capacity: number,
  ) {}

  /** Runs `work` with the cube open; it cannot be closed meanwhile. */
  async use<T>(reference: string, work: (cube: Cube) => Promise<T>): Promise<T> {
    const entry = this.enter(reference)
    try {
      return await work(await entry.cube)
    } finally {
      entry.users -= 1
      if (entry.dropped && entry.users === 0) await close(entry)
      await this.shrink()
    }
  }

  /** Opens the cube anew, keeps it open for the reads that follow, and gives it to be looked at at once. */
  async replace(reference: string, open: () => Promise<Cube>): Promise<Cube> {
    const cube = await open()
    await this.release(reference)
    this.table.set(reference, { cube: Promise.resolve(cube), users: 0, dropped: false })
    await this.shrink()
    return cube
  }

  /** Forgets the cube: the next use opens the file again. */
  async release(reference: string): Promise<void> {
    const entry = this.table.get(reference)
    if (entry) await this.drop(reference, entry)
  }

  async closeAll(): Promise<void> {
    for (const [reference, entry] of [...this.table]) await this.drop(reference, entry)
  }

  private enter(reference: string): OpenCube {
    let entry = this.table.get(reference)
    if (entry) this.table.delete(reference)
    else entry = this.start(reference)
    entry.users += 1
    // Back at the end: a Map keeps the order of insertion, so the first key is the least recently used.
    this.table.set(reference, entry)
    return entry
  }

  private start(reference: string): OpenCube {
    const entry: OpenCube = { cube: this.open(reference), users: 0, dropped: false }
    // A file that could not be opened may be there the next time.
    entry.cube.catch(() => {
      if (this.table.get(reference) === entry) this.table.delete(reference)
    })
    return entry
  }

  private async shrink(): Promise<void> {
    for (const [reference, entry] of [...this.table]) {
      if (this.table.size <= this.capacity) return
      if (entry.users === 0) await this.drop(reference, entry)
    }
  }

  private async drop(reference: string, entry: OpenCube): Promise<void> {
    this.table.delete(reference)
    entry.dropped = true
    if (entry.users === 0) await close(entry)
  }
}

async function close(entry: OpenCube): Promise<void> {
  const cube = await entry.cube.catch(() => null)
  await cube?.close()
}
