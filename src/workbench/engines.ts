import type { EngineEntry, MemoryUse } from '../shared/contract'
import type { DeviceReport } from '../shared/device'
import type { LinkTiming } from './engine-link'
import { EngineLink } from './engine-link'
import type { EventStream } from './events'
import type { Host } from './host'

const MEMORY_EVERY_MS = 3000

const UNKNOWN_DEVICE: DeviceReport = { device: 'cpu', reason: 'The devices of this machine are still being looked for.' }

/** Both engine processes, and what is known of the device that computes. */
export class Engines {
  readonly browse: EngineLink
  readonly compute: EngineLink
  device = UNKNOWN_DEVICE
  private watching: NodeJS.Timeout | undefined

  constructor(host: Host, private readonly events: EventStream, timing?: Partial<LinkTiming>) {
    const tell = (entry: EngineEntry) => events.emit('engine', entry)
    this.browse = new EngineLink('browse', () => host.startEngine('browse'), tell, timing)
    this.compute = new EngineLink('compute', () => host.startEngine('compute'), tell, timing)
  }

  boot(): void {
    this.browse.start()
    this.compute.start()
    void this.probe()
    this.watching = setInterval(() => this.events.emit('memory', this.memory), MEMORY_EVERY_MS)
    this.watching.unref()
  }

  private get memory(): MemoryUse {
    return { workbench: process.memoryUsage.rss(), browse: this.browse.memory, compute: this.compute.memory }
  }

  async shutdown(): Promise<void> {
    clearInterval(this.watching)
    await Promise.all([this.browse.close(), this.compute.close()])
  }

  get entries(): EngineEntry[] {
    return [this.browse.state, this.compute.state]
  }

  /** A device that cannot be found out is no reason to stop: the reason is shown instead. */
  private async probe(): Promise<void> {
    try {
      this.device = await this.compute.call('device.probe', { device: 'auto' })
    } catch (error) {
      this.device = { device: 'cpu', reason: error instanceof Error ? error.message : String(error) }
    }
    this.events.emit('device', this.device)
  }
}
