import { CuvetteError } from '../../shared/problem'

// onnxruntime reports with C++ places, status codes and several lines. A person gets the one sentence inside.

/** "/src/core/x.cc:12 void onnxruntime::f(const T&)::<lambda()> " or "x.h:12 f ": a place in its sources and the function there. */
const PLACE = /\S+\.(?:cc|h|cpp):\d+\s+(?:[^()\n]*?::~?\w+\([^()\n]*\)(?:::<lambda\([^()\n]*\)>)?(?: const)?|\w+)\s+/g

/** The sentence of a message of onnxruntime, without places in its sources, status codes and stack. */
export function runtimeSentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const status = /Status Message:\s*([\s\S]*)/.exec(text)?.[1] ?? text
  const sentence = status
    .replace(/^Error:\s*/, '')
    .replace(PLACE, '')
    .replace(/\[ONNXRuntimeError\]\s*:\s*\d+\s*:\s*[A-Z_]+\s*:\s*/g, '')
    .split('\n')[0]
    .trim()
    .replace(/[.\s]+$/, '')
  return sentence === '' ? 'no reason was given' : sentence
}

/** The node that a failed run names, if any. */
function failedNode(text: string): { op: string; name: string } | null {
  const found = /while running (\S+) node\. Name:'([^']*)'/.exec(text)
  return found ? { op: found[1], name: found[2] } : null
}

/** A failed load or run as an error for people. `doing`: "be loaded" or "run". */
export function runtimeError(error: unknown, doing: 'be loaded' | 'run'): CuvetteError {
  const text = error instanceof Error ? error.message : String(error)
  const node = failedNode(text)
  const place = node ? ` at ${node.name} (${node.op})` : ''
  return new CuvetteError(doing === 'run' ? 'bad-data' : 'bad-artifact', `The model could not ${doing}${place}: ${runtimeSentence(error)}.`, { where: node?.name, cause: error })
}
