/**
 * Points: definitions and newest values, one Reading per point, whoever shows it. Components `watch` names while they live; one live
 * subscription serves all of them. In FIXED the same readings hold the archive's values of that moment.
 */

import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { gql } from '../api/http';
import { BY_ASSET, BY_GROUP, GAPS_AT, LIVE_VALUES, POINTS_BY_NAME, VALUES_AT } from '../api/queries';
import type { Gap, LiveBatch, PointDef, PointTable } from '../api/types';
import { readColumns } from '../lib/columns';
import * as format from '../lib/format';
import type { Value } from '../lib/format';
import { breach, freshness, quality, staleAfter } from '../lib/judge';
import { natural } from '../lib/order';
import { definitions } from '../lib/table';
import type { Micros } from '../lib/time';
import { clock } from './clock.svelte';
import { lasting } from './lasting.svelte';
import { link } from './link.svelte';
import { nav } from './nav.svelte';
import { notes } from './notes.svelte';
import { sources } from './sources.svelte';

export interface Sample {
  t: Micros;
  v: Value;
  q: number;
  /** Until when it is known to hold, where the platform says so. */
  c?: Micros;
}

export type Tap = (point: string, sample: Sample) => void;

const PAGE = 2000;
const MAX_HZ = 4;

/** At the moment the time is held at: the sources that were connected, and why the others were silent. */
const then = { covered: new SvelteSet<string>(), gaps: new SvelteMap<string, Gap>() };

/** One point as it is seen now. All that is derived is written in one place, so that every page judges alike. */
export class Reading {
  /** undefined: not asked yet; null: never received. */
  sample = $state.raw<Sample | null | undefined>(undefined);
  /** undefined: not asked yet; null: there is no such point. */
  def = $state.raw<PointDef | null | undefined>(undefined);

  readonly value = $derived(this.sample?.v ?? null);
  readonly quality = $derived(this.sample ? quality(this.sample.q) : 'good');
  /** Silence of a connected source means unchanged and still good; of any other it means nothing is known. */
  readonly fresh = $derived(freshness(this.#known(), nav.moment, staleAfter(this.def?.sampling ?? 1)));
  readonly age = $derived(this.sample ? Math.max(0, nav.moment - this.sample.t) : 0);
  /** Only a value that can be believed breaks a limit. */
  readonly breach = $derived(this.fresh === 'fresh' && this.quality !== 'bad' ? breach(this.value, this.def?.limits) : null);
  readonly number = $derived(typeof this.value === 'number' && Number.isFinite(this.value) ? this.value : null);
  /** As number where it may be compared with others: fresh and not bad. */
  readonly sound = $derived(this.fresh === 'fresh' && this.quality !== 'bad' ? this.number : null);

  /** While the time is held: the silence of its source at that moment. */
  readonly gap = $derived(nav.live ? null : (then.gaps.get(this.def?.device ?? '') ?? null));

  constructor(readonly name: string) {}

  #known(): Micros | null {
    if (!this.sample) return null;
    const device = this.def?.device ?? '';
    const covered = nav.live ? link.word !== 'offline' && sources.of(device)?.connected : then.covered.has(device);
    return covered ? Math.max(this.sample.t, nav.moment) : Math.max(this.sample.t, this.sample.c ?? 0);
  }

  /** The value's text, without unit. */
  text(digits?: number): string {
    return format.value(
      this.value,
      { kind: this.def?.kind.toLowerCase() ?? 'double', unit: this.def?.unit ?? '', labels: this.def?.labels ?? null },
      digits,
    );
  }

  get unit(): string {
    return format.unit(this.def?.unit);
  }
}

interface AssetPage {
  points: { nodes: PointDef[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
}

class Points {
  readonly #readings = new Map<string, Reading>();
  readonly #wanted = new Map<string, number>();
  readonly #taps = new Set<Tap>();
  /** What is followed now; null: to be decided anew. */
  #subscribed: ReadonlySet<string> | null = null;
  #end: () => void = () => undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fixedAt: Micros | null = null;
  #asleep = false;
  #turn = 0;
  /** Values taken in so far: for the `#states` page and for tests. */
  updates = 0;

  /** The reading of a point; always the same object. */
  of(name: string): Reading {
    let r = this.#readings.get(name);
    if (!r) this.#readings.set(name, (r = lasting(() => new Reading(name))));
    return r;
  }

  /** Keeps points fresh until the returned function is called. */
  watch(names: readonly string[]): () => void {
    for (const n of names) this.#wanted.set(n, (this.#wanted.get(n) ?? 0) + 1);
    this.#plan();
    return () => {
      for (const n of names) {
        const left = (this.#wanted.get(n) ?? 1) - 1;
        if (left) this.#wanted.set(n, left);
        else this.#wanted.delete(n);
      }
      this.#plan(2000);
    };
  }

  /** Hears every live sample as it comes in. */
  tap(listener: Tap): () => void {
    this.#taps.add(listener);
    return () => this.#taps.delete(listener);
  }

  /** Shows the archive's values of a moment, or, with null, live ones. */
  show(moment: Micros | null): void {
    if (moment === this.#fixedAt) return;
    this.#fixedAt = moment;
    this.#subscribed = null;
    this.#plan();
  }

  /** A window nobody sees asks for nothing; when it is seen again it begins with a snapshot. */
  sleep(hidden: boolean): void {
    if (hidden === this.#asleep) return;
    this.#asleep = hidden;
    this.#subscribed = null;
    this.#plan(hidden ? 3000 : 20);
  }

  /** Definitions are asked again, after a revision was published. */
  async refresh(): Promise<void> {
    await this.#define([...this.#readings.keys()]);
    this.#subscribed = null;
    this.#plan();
  }

  /** Definitions of points that are not known yet. */
  async ensure(names: readonly string[]): Promise<void> {
    await this.#define(names.filter((n) => this.of(n).def === undefined));
  }

  /** Every point of an asset and of those below it, by name. */
  async ofAsset(asset: string): Promise<string[]> {
    const names: string[] = [];
    for (let after: string | null = null; ;) {
      const page: AssetPage = await gql(BY_ASSET, { asset, after });
      names.push(...this.#know(page.points.nodes));
      if (!page.points.pageInfo.hasNextPage) return names;
      after = page.points.pageInfo.endCursor;
    }
  }

  /** The same quantity of all telescopes, in their order. */
  async ofGroup(group: string): Promise<string[]> {
    const { points } = await gql<{ points: { nodes: PointDef[] } }>(BY_GROUP, { group });
    return this.#know(points.nodes).sort(natural);
  }

  #know(defs: readonly PointDef[]): string[] {
    for (const d of defs) this.of(d.name).def = d;
    return defs.map((d) => d.name);
  }

  async #define(names: readonly string[]): Promise<void> {
    const pages: string[][] = [];
    for (let i = 0; i < names.length; i += PAGE) pages.push(names.slice(i, i + PAGE));
    await Promise.all(
      pages.map(async (page) => {
        const { pointTable } = await gql<{ pointTable: PointTable }>(POINTS_BY_NAME, { names: page });
        const found = new Set(pointTable.points);
        for (const n of page) if (!found.has(n)) this.of(n).def = null;
        this.know(pointTable);
      }),
    );
  }

  /** Takes definitions in, and the values that come with them where there is none yet: they are there before the subscription is. */
  know(table: PointTable): void {
    for (const d of definitions(table)) this.of(d.name).def = d;
    if (this.#fixedAt === null) this.#take(table, (r) => r.sample === undefined);
  }

  #plan(ms = 20): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () =>
        void this.#follow().catch((e: unknown) => {
          notes.problem('points', e);
          this.#subscribed = null;
          this.#plan(3000);
        }),
      ms,
    );
  }

  async #follow(): Promise<void> {
    const asked = this.#asleep ? [] : [...this.#wanted.keys()];
    const turn = ++this.#turn;
    await this.ensure(asked);
    if (turn !== this.#turn) return; // meanwhile something else was asked for
    const names = asked.filter((n) => this.of(n).def);
    for (const n of asked) if (this.of(n).def === null) this.of(n).sample = null;
    const set = new Set(names);
    const now = this.#subscribed;
    if (now && set.size === now.size && names.every((n) => now.has(n))) return;
    this.#subscribed = set;
    if (this.#fixedAt !== null) await this.#fetchAt(names, this.#fixedAt);
    else this.#subscribe(names);
  }

  async #fetchAt(names: string[], at: Micros): Promise<void> {
    this.#end();
    this.#end = () => undefined;
    if (!names.length) return;
    const { valuesAt } = await gql<{ valuesAt: LiveBatch }>(VALUES_AT, { points: names, at });
    // One point of each source tells whether it was connected then: silence of a connected source means unchanged.
    const devices = new Map(names.map((n) => [this.of(n).def?.device ?? '', n]));
    const { series } = await gql<{ series: { point: string; gaps: Gap[] }[] }>(GAPS_AT, {
      points: [...devices.values()],
      from: at - 1_000_000,
      to: at + 1,
    });
    if (this.#fixedAt !== at) return;
    then.covered.clear();
    then.gaps.clear();
    for (const s of series) {
      const device = this.of(s.point).def?.device ?? '';
      const gap = s.gaps.find((g) => g.start <= at && (g.end ?? Infinity) > at);
      if (gap) then.gaps.set(device, gap);
      else then.covered.add(device);
    }
    this.#take(valuesAt);
  }

  #subscribe(names: string[]): void {
    const before = this.#end;
    this.#end = names.length
      ? link.follow<{ live: LiveBatch }>('points', LIVE_VALUES, { points: names, maxHz: MAX_HZ }, ({ live }) => {
          clock.hear(live.serverTime);
          const changed = this.#take(live);
          for (const name of this.#taps.size ? changed : []) {
            const { sample } = this.of(name);
            if (sample) for (const tap of this.#taps) tap(name, sample);
          }
        })
      : () => undefined;
    before();
  }

  #take(batch: Pick<LiveBatch, 'points' | 'columns'>, where: (r: Reading) => boolean = () => true): string[] {
    const { t, v, q, c } = readColumns(batch.columns);
    return batch.points.filter((name, i) => {
      const r = this.of(name);
      if (!where(r)) return false;
      const at = t[i];
      if (at == null) {
        r.sample = null;
        return false;
      }
      const until = c?.[i];
      r.sample = { t: at, v: v[i] ?? null, q: q[i] ?? 2, ...(until == null ? {} : { c: until }) };
      this.updates += 1;
      return true;
    });
  }
}

export const points = new Points();
