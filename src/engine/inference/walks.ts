/**
 * A question about very many numbers that is answered in walks over them: for every walk it gives a function that is
 * shown all numbers, always in the same order, in blocks cut anywhere (between pixels, where they are of pixels). So the
 * answer does not depend on where the numbers are kept, nor on the blocks.
 */
export type Question<T, Block = Float32Array> = Generator<(block: Block) => void, T, void>

/** Answers a question about numbers in memory. */
export function answer<T, Block>(question: Question<T, Block>, block: Block): T {
  let step = question.next()
  while (!step.done) {
    step.value(block)
    step = question.next()
  }
  return step.value
}

/** Answers a question about numbers that come block by block; `blocks` begins a new walk. */
export async function answerOver<T, Block>(question: Question<T, Block>, blocks: () => AsyncIterable<Block>): Promise<T> {
  let step = question.next()
  while (!step.done) {
    for await (const block of blocks()) step.value(block)
    step = question.next()
  }
  return step.value
}

/** The question about what `view` makes of the blocks. */
export function* through<T, From, To>(view: (block: From) => To, question: Question<T, To>): Question<T, From> {
  let step = question.next()
  while (!step.done) {
    const look = step.value
    yield (block) => look(view(block))
    step = question.next()
  }
  return step.value
}
