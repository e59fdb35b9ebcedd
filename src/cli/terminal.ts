/**
 * Where a command speaks to the person: stderr only, so that stdout holds the answer and nothing else.
 * On a terminal one line is rewritten in place; elsewhere (a pipe, a log) only whole lines appear.
 */
export interface Terminal {
  readonly interactive: boolean
  /** A line that stays. */
  note(text: string): void
  /** The line that is rewritten. Does nothing where stderr is not a terminal. */
  status(text: string): void
  /** Removes the rewritten line. */
  clearStatus(): void
}

const ERASE_LINE = '\r\u001b[2K'

export function terminalOn(stream: NodeJS.WriteStream): Terminal {
  const interactive = stream.isTTY === true
  let showing = false

  const clearStatus = (): void => {
    if (!showing) return
    stream.write(ERASE_LINE)
    showing = false
  }
  return {
    interactive,
    note(text) {
      clearStatus()
      stream.write(`${text}\n`)
    },
    status(text) {
      if (!interactive) return
      // A line longer than the window would wrap, and only its last part could be erased.
      stream.write(ERASE_LINE + text.slice(0, Math.max(20, (stream.columns || 80) - 1)))
      showing = true
    },
    clearStatus,
  }
}
