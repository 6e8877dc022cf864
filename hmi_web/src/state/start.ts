/** The first question answers for everybody: who is in, the observatory, its sources, the first values. So the first picture is whole. */

import { gql } from '../api/http';
import { question } from '../api/first';
import type { Me, PointTable } from '../api/types';
import { clock } from './clock.svelte';
import { observatory, type Known } from './observatory.svelte';
import { points } from './points.svelte';
import { session } from './session.svelte';
import { sources, type Heard } from './sources.svelte';

type First = Known & Heard & { me: Me; pointTable: PointTable };

/** Makes the session ask for all of it at once. */
export function prepare(): void {
  session.asking = async () => {
    const { query, variables } = question(location.hash);
    const found = await gql<First>(query, variables);
    clock.hear(found.pointTable.serverTime);
    sources.take(found);
    observatory.take(found);
    points.know(found.pointTable);
    return found.me;
  };
}
