import { Command, Option } from 'commander'
import { FIT_MEMORY_MB } from '../shared/memory'
import { choicesOf, deviceOption, EXPORT_TARGETS, finiteNumber, namedNumber, namesOf, positiveNumber, REGION_FORMATS, RUN_FORMATS, wholeNumber } from './arguments'
import type { BatchOptions } from './commands/batch'
import type { ExportOptions } from './commands/export'
import type { FitOptions } from './commands/fit'
import type { RunOptions } from './commands/run'
import type { WorkerOptions } from './commands/worker'
import type { Outcome } from './outcome'
import type { Terminal } from './terminal'

/** How long a queue may be away before batch and worker give up, and a worker silent before its cube goes to another. */
const PATIENCE_SECONDS = 30
const LEASE_SECONDS = 30

/** Carries out one command and prints what came of it. */
export type Conclude = (work: () => Promise<Outcome>) => Promise<void>

/**
 * The commands and their options. Each loads its own part of the engine when it is called, so that a
 * help text or a wrong option does not wait for onnxruntime.
 */
export function cuvetteProgram(version: string, terminal: Terminal, conclude: Conclude): Command {
  const program = new Command('cuvette')
    .description('Offline workbench for hyperspectral cubes: look, train, threshold, export to ONNX.')
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()

  const command = (name: string, description: string): Command =>
    program.command(name).description(description).option('--json', 'print one JSON document on stdout and nothing else')

  command('info', 'header, shape, wavelengths and warnings of a cube; names and wavelengths of a spectral library')
    .argument('<cube>', 'file, optionally with #variable; or a spectral library (.sli, .csv)')
    .action((cube: string) => conclude(async () => (await import('./commands/info')).info(cube)))

  command('nodes', 'the catalogue of nodes with ports and parameters')
    .argument('[types...]', 'show everything about these')
    .action((types: string[]) => conclude(async () => (await import('./commands/nodes')).nodes(types)))

  command('check', 'validate a pipeline document')
    .argument('<pipeline>', 'YAML file')
    .option('--data <cube>', 'check channel counts and wavelengths against this cube, too')
    .action((pipeline: string, options: { data?: string }) => conclude(async () => (await import('./commands/check')).check(pipeline, options.data)))

  command('fit', 'train a pipeline: statistics first, then gradients')
    .argument('[pipeline]', 'YAML file')
    .option('--artifacts <folder>', 'instead of a pipeline: training artifacts that were made elsewhere, trained on --data for --epochs')
    .option('--batch <pixels>', 'with --artifacts: pixels in a batch; default: 1024', wholeNumber(1))
    .option('--input <name=number>', 'with --artifacts: a number for a further input of the models; may be repeated', namedNumber)
    .option('--data <cube...>', "cubes or folders of cubes to train on; default: the document's data section")
    .option('--mask <mask...>', 'their masks, in the same order; default: found beside or inside each cube')
    .option('--val <cube...>', "cubes for validation; default: the document's data section, else those of --data")
    .option('--val-mask <mask...>', 'masks of the validation cubes')
    .option('--test <cube...>', 'cubes that are scored after the training')
    .option('--test-mask <mask...>', 'masks of the test cubes')
    .requiredOption('--out <folder>', 'the trained-pipeline folder to write')
    .option('--epochs <n>', 'instead of the number in the document', wholeNumber(1))
    .option('--seed <n>', 'of every random number', wholeNumber(0, 2 ** 32 - 1))
    .option('--learning-rate <rate>', 'instead of the one in the document', positiveNumber)
    .option('--memory <MB>', `budget for pixels in memory; with less, training draws from fewer; default: ${FIT_MEMORY_MB}`, positiveNumber)
    .addOption(deviceOption())
    .option('--from <folder>', 'start from this trained pipeline: its nodes of the same name, type and shapes are taken over')
    .option('--resume', 'continue from the checkpoint in --out')
    .option('--report', 'also write report.html, a printable page, into --out')
    .action((pipeline: string | undefined, options: FitOptions, self: Command) => {
      const wrong = wrongFit(pipeline, options)
      if (wrong !== null) self.error(`error: ${wrong}`)
      return conclude(async () => {
        if (pipeline === undefined) return (await import('./commands/fit-artifacts')).fitArtifacts(options, terminal)
        return (await import('./commands/fit')).fit(pipeline, options, terminal)
      })
    })

  /** What is written of each cube, and how it is computed: for run and batch. */
  const scoring = (of: Command): Command => of
    .option('--format <formats>', `${RUN_FORMATS.join(', ')}, or several separated by commas; default: envi`, choicesOf(RUN_FORMATS))
    .option('--regions <kinds>', 'list the connected regions of flagged pixels: coco, csv or both', choicesOf(REGION_FORMATS))
    .addOption(new Option('--connectivity <n>', 'neighbours that make a region: 4 share a side, 8 share a side or a corner').choices(['4', '8']).default('8'))
    .option('--min-area <pixels>', 'leave smaller regions out of the lists; default: 1', wholeNumber(1))
    .option('--images <ports>', 'further images of the pipeline, node.port; rgb: every false-colour image of a selector', namesOf)
    .option('--threshold <score>', "instead of the decider's own rule", finiteNumber)
    .option('--memory <MB>', 'budget for pixels in memory', positiveNumber)
    .addOption(deviceOption())

  scoring(command('run', 'scores and decisions of cubes, by a trained pipeline')
    .argument('<folder>', 'trained-pipeline folder, or X.yaml with its weights X.pt beside it')
    .requiredOption('--data <cube...>', 'cubes to score')
    .option('--mask <mask...>', 'their masks, in the same order; default: found beside or inside each cube')
    .requiredOption('--out <folder>', 'where scores, decisions and metrics.json go'))
    .action((folder: string, options: RunOptions) => conclude(async () => (await import('./commands/run')).run(folder, options, terminal)))

  scoring(command('batch', 'the same of many cubes, each into a folder of its own; goes on where it was interrupted')
    .argument('<folder>', 'trained-pipeline folder, or X.yaml with its weights X.pt beside it')
    .requiredOption('--data <cube...>', 'cubes or folders of cubes to score')
    .option('--mask <mask...>', 'their masks, in the same order; default: found beside or inside each cube')
    .requiredOption('--out <folder>', 'where a folder for each cube and batch.json go'))
    .option('--processes <n>', 'cubes that this machine scores at a time', wholeNumber(1, 256), 1)
    .option('--queue <url>', 'let workers score them that take cubes from this Redis: redis://host:6379')
    .option('--patience <seconds>', 'how long a queue may be away', positiveNumber, PATIENCE_SECONDS)
    .action((folder: string, options: BatchOptions) => conclude(async () => (await import('./commands/batch')).batch(folder, options, terminal)))

  command('worker', 'score cubes that "cuvette batch --queue" put into a queue')
    .requiredOption('--queue <url>', 'the Redis to take them from: redis://host:6379')
    .option('--processes <n>', 'cubes at a time', wholeNumber(1, 256), 1)
    .option('--lease <seconds>', 'a worker that is silent for so long counts as dead, and its cube goes to another', positiveNumber, LEASE_SECONDS)
    .option('--patience <seconds>', 'how long the queue may be away', positiveNumber, PATIENCE_SECONDS)
    .option('--until-empty', 'end when the queue is empty instead of waiting for more')
    .action((options: WorkerOptions) => conclude(async () => (await import('./commands/worker')).worker(options, terminal)))

  command('report', 'one printable HTML page about a trained pipeline')
    .argument('<folder>', 'trained-pipeline folder')
    .option('--out <file>', 'default: report.html in the folder')
    .action((folder: string, options: { out?: string }) => conclude(async () => (await import('./commands/report')).report(folder, options, terminal)))

  command('export', 'a trained pipeline for other places')
    .argument('<folder>', 'trained-pipeline folder, or X.yaml with its weights X.pt beside it')
    .option('--data <cube>', 'a cube with the bands of an X.yaml that does not state them')
    .option('--threshold <score>', 'the decider uses it instead of its own rule', finiteNumber)
    .option('--port <node.port...>', 'with --to onnx: what the model gives out beside scores and decisions')
    .addOption(new Option('--to <target>', 'what to write').choices(EXPORT_TARGETS).makeOptionMandatory())
    .requiredOption('--out <folder>', 'where to write it')
    .action((folder: string, options: ExportOptions) => conclude(async () => (await import('./commands/export')).exportTo(folder, options, terminal)))

  command('serve', 'the workbench in a browser, on this machine only')
    .argument('[project]', 'project folder; default: the one that was open last, the first time the sample project')
    .option('--port <n>', 'default: a free one', wholeNumber(0, 65535))
    .action((project: string | undefined, options: { port?: number; json?: boolean }) =>
      conclude(async () => (await import('./commands/serve')).serve(project, options, terminal)),
    )

  command('open', 'the desktop window')
    .argument('[project]', 'project folder; default: the one that was open last, the first time the sample project')
    .action((project: string | undefined) => conclude(async () => (await import('./commands/open')).open(project)))

  return program
}

/** What is wrong with the usage of fit; null: nothing. */
function wrongFit(pipeline: string | undefined, options: FitOptions): string | null {
  if (pipeline === undefined && options.artifacts === undefined) return 'name a pipeline document, or a folder with --artifacts.'
  if (options.artifacts === undefined) {
    if (options.batch !== undefined || options.input !== undefined) return '--batch and --input go with --artifacts; a pipeline document states its batch.'
    return null
  }
  if (pipeline !== undefined) return 'name either a pipeline document or a folder with --artifacts.'
  if (options.data === undefined || options.epochs === undefined) return '--artifacts also needs --data and --epochs.'
  if (options.test !== undefined || options.testMask !== undefined || options.from !== undefined || options.resume === true) return '--test, --test-mask, --from and --resume go with a pipeline document; artifacts go on from their checkpoint.'
  return null
}
