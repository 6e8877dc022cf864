/** The keys of the shell. Pages may add their own; every one is listed behind `?`. */

import type { Binding } from '../lib/keys';

export const BINDINGS: readonly Binding[] = [
  { keys: 'g o', does: 'Array', name: 'page:array' },
  { keys: '/', does: 'find a point or page', name: 'find' },
  { keys: 'g 1', does: 'first telescope, to g 9', name: 'telescope:1' },
  ...[2, 3, 4, 5, 6, 7, 8, 9].map((n) => ({ keys: `g ${n.toString()}`, does: '', name: `telescope:${n.toString()}` })),
  { keys: 'space', does: 'stop the time (FIXED) or follow it (LIVE)', name: 'pause' },
  { keys: 'g t', does: 'Trends', name: 'page:trends' },
  { keys: 'g m', does: 'Compare nine telescopes', name: 'page:compare' },
  { keys: 'z', does: 'the last night; again: the one before', name: 'night' },
  { keys: 'g w', does: 'Weather', name: 'page:weather' },
  { keys: '+', does: 'zoom in, - out', name: 'zoom:1' },
  { keys: '-', does: '', name: 'zoom:-1' },
  { keys: 'g e', does: 'Power (energy) and network', name: 'page:power' },
  { keys: '[', does: 'half a range back', name: 'step:-1' },
  { keys: 'g l', does: 'Pipeline health', name: 'page:pipeline' },
  { keys: ']', does: 'half a range forward', name: 'step:1' },
  { keys: 'g c', does: 'Configuration', name: 'page:configuration' },
  { keys: 'g i', does: 'API', name: 'page:api' },
  { keys: 'h', does: 'the range shown before', name: 'back' },
  { keys: 'g s', does: 'States of every component', name: 'page:states' },
  { keys: 'l', does: 'the range shown after', name: 'forward' },
  { keys: 'p', does: 'next palette', name: 'palette' },
  { keys: '1', does: 'cursor A to the pointer (Trends)', name: 'cursor:A' },
  { keys: 'v', does: 'saved views (Trends)', name: 'views' },
  { keys: 'j', does: 'next row', name: 'row:1' },
  { keys: '2', does: 'cursor B to the pointer (Trends)', name: 'cursor:B' },
  { keys: 'k', does: 'row before', name: 'row:-1' },
  { keys: 'f', does: 'pin this window, or follow the others', name: 'pin' },
  { keys: '?', does: 'these keys', name: 'help' },
];
