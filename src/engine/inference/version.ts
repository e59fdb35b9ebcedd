import { version } from '../../../package.json'

/** Version of this application, as trained pipelines record it. */
export const CUVETTE_VERSION: string = version

/** What a result may depend on besides the pipeline and the data. */
export async function runtimeVersions(): Promise<Record<string, string>> {
  const { env } = await import('onnxruntime-node')
  return {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    onnxruntime: env.versions.node ?? env.versions.common,
  }
}
