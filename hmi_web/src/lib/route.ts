/** The address after `#` holds page, selection and time, so that a link shows what its sender saw. */

import { date, clock, parse, parseSpan, spanCode, type Micros } from './time';

/** LIVE follows now with a span; FIXED stays between two moments. */
export type TimeChoice = { mode: 'live'; span: number } | { mode: 'fixed'; from: Micros; to: Micros };

export interface Route {
  page: string;
  /** What the page is about: a telescope, a point, a document. */
  subject: string;
  /** Further choices of the page. */
  params: Record<string, string>;
  time: TimeChoice;
}

export const HOME = 'array';
export const LIVE_HOUR: TimeChoice = { mode: 'live', span: 3600e6 };

/** Microseconds are kept: `2026-11-22T02:14:37.000001`. */
function isoMicros(t: Micros): string {
  const fraction = (t % 1e6).toString().padStart(6, '0').replace(/0+$/, '');
  return `${date(t)}T${clock(t)}${fraction ? `.${fraction}` : ''}`;
}

/** Reads an address; whatever is missing or wrong becomes the Array page, live, one hour. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [page = '', ...rest] = path.split('/');
  const params = Object.fromEntries(new URLSearchParams(query));
  const time = readTime(params);
  for (const key of ['range', 'from', 'to']) Reflect.deleteProperty(params, key);
  return { page: page || HOME, subject: rest.map(decodeURIComponent).join('/'), params, time };
}

function readTime(params: Record<string, string>): TimeChoice {
  const from = parse(params['from'] ?? '', 0);
  const to = parse(params['to'] ?? '', 0);
  if (from !== null && to !== null && to > from) return { mode: 'fixed', from, to };
  const span = parseSpan(params['range'] ?? '');
  return span ? { mode: 'live', span } : LIVE_HOUR;
}

/** Writes an address; parseRoute reads the same route from it. Defaults are left out. */
export function formatRoute(r: Route): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(r.params)) if (v) q.set(k, v);
  if (r.time.mode === 'fixed') {
    q.set('from', isoMicros(r.time.from));
    q.set('to', isoMicros(r.time.to));
  } else if (r.time.span !== 3600e6) q.set('range', spanCode(r.time.span));
  const text = q.toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
  const subject = r.subject ? `/${r.subject.split('/').map(encodeURIComponent).join('/')}` : '';
  return `#${r.page}${subject}${text ? `?${text}` : ''}`;
}
