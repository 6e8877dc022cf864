/** The platform's own state, once a second: services, systems, hops. */

import { PIPELINE_STATUS } from '../api/queries';
import type { Pipeline } from '../api/types';
import { clock } from './clock.svelte';
import { link } from './link.svelte';

class PipelineState {
  now = $state.raw<Pipeline | null>(null);

  run(): () => void {
    return link.follow<{ pipelineStatus: Pipeline }>('pipeline', PIPELINE_STATUS, {}, ({ pipelineStatus }) => {
      this.now = pipelineStatus;
      clock.hear(pipelineStatus.time);
    });
  }
}

export const pipeline = new PipelineState();
