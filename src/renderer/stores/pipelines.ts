import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { PipelineEntry } from '../../shared/contract'
import type { NodeDescription, PipelineSummary } from '../../shared/nodes'
import type { Problem } from '../../shared/problem'
import { toProblem } from '../../shared/problem'
import { call } from '../bridge'
import { useCubes } from './cubes'

/** The pipelines one can choose, the chosen one, and what is wrong with it for the cube that is looked at. */
export const usePipelines = defineStore('pipelines', () => {
  const cubes = useCubes()
  const pipelines = shallowRef<PipelineEntry[]>([])
  const catalogue = shallowRef<NodeDescription[]>([])
  const selectedId = ref<string | null>(null)
  const loaded = ref(false)
  /** The chosen pipeline checked against the active cube; null while it is being checked. */
  const checked = shallowRef<PipelineSummary | null>(null)
  const checkProblem = shallowRef<Problem | null>(null)

  const selected = computed(() => pipelines.value.find((pipeline) => pipeline.id === selectedId.value) ?? null)
  const summary = computed(() => checked.value ?? selected.value?.summary ?? null)
  const problems = computed<Problem[]>(() => {
    if (checkProblem.value) return [checkProblem.value]
    return checked.value ? [...checked.value.problems, ...checked.value.nodes.flatMap((node) => node.problems)] : []
  })

  async function load(): Promise<void> {
    const [list, nodes] = await Promise.all([call('pipelines.list', {}), call('nodes.catalogue', {})])
    pipelines.value = [...list].sort((a, b) => a.origin.localeCompare(b.origin) || a.name.localeCompare(b.name))
    catalogue.value = nodes
    loaded.value = true
    if (!selected.value) selectedId.value = preferred(pipelines.value)?.id ?? null
  }

  function describe(type: string): NodeDescription | null {
    return catalogue.value.find((node) => node.type === type || node.aliases.includes(type)) ?? null
  }

  let asked = 0
  async function check(): Promise<void> {
    const pipeline = selected.value
    asked += 1
    const mine = asked
    checked.value = null
    checkProblem.value = null
    if (!pipeline) return
    try {
      const result = await call('pipelines.check', { text: pipeline.text, cubeId: cubes.activeId, pipelineId: pipeline.id })
      if (mine === asked) checked.value = result
    } catch (error) {
      if (mine === asked) checkProblem.value = toProblem(error)
    }
  }

  watch([selected, () => cubes.active?.id, () => cubes.active?.version], () => void check())

  return { pipelines, catalogue, selectedId, selected, summary, checked, checkProblem, problems, loaded, load, check, describe }
})

/** Deep SVDD is what a first session trains. */
function preferred(list: PipelineEntry[]): PipelineEntry | undefined {
  return list.find((pipeline) => pipeline.summary.nodes.some((node) => node.type === 'DeepSVDDProjection')) ?? list[0]
}
