import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { toProblem } from '../../shared/problem'
import { HISTORY } from '../texts/history'
import { useNotices } from './notices'

/** An edit as data: what was changed of what, from what to what. Plain JSON. */
export interface Edit {
  /** How it is read and written; see `define`. */
  kind: string
  /** The thing that was edited: id of a cube, a run, a pipeline. */
  target: string
  /** Follows "Undo": "change of threshold". */
  title: string
  before: unknown
  after: unknown
}

/** How edits of one kind reach the thing. */
export interface EditKind<T> {
  /** What holds now; undefined when the thing is not there any more. */
  read(target: string): T | undefined
  write(target: string, value: T): Promise<unknown>
}

const MOST_EDITS = 200
/** Edits of the same thing in quick succession are one: a dragged line, a held key. */
const MERGE_WITHIN_MS = 1000

/**
 * Undo and redo for the whole window. An edit is remembered when it took effect, and goes back and
 * forth through its kind. Nothing is taken back blindly: when the thing does not hold what the edit left, it was
 * changed elsewhere, and the edit is dropped with a sentence.
 */
export const useHistory = defineStore('history', () => {
  const notices = useNotices()
  const done = shallowRef<Edit[]>([])
  const undone = shallowRef<Edit[]>([])
  const kinds = new Map<string, EditKind<unknown>>()
  let mergeUntil = 0
  /** One after the other, also when keys come faster than answers. */
  let working: Promise<unknown> = Promise.resolve()

  const undoTitle = computed(() => done.value.at(-1)?.title ?? null)
  const redoTitle = computed(() => undone.value.at(-1)?.title ?? null)

  function define<T>(kind: string, way: EditKind<T>): void {
    kinds.set(kind, way as EditKind<unknown>)
  }

  /** Remembers an edit that took effect already. What was undone before it cannot be done again. */
  function record(edit: Edit): void {
    if (same(edit.before, edit.after)) return
    const last = done.value.at(-1)
    const now = Date.now()
    if (last && last.kind === edit.kind && last.target === edit.target && now < mergeUntil) {
      const merged = { ...last, after: edit.after }
      done.value = same(merged.before, merged.after) ? done.value.slice(0, -1) : [...done.value.slice(0, -1), merged]
    } else {
      done.value = [...done.value, edit].slice(-MOST_EDITS)
    }
    undone.value = []
    mergeUntil = now + MERGE_WITHIN_MS
  }

  function undo(): Promise<void> {
    return queue(async () => {
      const edit = done.value.at(-1)
      if (!edit) return
      done.value = done.value.slice(0, -1)
      if (!(await put(edit, edit.after, edit.before))) return
      undone.value = [...undone.value, edit]
      notices.add('info', HISTORY.undone(edit.title))
    })
  }

  function redo(): Promise<void> {
    return queue(async () => {
      const edit = undone.value.at(-1)
      if (!edit) return
      undone.value = undone.value.slice(0, -1)
      if (!(await put(edit, edit.before, edit.after))) return
      done.value = [...done.value, edit]
      notices.add('info', HISTORY.redone(edit.title))
    })
  }

  /** false, with a sentence on the screen, when the value could not be put. */
  async function put(edit: Edit, expected: unknown, next: unknown): Promise<boolean> {
    mergeUntil = 0
    const kind = kindOf(edit)
    const present = kind.read(edit.target)
    if (present === undefined || !same(present, expected)) {
      notices.add('info', present === undefined ? HISTORY.gone(edit.title) : HISTORY.changedSince(edit.title))
      return false
    }
    try {
      await kind.write(edit.target, next)
      return true
    } catch (error) {
      notices.tell(toProblem(error))
      return false
    }
  }

  function kindOf(edit: Edit): EditKind<unknown> {
    const kind = kinds.get(edit.kind)
    if (!kind) throw new Error(`No kind of edit is called "${edit.kind}".`)
    return kind
  }

  function queue(work: () => Promise<void>): Promise<void> {
    const next = working.then(work)
    working = next.catch(() => undefined)
    return next
  }

  return { done, undone, undoTitle, redoTitle, define, record, undo, redo }
})

/** The same as JSON, whatever the order of keys. */
function same(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other)
}

function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_, each: unknown) =>
    each !== null && typeof each === 'object' && !Array.isArray(each) ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1))) : each,
  )
}
