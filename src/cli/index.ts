import { CommanderError } from 'commander'
import { applicationRoot, placesUnder } from '../workbench/places'
import { EXIT, conclude, print } from './outcome'
import { cuvetteProgram } from './program'
import { terminalOn } from './terminal'

// Entry of the command line. Exit codes: 0 done, 1 failed with one sentence, 2 wrong usage.

const argv = process.argv.slice(2)
const json = argv.includes('--json')
const terminal = terminalOn(process.stderr)

// The reader of a pipe may have seen enough: `cuvette nodes | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const program = cuvetteProgram(placesUnder(applicationRoot()).version, terminal, async (work) => {
  process.exitCode = await conclude(work, json, terminal)
})
// With --json wrong usage is a document as well, so commander must not write its own lines.
const speak = (text: string): void => void (json || process.stderr.write(text))
for (const command of [program, ...program.commands]) command.configureOutput({ writeErr: speak })

try {
  await program.parseAsync(argv, { from: 'user' })
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Commander ends --help and --version this way, too.
  process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.wrongUsage
  if (json && error.exitCode !== 0) print({ error: { code: 'bad-argument', message: usageSentence(error) } })
}

function usageSentence(error: CommanderError): string {
  if (error.code === 'commander.help') return 'No command was given; `cuvette --help` lists them.'
  const text = error.message.replace(/^error: /, '').replaceAll('\n', ' ').trim()
  const sentence = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.?!)]$/.test(sentence) ? sentence : `${sentence}.`
}
