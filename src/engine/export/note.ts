import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { ExportCheck } from '../../shared/reports'
import { writeFileAtomic } from '../files/atomic'
import { PIPELINE_FILES } from '../inference/trained-pipeline'
import type { TrainedRecord } from '../inference/trained-pipeline'

/** Writes into the run.json of a trained pipeline how an export of it was checked; the last one to each target stays. */
export async function noteCheck(folder: string, check: ExportCheck): Promise<void> {
  const path = join(folder, PIPELINE_FILES.record)
  const record = JSON.parse(await readFile(path, 'utf8')) as TrainedRecord
  const exports = [...(record.exports ?? []).filter(({ to }) => to !== check.to), check]
  await writeFileAtomic(path, `${JSON.stringify({ ...record, exports }, null, 2)}\n`)
}

/** The same where the export is done and stands; a sentence when the pipeline's own folder cannot be written. */
export async function noteFinished(folder: string, check: ExportCheck): Promise<string[]> {
  try {
    await noteCheck(folder, check)
    return []
  } catch (error) {
    if (!(error instanceof CuvetteError) && !(error as NodeJS.ErrnoException).code) throw error
    return [`How the export was checked is not noted in ${join(folder, PIPELINE_FILES.record)}: ${error instanceof Error ? error.message : String(error)}`]
  }
}
