import type { AnyEvent, EventName, Events } from '../shared/contract'

/** Announces what happened to every open page. Events state facts; nobody is driven by them. */
export class EventStream {
  private readonly listeners = new Set<(event: AnyEvent) => void>()

  /** Returns how to stop listening. */
  listen(listener: (event: AnyEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  emit<N extends EventName>(name: N, value: Events[N]): void {
    const event = { name, value } as AnyEvent
    for (const listener of [...this.listeners]) {
      try {
        listener(event)
      } catch {
        // A page that is just closing must not break the others.
      }
    }
  }
}
