import { writeFileAtomic } from '../files/atomic'
import type { WorkContext } from '../inference/work'
import { reportContent } from './content'
import { reportPage } from './page'

/** Name of the report in the folder of a trained pipeline. */
export const REPORT_FILE = 'report.html'

/** Writes the report of a trained-pipeline folder. Returns sentences about what is missing in it. Throws CuvetteError; then nothing was written. */
export async function writeReport(folder: string, path: string, context: WorkContext): Promise<string[]> {
  const content = await reportContent(folder, context)
  await writeFileAtomic(path, await reportPage(content))
  return content.notes
}
