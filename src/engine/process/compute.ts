import type { HandlerTable } from './serve'

/** The long works. onnxruntime is loaded on the first call, so that the process is ready at once. */
export function computeHandlers(): HandlerTable {
  return {
    'device.probe': async ({ device }) => {
      const { probeDevice } = await import('../onnx/device')
      return await probeDevice(device)
    },
    fit: async (request, context) => {
      const { fitPipeline } = await import('../training/fit')
      return await fitPipeline(request, context)
    },
    run: async (request, context) => {
      const { runPipeline } = await import('../inference/run')
      return await runPipeline(request, context)
    },
    'pipeline.bands': async ({ pipelineFolder }) => {
      const { bandReport } = await import('../inference/band-report')
      return await bandReport(pipelineFolder)
    },
    export: async (request, context) => {
      const { exportPipeline } = await import('../export/export')
      return await exportPipeline(request, context)
    },
  }
}
