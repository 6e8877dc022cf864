/** What the API answers, as far as the HMI asks for it. tests/queries.test.ts checks every document against the published SDL. */

import type { Limits } from '../lib/judge';
import type { Micros } from '../lib/time';

export type PointKind = 'DOUBLE' | 'LONG' | 'BOOL' | 'ENUM' | 'TEXT';
export type Role = 'VIEWER' | 'OPERATOR' | 'ENGINEER' | 'ADMIN';
export type ServiceState = 'STARTING' | 'RUNNING' | 'DEGRADED' | 'STOPPING' | 'STOPPED' | 'FAILED';
export type Method = 'RAW' | 'MINMAX' | 'MEAN' | 'LAST' | 'COUNT';

export interface PointDef {
  name: string;
  unit: string;
  description: string;
  kind: PointKind;
  asset: string;
  device: string;
  address: string;
  group: string;
  sampling: number;
  deadband: number;
  archiveClass: string;
  limits: Limits;
  range: { low: number; high: number } | null;
  labels: { value: number; label: string }[];
}

export interface Asset {
  name: string;
  title: string;
  type: string;
  parent: string | null;
  position: { east: number; north: number } | null;
  points: number;
}

export interface Site {
  name: string;
  title: string;
  latitude: number;
  longitude: number;
  height: number;
  /** Seconds the sky runs ahead of UTC; not 0 in a demo alone. */
  skyShift: number;
}

export interface Source {
  name: string;
  protocol: string;
  url: string;
  asset: string;
  enabled: boolean;
  points: number;
  connected: boolean | null;
  since: Micros | null;
  detail: string;
}

export interface Me {
  user: string;
  role: Role;
  expires: Micros;
}

/** Many points at once; columns of definitions and values are aligned with `points`. */
export interface PointTable {
  revision: number;
  serverTime: Micros;
  points: string[];
  definitions: {
    type: number[];
    asset: string[];
    device: string[];
    address: string[];
    types: Omit<PointDef, 'name' | 'asset' | 'device' | 'address'>[];
  };
  columns: unknown;
}

export interface LiveBatch {
  seq: number;
  serverTime: Micros;
  points: string[];
  columns: unknown;
  dropped: number;
}

export interface Gap {
  start: Micros;
  end: Micros | null;
  cause: string;
  count: number | null;
  detail: string;
}

export interface SeriesBlock {
  point: string;
  unit: string | null;
  kind: PointKind | null;
  method: Method;
  columns: unknown;
  gaps: Gap[];
  complete: boolean;
  nextCursor: string | null;
}

export interface Hop {
  name: string;
  source: string;
  in: number;
  out: number;
  lost: { cause: string; count: number }[];
  lostTotal: number;
  inside: number;
  rateIn: number;
  rateOut: number;
  last: Micros | null;
  age: number | null;
  lag: number | null;
}

export interface Instance {
  instance: string;
  service: string;
  system: string;
  host: string;
  pid: number;
  state: ServiceState;
  started: Micros;
  silent: number;
  lastError: string;
  revision: number;
  cpu: number;
  rss: number;
  gauges: { name: string; value: number }[];
}

export interface ServiceStatus {
  name: string;
  system: string;
  state: ServiceState;
  lastError: string;
  instances: Instance[];
  rateIn: number;
  rateOut: number;
}

export interface Topic {
  name: string;
  records: number;
  bytes: number;
  firstTime: Micros | null;
  lastTime: Micros | null;
  lag: { group: string; records: number }[];
}

export interface Pipeline {
  time: Micros;
  hops: Hop[];
  systems: ServiceStatus[];
  services: ServiceStatus[];
  topics: Topic[];
  revision: number;
}

export interface Revision {
  number: number;
  base: number;
  time: Micros;
  author: string;
  comment: string;
  paths: string[];
}

export interface CdbDocument {
  path: string;
  size: number;
  lines: number;
}

export interface CdbChange {
  path: string;
  kind: 'ADDED' | 'CHANGED' | 'REMOVED';
  before: string | null;
  after: string | null;
  added: number;
  removed: number;
}

export interface CdbProblem {
  path: string;
  line: number;
  text: string;
  remedy: string;
}
