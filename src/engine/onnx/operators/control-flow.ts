import { refuse, required } from './context'
import type { OperatorFamily } from './index'

// Loops. No gradient goes through one.

export const controlFlow: OperatorFamily = {
  /**
   * Inputs: largest number of rounds, whether to start, what is carried. Outputs: what is carried, after the last round; then
   * what the body makes besides, of all rounds one after the other.
   */
  Loop: {
    infer: (context) => {
      const { node, inputs } = context
      const body = node.attributes.body as (typeof node.attributes)[string] | undefined
      if (body?.kind !== 'graph') return refuse(node, 'lacks its body')
      const carried = inputs.slice(2).map((_, index) => required(context, index + 2))
      const { inputs: taken, outputs: made } = body.value
      if (taken.length !== carried.length + 2 || made.length < carried.length + 1 || node.outputs.length !== made.length - 1) {
        refuse(node, `carries ${carried.length} values and has ${node.outputs.length} outputs, but its body takes ${taken.length - 2} and makes ${made.length - 1}`)
      }
      carried.forEach((value, index) => {
        const types = [taken[index + 2].type, made[index + 1].value.type]
        if (types.some((type) => type !== value.type)) refuse(node, `carries ${value.type}, which its body takes as ${types[0]} and makes as ${types[1]}`)
      })
      const collected = made.slice(carried.length + 1).map(({ value: { type, shape } }) => ({ type, shape: [`${node.name}.rounds`, ...shape] }))
      return [...carried.map(({ type, shape }) => ({ type, shape })), ...collected]
    },
  },
}
