export type DeviceChoice = 'auto' | 'cuda' | 'webgpu' | 'dml' | 'coreml' | 'cpu'
export type DeviceName = Exclude<DeviceChoice, 'auto'>

/** What ran, and why nothing better did. */
export interface DeviceReport {
  device: DeviceName
  /** One sentence, e.g. "CUDA: libonnxruntime_providers_cuda.so is not installed: npm run setup:cuda". */
  reason: string
}
