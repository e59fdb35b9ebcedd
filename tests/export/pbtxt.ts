// The protobuf text format, as far as configurations use it: fields with numbers, words, strings, lists and messages.

export type PbtxtValue = string | number | PbtxtMessage
/** Every field as often as it is there, in order. */
export interface PbtxtMessage {
  [field: string]: PbtxtValue[]
}

/** Reads a text; throws an Error at the first thing that is not in the grammar. */
export function parsePbtxt(text: string): PbtxtMessage {
  const tokens = [...text.replace(/#.*$/gm, '').matchAll(/\s*("(?:[^"\\\n]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|-?\d+(?:\.\d+)?|[{}[\]:,;<>]|\S)/g)].map(([, token]) => token)
  let at = 0
  const next = (): string => {
    if (at >= tokens.length) throw new Error('the text ends too soon')
    return tokens[at++]
  }
  const expectToken = (token: string): void => {
    const found = next()
    if (found !== token) throw new Error(`found ${found}, expected ${token}`)
  }
  function value(): PbtxtValue {
    const token = next()
    if (token === '{') return message('}')
    if (token.startsWith('"')) return JSON.parse(token) as string
    if (/^-?\d/.test(token)) return Number(token)
    if (/^[A-Za-z_]/.test(token)) return token
    throw new Error(`${token} is no value`)
  }
  function message(end: string | null): PbtxtMessage {
    const fields: PbtxtMessage = {}
    while (end === null ? at < tokens.length : tokens[at] !== end) {
      const name = next()
      if (!/^[A-Za-z_]/.test(name)) throw new Error(`${name} is no field`)
      // A message may follow its name at once, everything else after a colon.
      if (tokens[at] === ':') at += 1
      else if (tokens[at] !== '{' && tokens[at] !== '[') throw new Error(`${name} has no value`)
      const values = (fields[name] ??= [])
      if (tokens[at] === '[') {
        at += 1
        while (tokens[at] !== ']') {
          values.push(value())
          if (tokens[at] !== ']') expectToken(',')
        }
        at += 1
      } else values.push(value())
      if (tokens[at] === ',' || tokens[at] === ';') at += 1
    }
    if (end !== null) expectToken(end)
    return fields
  }
  return message(null)
}
