/** Numbers that never repeat, also not after a restart, because answers are cached by them. */
export function versionCounter(): () => number {
  let last = 0
  return () => {
    last = Math.max(last + 1, Date.now())
    return last
  }
}
