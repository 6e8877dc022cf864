/** Size and health of the archive, every half minute. */

import { gql } from '../api/http';
import { ARCHIVE } from '../api/queries';
import { notes } from './notes.svelte';

export interface ArchiveStatus {
  samples: number;
  bytes: number;
  bytesPerSample: number | null;
  openSamples: number;
  oldest: number | null;
  newest: number | null;
  diskFree: number;
  daysLeft: number | null;
  classes: { name: string; chunk: number | null; retention: number | null; samples: number; bytes: number }[];
}

/** Nothing on the first picture waits for it. */
const SOON_MS = 500;

class ArchiveState {
  now = $state.raw<ArchiveStatus | null>(null);

  async load(): Promise<void> {
    try {
      this.now = (await gql<{ archive: ArchiveStatus }>(ARCHIVE)).archive;
      notes.solved('archive');
    } catch (error) {
      notes.problem('archive', error);
    }
  }

  run(every = 30_000): () => void {
    const soon = setTimeout(() => void this.load(), SOON_MS);
    const timer = setInterval(() => {
      if (!document.hidden) void this.load();
    }, every);
    return () => {
      clearTimeout(soon);
      clearInterval(timer);
    };
  }
}

export const archive = new ArchiveState();
