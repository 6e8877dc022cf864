/** What this browser remembers of its user: palette, and whether single keys are commands. */

export const PALETTES = ['dark', 'day', 'red'] as const;
export type Palette = (typeof PALETTES)[number];

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage may be forbidden; then nothing is remembered
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    return;
  }
}

class Prefs {
  palette = $state<Palette>(PALETTES.find((p) => p === stored('mla.palette')) ?? 'dark');
  keys = $state(stored('mla.keys') !== 'off');

  setPalette(p: Palette): void {
    this.palette = p;
    document.documentElement.dataset['palette'] = p;
    store('mla.palette', p);
  }

  nextPalette(): void {
    this.setPalette(PALETTES[(PALETTES.indexOf(this.palette) + 1) % PALETTES.length] ?? 'dark');
  }

  setKeys(on: boolean): void {
    this.keys = on;
    store('mla.keys', on ? 'on' : 'off');
  }
}

export const prefs = new Prefs();
