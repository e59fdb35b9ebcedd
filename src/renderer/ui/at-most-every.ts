import type { Ref } from 'vue'
import { onScopeDispose, shallowRef, watch } from 'vue'

/** Follows a source at most so often, and always to its last value: what is drawn anew costs more than what arrives. */
export function atMostEvery<T>(milliseconds: number, source: () => T): Readonly<Ref<T>> {
  const followed = shallowRef(source())
  let timer: ReturnType<typeof setTimeout> | undefined
  let last = -Infinity
  function take(): void {
    timer = undefined
    last = performance.now()
    followed.value = source()
  }
  watch(source, () => {
    if (timer !== undefined) return
    const wait = last + milliseconds - performance.now()
    if (wait <= 0) take()
    else timer = setTimeout(take, wait)
  })
  onScopeDispose(() => clearTimeout(timer))
  return followed
}
