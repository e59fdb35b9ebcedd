import { watch } from 'vue'
import { call } from '../bridge'
import { useNotices } from './notices'

/** A part of the window that is found again as it was left. */
export interface KeptPart {
  /** Its name in the project's views.json: lower-case letters and hyphens. */
  part: string
  /** What is kept: plain JSON. Called again whenever something that it reads changes. */
  read(): unknown
  /** Takes what was kept, which may come from another version: whatever does not fit is left out. */
  restore(state: unknown): void
}

const KEEP_AFTER_MS = 400

/**
 * Gives every part what the project kept of it, then keeps each from now on, a moment after it
 * changes. What cannot be restored begins as it was at first.
 */
export async function keepViewStates(parts: readonly KeptPart[]): Promise<void> {
  const kept = await useNotices().attempt(() => call('views.get', {}))
  const pending = new Map<string, () => void>()
  for (const { part, read, restore } of parts) {
    try {
      restore(kept?.[part])
    } catch {
      // Only how the window looked: the first look is as good.
    }
    let timer: ReturnType<typeof setTimeout> | undefined
    watch(read, (state) => {
      const send = () => {
        clearTimeout(timer)
        pending.delete(part)
        // A lost connection has its own banner.
        call('views.set', { part, state }).catch(() => undefined)
      }
      clearTimeout(timer)
      timer = setTimeout(send, KEEP_AFTER_MS)
      pending.set(part, send)
    }, { deep: true })
  }
  window.addEventListener('pagehide', () => [...pending.values()].forEach((send) => send()))
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
