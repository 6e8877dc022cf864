/** Key sequences: `g` then `t` within a second and a half, or a single key. The machine knows no page: it turns keys into names. */

export interface Binding {
  keys: string;
  does: string;
  name: string;
}

const WAIT_MS = 1500;

/** Feeds one key; gives the name of the binding it completes, or null. */
export class KeyMachine {
  #pending = '';
  #at = 0;

  constructor(private readonly bindings: readonly Binding[]) {}

  feed(key: string, atMs: number): string | null {
    const before = atMs - this.#at < WAIT_MS ? this.#pending : '';
    const typed = before ? `${before} ${key}` : key;
    this.#pending = '';
    const hit = this.bindings.find((b) => b.keys === typed) ?? this.bindings.find((b) => b.keys === key && before);
    if (hit) return hit.name;
    const prefix = [typed, key].find((k) => this.bindings.some((b) => b.keys.startsWith(`${k} `)));
    if (prefix) {
      this.#pending = prefix;
      this.#at = atMs;
    }
    return null;
  }
}

/** True where typing must not be taken for a command. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));
}
