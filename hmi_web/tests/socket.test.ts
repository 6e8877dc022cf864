import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSocket, type LinkState } from '../src/api/socket';

/** The other end of the one socket there is: says what it is told to say. */
class Far {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  static made: Far[] = [];
  readyState = 0;
  heard: { type: string; id?: string }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: ((e: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    Far.made.push(this);
  }
  send(text: string): void {
    this.heard.push(JSON.parse(text) as { type: string; id?: string });
  }
  close(): void {
    this.readyState = 3;
  }
  say(message: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

describe('socket', () => {
  const states: LinkState[] = [];
  let far: Far;

  beforeEach(async () => {
    vi.useFakeTimers();
    vi.stubGlobal('WebSocket', Far);
    Far.made = [];
    states.length = 0;
    const socket = openSocket('ws://far', { state: (s) => states.push(s), alive: () => undefined, refused: () => undefined });
    socket.subscribe('subscription { live }', {}, { next: () => undefined, error: () => undefined });
    await vi.advanceTimersByTimeAsync(0);
    far = Far.made[0] as Far;
    far.readyState = 1;
    far.onopen?.();
    await vi.advanceTimersByTimeAsync(0);
    far.say({ type: 'connection_ack' });
    await vi.advanceTimersByTimeAsync(2000);
    expect([states.at(-1), far.heard.at(-1)?.type]).toEqual(['open', 'ping']);
  });
  afterEach(() => {
    vi.clearAllTimers();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('that does not answer a ping is left', async () => {
    await vi.advanceTimersByTimeAsync(5999);
    expect(states.at(-1)).toBe('open');
    await vi.advanceTimersByTimeAsync(1);
    expect(states).toContain('closed');
  });
  it('stays when the page was held up and the answer lies ready', async () => {
    // After a pause the timer that is due runs first, and only then what arrived: however long the pause was.
    vi.advanceTimersToNextTimer();
    far.say({ type: 'pong' });
    await vi.advanceTimersByTimeAsync(1999);
    expect(states).not.toContain('closed');
  });
  it('whose answer stands behind other news stays as long as news comes, and not longer', async () => {
    const id = far.heard.find((m) => m.type === 'subscribe')?.id;
    for (let i = 0; i < 12; i++) {
      await vi.advanceTimersByTimeAsync(1000);
      far.say({ type: 'next', id, payload: { data: { live: i } } });
    }
    expect(states).not.toContain('closed');
    await vi.advanceTimersByTimeAsync(6000);
    expect(states).toContain('closed');
  });
});
