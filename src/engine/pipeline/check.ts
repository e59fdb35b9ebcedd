import type { Problem } from '../../shared/problem'
import { CuvetteError } from '../../shared/problem'
import type { AnalysedNode, Finding } from './analysis'
import { analyse } from './analysis'
import type { PipelineDocument } from './document'
import { withoutLabelMappers } from './label-mappers'
import { fileKey } from './node-files'
import type { CubeFacts, Pipeline, PipelineNode } from './pipeline'
import { readTrainer } from './read-trainer'
import type { TrainerOverrides, TrainerSettings } from './trainer'
import { place } from './yaml-source'

export interface CheckedDocument {
  nodes: AnalysedNode[]
  trainer: TrainerSettings | null
  findings: Finding[]
  /** What is good to know, and hinders nothing. */
  warnings: Finding[]
}

/** Nodes with settled parameters and channels, the trainer's settings, and whatever is wrong with either. */
export function checkDocument(document: PipelineDocument, facts: CubeFacts | null, overrides?: TrainerOverrides): CheckedDocument {
  const { nodes, findings, warnings } = analyse(document, facts)
  const { settings, faults } = readTrainer(document, nodes, overrides)
  const inTrainer = faults.map(({ key, message }): Finding => ({ node: null, problem: { code: 'bad-pipeline', message, path: document.path, where: placeInTrainer(document, key) } }))
  return { nodes, trainer: settings, findings: [...findings, ...inTrainer], warnings: [...document.warnings.map((problem): Finding => ({ node: null, problem })), ...warnings] }
}

/** Training runs of the repository dialect say the same under other keys. */
function placeInTrainer(document: PipelineDocument, key: string): string {
  const places = [key, key.replace(/^trainer/, 'training'), key.replace(/^trainer/, 'training.trainer')].map((one) => ({ key: one, line: document.lineOf(one) }))
  const found = places.find(({ line }) => line > 0)
  return found ? place(found.key, found.line) : place(key, document.lineOf('trainer') || document.lineOf('training'))
}

/** Every problem of a document, most of them known before a cube is; with `facts`, also those of channels and wavelengths. */
export function checkPipeline(document: PipelineDocument, facts: CubeFacts | null): Problem[] {
  return checkDocument(document, facts).findings.map(({ problem }) => problem)
}

/**
 * The pipeline of a document on cubes of the given facts, nodes in the order of running, without those
 * of unknown types that nothing needs. Throws
 * CuvetteError('bad-pipeline') with the first problem and the number of others.
 */
export function resolvePipeline(document: PipelineDocument, facts: CubeFacts, overrides: TrainerOverrides = {}): Pipeline {
  const { nodes, trainer, findings, warnings } = checkDocument(document, facts, overrides)
  if (findings.length > 0) throw firstOf(findings.map(({ problem }) => problem))
  return { name: document.name, description: document.description, document, nodes: withoutLabelMappers(nodes.filter(({ skipped }) => !skipped).map((node) => resolved(node, document))), facts, trainer, warnings: warnings.map(({ problem }) => problem.message) }
}

function resolved({ written, type, parameters, inputs, channels, stages }: AnalysedNode, document: PipelineDocument): PipelineNode {
  if (!type) throw new CuvetteError('internal', `The node ${written.name} was resolved without a type.`)
  const files = (type.files ?? []).flatMap((parameter) => {
    const file = document.files?.get(fileKey(written.name, parameter))
    return file ? [[parameter, file] as const] : []
  })
  return { name: written.name, type, parameters, inputs, channels, ...(stages && { stages }), ...(files.length > 0 && { files: Object.fromEntries(files) }) }
}

function firstOf(problems: readonly Problem[]): CuvetteError {
  const [{ code, message, path, where }, ...others] = problems
  const more = others.length === 0 ? '' : ` (and ${others.length} more problem${others.length === 1 ? '' : 's'})`
  return new CuvetteError(code, message.replace(/([.?]?)$/, `${more}$1`), { path, where })
}
