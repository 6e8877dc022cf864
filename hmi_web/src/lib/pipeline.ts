/** Reading the loss ledger. Pure. */

import type { Hop, Instance } from '../api/types';
import { bytes } from './format';
import { natural } from './order';
import { span, type Micros } from './time';

/** Causes that the configuration asked for: what was filtered is not missing. */
export const WANTED_LOSS: ReadonlySet<string> = new Set([
  'filtered',
  'duplicate',
  'window',
  'unchanged',
  'suppressed',
  'quality',
  'deadband',
  'already_stored',
]);

const stage = (h: Hop): string => h.name.split('.')[0] ?? h.name;

/** Memory and age of a service: of its process, or of all of them. Instances that share a process are counted once. */
export function vitals(instances: readonly Pick<Instance, 'host' | 'pid' | 'rss' | 'started'>[], now: Micros): string {
  const processes = [...new Map(instances.map((i) => [`${i.host} ${i.pid.toString()}`, i])).values()];
  const memory = bytes(sum(processes.map((p) => p.rss))).replace(/\.\d+(?= [kM]B)/, '');
  const [one, ...others] = processes;
  if (!one) return '';
  return others.length ? `${memory}, ${processes.length.toString()} processes` : `${memory}, up ${span(now - one.started)}`;
}

/** Samples per second that came in from devices. */
export function received(hops: readonly Hop[]): number {
  const first = hops.filter((h) => h.name === 'collector.receive');
  return sum((first.length ? first : hops.filter((h) => stage(h) === 'collector')).map((h) => h.rateIn));
}

/** Samples that ended somewhere although nobody asked for it, since the services started. */
export function lostWithoutConsent(hops: readonly Hop[]): number {
  return sum(hops.flatMap((h) => h.lost.filter((l) => !WANTED_LOSS.has(l.cause.toLowerCase())).map((l) => l.count)));
}

export interface HopGroup {
  name: string;
  total: Hop;
  parts: Hop[];
}

/** Hops of one name together, in the order data flows. */
export function grouped(hops: readonly Hop[]): HopGroup[] {
  const names = [...new Set(hops.map((h) => h.name))].sort((a, b) => place(a) - place(b) || natural(a, b));
  return names.map((name) => {
    const parts = hops.filter((h) => h.name === name).sort((a, b) => natural(a.source, b.source));
    return { name, parts, total: together(name, parts) };
  });
}

const FLOW = [
  'simulator',
  'collector.receive',
  'collector.process',
  'collector',
  'bus',
  'dispatcher',
  'mon_queue',
  'archive',
  'hmi_backend',
  'hmi',
];

function place(name: string): number {
  const exact = FLOW.indexOf(name);
  if (exact >= 0) return exact;
  const room = FLOW.indexOf(name.split('.')[0] ?? '');
  return room < 0 ? FLOW.length : room + 0.5;
}

function together(name: string, parts: readonly Hop[]): Hop {
  const lost = new Map<string, number>();
  for (const p of parts) for (const l of p.lost) lost.set(l.cause, (lost.get(l.cause) ?? 0) + l.count);
  const least = (xs: (number | null)[]): number | null =>
    xs.reduce<number | null>((m, x) => (x === null ? m : m === null ? x : Math.min(m, x)), null);
  const most = (xs: (number | null)[]): number | null =>
    xs.reduce<number | null>((m, x) => (x === null ? m : m === null ? x : Math.max(m, x)), null);
  return {
    name,
    source: '',
    in: sum(parts.map((p) => p.in)),
    out: sum(parts.map((p) => p.out)),
    lost: [...lost].map(([cause, count]) => ({ cause, count })),
    lostTotal: sum(parts.map((p) => p.lostTotal)),
    inside: sum(parts.map((p) => p.inside)),
    rateIn: sum(parts.map((p) => p.rateIn)),
    rateOut: sum(parts.map((p) => p.rateOut)),
    last: most(parts.map((p) => p.last)),
    age: least(parts.map((p) => p.age)),
    lag: most(parts.map((p) => p.lag)),
  };
}

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
