/** The platform's own state, once a second: services, systems, hops. */

import { PIPELINE_STATUS } from '../api/queries';
import type { Pipeline } from '../api/types';
import { clock } from './clock.svelte';
import { link } from './link.svelte';
import { notes } from './notes.svelte';

class PipelineState {
  now = $state.raw<Pipeline | null>(null);

  run(): () => void {
    return link.socket.subscribe<{ pipelineStatus: Pipeline }>(
      PIPELINE_STATUS,
      {},
      {
        next: ({ pipelineStatus }) => {
          this.now = pipelineStatus;
          clock.hear(pipelineStatus.time);
          link.hear();
          notes.solved('pipeline');
        },
        error: (why) => {
          notes.problem('pipeline', new Error(why));
        },
      },
    );
  }
}

export const pipeline = new PipelineState();
