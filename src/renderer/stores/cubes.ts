import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { CubeEntry, LostCube } from '../../shared/contract'
import type { BandStatistics, ClassCorrection, CubeCorrections, DetectedBand } from '../../shared/cube'
import { call, onEvent } from '../bridge'
import { EDITS } from '../texts/history'
import { useHistory } from './history'

/** The cubes of the project, and which of them is looked at. */
export const useCubes = defineStore('cubes', () => {
  const cubes = ref<CubeEntry[]>([])
  const activeId = ref<string | null>(null)
  /** Cubes of the project that could not be opened again. */
  const lost = shallowRef<LostCube[]>([])
  const loaded = ref(false)
  /** Paths that are being opened. */
  const opening = ref<string[]>([])
  const history = useHistory()
  const statistics = new Map<string, Promise<BandStatistics>>()

  const active = computed(() => cubes.value.find((cube) => cube.id === activeId.value) ?? null)

  async function load(): Promise<void> {
    const [list, gone] = await Promise.all([call('cubes.list', {}), call('cubes.lost', {})])
    cubes.value = list
    lost.value = gone
    loaded.value = true
    if (!active.value) activeId.value = cubes.value[0]?.id ?? null
  }

  /** Opens the cube and looks at it. */
  async function open(path: string): Promise<CubeEntry> {
    opening.value = [...opening.value, path]
    try {
      const entry = await call('cubes.open', { path })
      put(entry)
      activeId.value = entry.id
      return entry
    } finally {
      opening.value = opening.value.filter((each) => each !== path)
    }
  }

  /** Opens a lost cube from another place and looks at it. A sentence when that seems to be another file; then nothing is changed unless `anyway`. */
  async function locate(cubeId: string, path: string, anyway: boolean): Promise<string | null> {
    const { cube, differs } = await call('cubes.locate', { cubeId, path, anyway })
    if (!cube) return differs
    put(cube)
    activeId.value = cube.id
    return null
  }

  async function close(cubeId: string): Promise<void> {
    await call('cubes.close', { cubeId })
    drop(cubeId)
  }

  async function attachMask(cubeId: string, path: string): Promise<void> {
    await edited('mask', cubeId, EDITS.maskAttached, () => call('cubes.attachMask', { cubeId, path }))
  }

  async function detachMask(cubeId: string): Promise<void> {
    await edited('mask', cubeId, EDITS.maskDetached, () => call('cubes.detachMask', { cubeId }))
  }

  async function correct(cubeId: string, corrections: CubeCorrections | null): Promise<void> {
    await edited('bands', cubeId, EDITS.bands, () => call('cubes.correct', { cubeId, corrections }))
  }

  async function detectBadBands(cubeId: string): Promise<DetectedBand[]> {
    return (await call('cubes.detectBadBands', { cubeId })).bands
  }

  async function nameClasses(cubeId: string, classes: ClassCorrection[] | null): Promise<void> {
    await edited('classes', cubeId, EDITS.classes, () => call('cubes.nameClasses', { cubeId, classes }))
  }

  /** Edits, and remembers what held before and what holds now. */
  async function edited(kind: keyof typeof ways, cubeId: string, title: (name: string) => string, edit: () => Promise<CubeEntry>): Promise<void> {
    const before = ways[kind].read(cubeId)
    put(await edit())
    const after = ways[kind].read(cubeId)
    if (before !== undefined && after !== undefined) history.record({ kind, target: cubeId, title: title(byId(cubeId)?.name ?? ''), before, after })
  }

  /** What of a cube can be undone. */
  const ways = {
    bands: {
      read: (cubeId: string) => byId(cubeId)?.corrections,
      write: async (cubeId: string, corrections: CubeCorrections | null) => put(await call('cubes.correct', { cubeId, corrections })),
    },
    classes: {
      read: (cubeId: string) => byId(cubeId)?.maskClasses,
      write: async (cubeId: string, classes: ClassCorrection[] | null) => put(await call('cubes.nameClasses', { cubeId, classes })),
    },
    mask: {
      read: (cubeId: string): AttachedMask | null | undefined => {
        const cube = byId(cubeId)
        return cube ? attachedMask(cube) : undefined
      },
      write: async (cubeId: string, mask: AttachedMask | null) => {
        put(await (mask ? call('cubes.attachMask', { cubeId, path: mask.reference }) : call('cubes.detachMask', { cubeId })))
        if (mask?.classes) put(await call('cubes.nameClasses', { cubeId, classes: mask.classes }))
      },
    },
  }
  history.define('bands', ways.bands)
  history.define('classes', ways.classes)
  history.define('mask', ways.mask)

  /** Spread of one band; asked once per cube and version. */
  function bandStatistics(cube: CubeEntry, band: number): Promise<BandStatistics> {
    const key = `${cube.id}/${cube.version}/${band}`
    const known = statistics.get(key)
    if (known) return known
    const asked = call('cubes.bandStatistics', { cubeId: cube.id, bands: [band] }).then(([spread]) => spread)
    statistics.set(key, asked)
    asked.catch(() => statistics.delete(key))
    return asked
  }

  function byId(id: string | null): CubeEntry | null {
    return cubes.value.find((cube) => cube.id === id) ?? null
  }

  function put(entry: CubeEntry): void {
    lost.value = lost.value.filter(({ id }) => id !== entry.id)
    const at = cubes.value.findIndex((cube) => cube.id === entry.id)
    if (at < 0) cubes.value = [...cubes.value, entry]
    else if (cubes.value[at].version <= entry.version) cubes.value = cubes.value.with(at, entry)
    activeId.value ??= entry.id
  }

  function drop(cubeId: string): void {
    lost.value = lost.value.filter(({ id }) => id !== cubeId)
    const at = cubes.value.findIndex((cube) => cube.id === cubeId)
    if (at < 0) return
    cubes.value = cubes.value.toSpliced(at, 1)
    if (activeId.value === cubeId) activeId.value = cubes.value[Math.min(at, cubes.value.length - 1)]?.id ?? null
  }

  function follow(): void {
    onEvent('cube', put)
    onEvent('cube-closed', ({ cubeId }) => drop(cubeId))
  }

  return { cubes, activeId, active, lost, loaded, opening, load, open, locate, close, attachMask, detachMask, correct, detectBadBands, nameClasses, bandStatistics, byId, follow }
})

/** A mask as it was attached: its file, and what was said of its classes. */
interface AttachedMask {
  reference: string
  classes: ClassCorrection[] | null
}

function attachedMask({ mask, maskClasses }: CubeEntry): AttachedMask | null {
  if (!mask) return null
  return { reference: mask.variable === null ? mask.path : `${mask.path}#${mask.variable}`, classes: maskClasses }
}
