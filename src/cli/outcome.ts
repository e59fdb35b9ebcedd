import type { Problem } from '../shared/problem'
import { toProblem } from '../shared/problem'
import type { Terminal } from './terminal'

/** What a command came to: the document that --json prints, and the same for a person. */
export interface Outcome {
  document: object
  text: string
  /** One sentence on stderr; the exit code is then 1 although there is an answer. */
  failure?: string
}

export const EXIT = { done: 0, failed: 1, wrongUsage: 2 } as const

/** The answer, and nothing but the answer, on stdout. */
export function print(content: object | string): void {
  process.stdout.write(typeof content === 'string' ? `${content}\n` : `${JSON.stringify(content, null, 2)}\n`)
}

/** Runs a command's work and prints what came of it. Never throws. Returns the exit code. */
export async function conclude(work: () => Promise<Outcome>, json: boolean, terminal: Terminal): Promise<number> {
  try {
    const outcome = await work()
    terminal.clearStatus()
    print(json ? outcome.document : outcome.text)
    if (outcome.failure === undefined) return EXIT.done
    terminal.note(`cuvette: ${outcome.failure}`)
    return EXIT.failed
  } catch (error) {
    terminal.clearStatus()
    const problem = toProblem(error)
    if (json) print({ error: problem })
    else terminal.note(`cuvette: ${problemSentence(problem)}`)
    // Not the user's doing: the place in the program helps whoever repairs it.
    if (problem.code === 'internal' && error instanceof Error) terminal.note(error.stack ?? '')
    return EXIT.failed
  }
}

/** The sentence, with the file and the place when the sentence does not name them. */
export function problemSentence({ message, path, where }: Problem): string {
  const places = [path, where].filter((place): place is string => place !== undefined && !message.includes(place))
  return places.length === 0 ? message : `${message} (${places.join(', ')})`
}
