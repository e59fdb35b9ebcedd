/** What edits are called after "Undo" and "Redo". */
export const EDITS = {
  bands: (cube: string) => `edit of the bands of ${cube}`,
  classes: (cube: string) => `edit of the mask classes of ${cube}`,
  maskAttached: (cube: string) => `attaching of a mask to ${cube}`,
  maskDetached: (cube: string) => `detaching of the mask of ${cube}`,
  threshold: 'change of threshold',
  note: (run: string) => `note on ${run}`,
  star: (run: string) => `star of ${run}`,
  decider: 'change of the decider in the pipeline',
}

export const HISTORY = {
  undo: (title: string | null) => (title === null ? 'Undo' : `Undo ${title}`),
  redo: (title: string | null) => (title === null ? 'Redo' : `Redo ${title}`),
  undone: (title: string) => `Undone: ${title}.`,
  redone: (title: string) => `Done again: ${title}.`,
  changedSince: (title: string) => `The ${title} cannot be taken back or repeated any more, because it was changed elsewhere since.`,
  gone: (title: string) => `The ${title} cannot be taken back or repeated any more, because what it belongs to is not open.`,
}
