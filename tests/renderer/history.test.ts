import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Edit } from '../../src/renderer/stores/history'
import { useHistory } from '../../src/renderer/stores/history'
import { useNotices } from '../../src/renderer/stores/notices'
import { CuvetteError } from '../../src/shared/problem'

let values: Map<string, unknown>
let failure: Error | null

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  values = new Map<string, unknown>([['a', 1], ['b', { x: 1, y: [2] }]])
  failure = null
  useHistory().define('value', {
    read: (target) => values.get(target),
    write: async (target, value) => {
      if (failure) throw failure
      values.set(target, value)
    },
  })
})
afterEach(() => vi.useRealTimers())

/** An edit that takes effect now, long after the one before it. */
function change(target: string, after: unknown, title = `change of ${target}`): void {
  vi.advanceTimersByTime(5000)
  const edit: Edit = { kind: 'value', target, title, before: values.get(target), after }
  values.set(target, after)
  useHistory().record(edit)
}

const sentences = () => useNotices().notices.map((notice) => notice.message)

describe('history', () => {
  it('takes edits back in turn, does them again, and says what it did', async () => {
    const history = useHistory()
    change('a', 2)
    change('b', { x: 5, y: [2] })
    expect(history.undoTitle).toBe('change of b')
    await history.undo()
    expect(values.get('b')).toEqual({ x: 1, y: [2] })
    await history.undo()
    expect(values.get('a')).toBe(1)
    expect(history.undoTitle).toBeNull()
    expect(history.redoTitle).toBe('change of a')
    await history.redo()
    await history.redo()
    expect([values.get('a'), values.get('b')]).toEqual([2, { x: 5, y: [2] }])
    expect(sentences()).toContain('Undone: change of a.')
    expect(sentences()).toContain('Done again: change of b.')
  })

  it('goes one step for each press, also when they come faster than the answers', async () => {
    const history = useHistory()
    for (const value of [2, 3, 4]) change('a', value)
    await Promise.all([history.undo(), history.undo(), history.undo(), history.undo()])
    expect(values.get('a')).toBe(1)
    expect(history.undone).toHaveLength(3)
  })

  it('forgets what was undone when something else is edited', async () => {
    const history = useHistory()
    change('a', 2)
    await history.undo()
    change('b', 7)
    expect(history.redoTitle).toBeNull()
    await history.redo()
    expect(values.get('a')).toBe(1)
  })

  it('counts edits of one thing in quick succession as one, and none when they end where they began', () => {
    const history = useHistory()
    change('a', 2)
    for (let value = 3; value < 60; value += 1) {
      vi.advanceTimersByTime(16)
      history.record({ kind: 'value', target: 'a', title: 'change of a', before: value - 1, after: value })
    }
    expect(history.done).toMatchObject([{ before: 1, after: 59 }])
    history.record({ kind: 'value', target: 'a', title: 'change of a', before: 59, after: 1 })
    expect(history.done).toEqual([])
  })

  it('does not record what changes nothing, whatever the order of keys', () => {
    const history = useHistory()
    history.record({ kind: 'value', target: 'b', title: 'nothing', before: { x: 1, y: [2] }, after: { y: [2], x: 1 } })
    expect(history.done).toEqual([])
  })

  it('does not overwrite what was changed elsewhere since, and goes on to the edit before', async () => {
    const history = useHistory()
    change('a', 2)
    change('b', 9)
    values.set('b', 'from elsewhere')
    await history.undo()
    expect(values.get('b')).toBe('from elsewhere')
    expect(sentences()).toEqual(['The change of b cannot be taken back or repeated any more, because it was changed elsewhere since.'])
    await history.undo()
    expect(values.get('a')).toBe(1)
  })

  it('says when the thing is not there any more', async () => {
    change('a', 2)
    values.delete('a')
    await useHistory().undo()
    expect(sentences()).toEqual(['The change of a cannot be taken back or repeated any more, because what it belongs to is not open.'])
  })

  it('says why when the value cannot be put, and keeps what holds', async () => {
    change('a', 2)
    failure = new CuvetteError('cannot-write', 'The disk is full.')
    await useHistory().undo()
    expect(values.get('a')).toBe(2)
    expect(sentences()).toEqual(['The disk is full.'])
  })

  it('keeps the newest 200', () => {
    for (let value = 0; value < 250; value += 1) change('a', value + 10)
    expect(useHistory().done).toHaveLength(200)
  })
})
