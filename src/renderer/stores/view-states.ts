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

/** What changed and was not sent yet, by part. */
const pending = new Map<string, { state: unknown; timer: ReturnType<typeof setTimeout> }>()
let keeping = true

/**
 * Gives every part what the project kept of it, then keeps each from now on, a moment after it
 * changes. What cannot be restored begins as it was at first.
 */
export async function keepViewStates(parts: readonly KeptPart[]): Promise<void> {
  const kept = await useNotices().attempt(() => call('views.get', {}))
  for (const { part, read, restore } of parts) {
    try {
      restore(kept?.[part])
    } catch {
      // Only how the window looked: the first look is as good.
    }
    watch(read, (state) => {
      if (!keeping) return
      clearTimeout(pending.get(part)?.timer)
      pending.set(part, { state, timer: setTimeout(() => void send(part), KEEP_AFTER_MS) })
    }, { deep: true })
  }
  window.addEventListener('pagehide', () => void flushViewStates())
}

/** Sends what waits to be kept. */
export async function flushViewStates(): Promise<void> {
  await Promise.all([...pending.keys()].map((part) => send(part)))
}

/** Keeps nothing more: the project that it is of is not open any more. */
export function forgetViewStates(): void {
  keeping = false
  for (const { timer } of pending.values()) clearTimeout(timer)
  pending.clear()
}

async function send(part: string): Promise<void> {
  const waiting = pending.get(part)
  if (!waiting) return
  clearTimeout(waiting.timer)
  pending.delete(part)
  // A lost connection has its own banner.
  await call('views.set', { part, state: waiting.state }).catch(() => undefined)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
