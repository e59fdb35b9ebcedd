import type { PipelineEntry, TargetChoice } from '../../shared/contract'
import { call } from '../bridge'
import { TARGET } from '../texts/library'
import { useLayout } from './layout'
import { useNotices } from './notices'
import { usePipelines } from './pipelines'

/**
 * Makes these what the chosen pipeline looks for, or, where it has no detector with targets, the matched filter that comes
 * with Cuvette; templates are copied into the project. Leads to the pipeline and says what it looks for now.
 */
export async function useAsTarget(targets: TargetChoice[], called: string): Promise<void> {
  const notices = useNotices()
  const pipelines = usePipelines()
  await notices.attempt(async () => {
    const pipeline = [pipelines.selected, ...byLikeness(pipelines.pipelines)].find((each) => each && hasTargets(each))
    if (!pipeline) {
      notices.add('info', TARGET.noPipeline)
      return
    }
    const written = await call('pipelines.setTargets', { pipelineId: pipeline.id, targets })
    await pipelines.load()
    pipelines.selectedId = written.id
    useLayout().show('pipeline')
    notices.add('success', TARGET.done(called, written.name))
  })
}

/** The matched filter first. */
function byLikeness(pipelines: readonly PipelineEntry[]): PipelineEntry[] {
  const rank = ({ summary }: PipelineEntry): number => (summary.nodes.some(({ type }) => type === 'MatchedFilter') ? 0 : 1)
  return [...pipelines].sort((one, other) => rank(one) - rank(other))
}

function hasTargets({ summary }: PipelineEntry): boolean {
  const { describe } = usePipelines()
  return summary.nodes.some(({ type }) => describe(type)?.parameters.some((parameter) => parameter.type === 'targets'))
}
