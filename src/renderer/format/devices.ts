import type { DeviceReport } from '../../shared/device'

const NAMES: Record<DeviceReport['device'], string> = { cpu: 'CPU', cuda: 'CUDA', webgpu: 'WebGPU', dml: 'DirectML', coreml: 'CoreML' }

export function deviceName(report: DeviceReport): string {
  return NAMES[report.device] ?? report.device
}

/** The reason without the name that it often begins with: the name stands before it already. */
export function deviceReason(report: DeviceReport): string {
  const name = `${deviceName(report)}: `
  return report.reason.startsWith(name) ? report.reason.slice(name.length) : report.reason
}
