/** The data sources and their connections, asked every two seconds while the window is seen. */

import { gql } from '../api/http';
import { SOURCES } from '../api/queries';
import type { Source } from '../api/types';
import type { Micros } from '../lib/time';
import { link } from './link.svelte';
import { notes } from './notes.svelte';

export interface SourceEvent {
  source: string;
  time: Micros;
  kind: string;
  detail: string;
}

export interface Heard {
  sources: Source[];
  stateEvents: { nodes: SourceEvent[] };
}

class Sources {
  /** The newest things that happened to any source. */
  events = $state.raw<SourceEvent[]>([]);
  all = $state.raw<Source[]>([]);
  readonly #byName = $derived(new Map(this.all.map((s) => [s.name, s])));

  /** Sources that should be connected and are not. */
  readonly lost = $derived(this.all.filter((s) => s.enabled && s.connected === false));
  readonly enabled = $derived(this.all.filter((s) => s.enabled));
  readonly connected = $derived(this.all.filter((s) => s.enabled && s.connected));

  of(name: string): Source | undefined {
    return this.#byName.get(name);
  }

  async load(): Promise<void> {
    try {
      this.take(await gql<Heard>(SOURCES));
      notes.solved('sources');
    } catch (error) {
      notes.problem('sources', error);
    }
  }

  take(found: Heard): void {
    this.all = found.sources;
    this.events = found.stateEvents.nodes;
  }

  run(): () => void {
    const timer = setInterval(() => {
      if (!document.hidden && link.open) void this.load();
    }, 2000);
    if (!this.all.length) void this.load();
    return () => {
      clearInterval(timer);
    };
  }
}

export const sources = new Sources();
