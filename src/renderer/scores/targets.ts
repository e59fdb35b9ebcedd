import type { ClassUse, MaskDescription } from '../../shared/cube'
import { IGNORED } from '../../shared/threshold-curve'

const TARGETS: Record<ClassUse, number> = { normal: 0, anomalous: 1, ignore: IGNORED }

/** What pixels of a mask [N] are to be judged as: by the use of their class where it has one, else as `analyse` takes class ids. */
export function targetsOf(values: Uint8Array, classes: MaskDescription['classes']): Uint8Array {
  const targetOf = Uint8Array.from({ length: 256 }, (_, id) => id)
  let said = false
  for (const { id, use } of classes) {
    if (!use) continue
    targetOf[id] = TARGETS[use]
    said = true
  }
  return said ? values.map((value) => targetOf[value]) : values
}
