/** Where we are: page, subject, time. The address is the truth; everything here reads it or writes it. */

import { formatRoute, parseRoute, type Route, type TimeChoice } from '../lib/route';
import type { Micros } from '../lib/time';
import { clock } from './clock.svelte';

class Nav {
  route = $state.raw<Route>(parseRoute(location.hash));
  /** Ranges shown before, newest last, for `h` and `l`. */
  #past: TimeChoice[] = [];
  #future: TimeChoice[] = $state.raw([]);
  canBack = $state(false);

  readonly live = $derived(this.route.time.mode === 'live');
  readonly canForward = $derived(this.#future.length > 0);

  /** The moment that pages show: now, or the end of a fixed range. */
  get moment(): Micros {
    const time = this.route.time;
    return time.mode === 'live' ? clock.now : time.to;
  }

  /** The range in view. */
  range(now: Micros = clock.now): { from: Micros; to: Micros } {
    const time = this.route.time;
    return time.mode === 'live' ? { from: now - time.span, to: now } : { from: time.from, to: time.to };
  }

  run(): () => void {
    const read = (): void => {
      if (location.hash !== formatRoute(this.route)) this.route = parseRoute(location.hash);
    };
    window.addEventListener('hashchange', read);
    return () => {
      window.removeEventListener('hashchange', read);
    };
  }

  /** Goes to another page, keeping the time or taking another one. */
  go(page: string, subject = '', params: Record<string, string> = {}, time: TimeChoice = this.route.time): void {
    if (time !== this.route.time) this.#remember();
    this.route = { page, subject, params, time };
    location.hash = formatRoute(this.route);
  }

  /** The address of a page, for links. */
  href(page: string, subject = '', params: Record<string, string> = {}): string {
    return formatRoute({ page, subject, params, time: this.route.time });
  }

  /** Changes choices of the page without a step in the browser's history. */
  choose(params: Record<string, string>): void {
    this.#replace({ ...this.route, params: { ...this.route.params, ...params } });
  }

  setTime(time: TimeChoice): void {
    this.#remember();
    this.#show(time);
  }

  #remember(): void {
    this.#past = [...this.#past.slice(-49), this.route.time];
    this.#future = [];
    this.canBack = true;
  }

  back(): void {
    const time = this.#past.at(-1);
    if (!time) return;
    this.#past = this.#past.slice(0, -1);
    this.#future = [...this.#future, this.route.time];
    this.#show(time);
  }

  forward(): void {
    const time = this.#future.at(-1);
    if (!time) return;
    this.#future = this.#future.slice(0, -1);
    this.#past = [...this.#past, this.route.time];
    this.#show(time);
  }

  /** Moves the range by half its length. From LIVE a step back makes it FIXED; a step that would pass now returns to LIVE. */
  step(direction: -1 | 1): void {
    const { from, to } = this.range(clock.exact());
    const by = Math.round((to - from) / 2) * direction;
    if (to + by >= clock.exact()) this.setTime({ mode: 'live', span: to - from });
    else this.setTime({ mode: 'fixed', from: Math.round(from + by), to: Math.round(to + by) });
  }

  /** Half or double the length about the middle; LIVE keeps its end. */
  zoom(direction: -1 | 1): void {
    const { from, to } = this.range(clock.exact());
    const length = Math.max(1e6, Math.round((to - from) * 2 ** -direction));
    if (this.live) this.setTime({ mode: 'live', span: Math.max(1e6, Math.round(length / 1e6) * 1e6) });
    else this.setTime({ mode: 'fixed', from: Math.round((from + to - length) / 2), to: Math.round((from + to + length) / 2) });
  }

  /** Takes over what another window of the same user shows, without telling it on. */
  take(route: Route): void {
    this.#past = [...this.#past.slice(-49), this.route.time];
    this.canBack = true;
    history.replaceState(null, '', formatRoute(route));
    this.route = route;
  }

  /** Stops at what is in view, or goes back to following now. */
  pause(): void {
    const { from, to } = this.range(clock.exact());
    if (this.live) this.setTime({ mode: 'fixed', from: Math.round(from), to: Math.round(to) });
    else this.setTime({ mode: 'live', span: Math.max(1e6, Math.round((to - from) / 1e6) * 1e6) });
  }

  #show(time: TimeChoice): void {
    this.canBack = this.#past.length > 0;
    this.#replace({ ...this.route, time });
  }

  #replace(route: Route): void {
    history.replaceState(null, '', formatRoute(route));
    this.route = route;
  }
}

export const nav = new Nav();
