/** Codes a program can act on. The sentence is for the person. */
export type ProblemCode =
  | 'not-a-cube'
  | 'missing-file'
  | 'truncated'
  | 'unsupported'
  | 'bad-header'
  | 'bad-mask'
  | 'bad-pipeline'
  | 'bad-data'
  | 'bad-argument'
  | 'bad-artifact'
  | 'cannot-write'
  | 'device-unavailable'
  | 'queue-unavailable'
  | 'not-granted'
  | 'cancelled'
  | 'engine-lost'
  | 'internal'

/** An error as data: what crosses processes, and what `--json` prints. */
export interface Problem {
  code: ProblemCode
  /** One sentence: what was found, what was expected, what to do next. */
  message: string
  /** The file it is about. */
  path?: string
  /** The place inside it: a header key, "nodes.encoder.config.num_channels", "line 12". */
  where?: string
}

/** Thrown for everything a user can cause. Anything else thrown is a defect. */
export class CuvetteError extends Error {
  readonly code: ProblemCode
  readonly path?: string
  readonly where?: string

  constructor(code: ProblemCode, message: string, place: { path?: string; where?: string; cause?: unknown } = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause })
    this.name = 'CuvetteError'
    this.code = code
    this.path = place.path
    this.where = place.where
  }
}

/** The data of an error, whatever was thrown. */
export function toProblem(error: unknown): Problem {
  if (error instanceof CuvetteError) {
    const problem: Problem = { code: error.code, message: error.message }
    if (error.path !== undefined) problem.path = error.path
    if (error.where !== undefined) problem.where = error.where
    return problem
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'internal', message: `Unexpected error: ${message}` }
}

/** The other direction: a problem received from another process becomes an error again. */
export function fromProblem(problem: Problem): CuvetteError {
  return new CuvetteError(problem.code, problem.message, { path: problem.path, where: problem.where })
}
