/** Problems of the HMI itself, one per subject, until it is solved. They are shown in the shell, never swallowed. */

import { SvelteMap } from 'svelte/reactivity';
import { ApiError } from '../api/http';

class Notes {
  readonly problems = new SvelteMap<string, string>();

  problem(subject: string, error: unknown): void {
    if (error instanceof DOMException && error.name === 'AbortError') return;
    if (error instanceof ApiError && error.code === 'UNAUTHENTICATED') return;
    this.problems.set(subject, error instanceof Error ? error.message : String(error));
  }

  solved(subject: string): void {
    this.problems.delete(subject);
  }
}

export const notes = new Notes();
