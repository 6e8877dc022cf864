/** The first question of a window, asked before the application is loaded: who is in, the observatory, and the Array page's values. */

import { ARRAY_GROUPS } from '../lib/telescope';
import { HOME, parseRoute } from '../lib/route';

export const FIRST = `query First($groups: [String!]!) {
  me { user role expires }
  site { name title latitude longitude height }
  assets { name title type parent position { east north } points }
  revision { revision newest points }
  sources { name protocol url asset enabled points connected since detail }
  stateEvents(first: 3) { nodes { source time kind detail } }
  pointTable(groups: $groups) { revision serverTime points definitions columns }
}`;

export interface Asked {
  query: string;
  variables: Record<string, unknown>;
}

/** What is to be asked for the page in the address. */
export const question = (hash: string): Asked => ({
  query: FIRST,
  variables: { groups: parseRoute(hash).page === HOME ? ARRAY_GROUPS : [] },
});

export const HEADERS = { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' };

let waiting: { asked: string; answer: Promise<Response> } | undefined;

/** Asks, and keeps the answer for whoever puts the same question. */
export function askAhead(asked: Asked): void {
  const body = JSON.stringify(asked);
  const answer = fetch('/graphql', { method: 'POST', credentials: 'same-origin', headers: HEADERS, body });
  answer.catch(() => undefined); // whoever takes it is told
  waiting = { asked: body, answer };
}

/** The answer to a question asked ahead, once. */
export function askedAhead(body: string): Promise<Response> | undefined {
  const found = waiting?.asked === body ? waiting.answer : undefined;
  if (found) waiting = undefined;
  return found;
}
