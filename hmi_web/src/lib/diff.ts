/** Line differences of two texts (longest common subsequence), for configuration documents of some thousand lines. */

export interface DiffLine {
  kind: 'same' | 'gone' | 'new';
  text: string;
  /** Line numbers, 1-based, in the old and the new text. */
  old: number | null;
  fresh: number | null;
}

export function diffLines(before: string, after: string): DiffLine[] {
  const a = lines(before);
  const b = lines(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const out: DiffLine[] = [];
  for (let i = 0; i < start; i++) out.push({ kind: 'same', text: a[i] ?? '', old: i + 1, fresh: i + 1 });
  middle(a, b, start, a.length - end, b.length - end, out);
  for (let k = end; k > 0; k--) out.push({ kind: 'same', text: a[a.length - k] ?? '', old: a.length - k + 1, fresh: b.length - k + 1 });
  return out;
}

const lines = (text: string): string[] => (text ? text.replace(/\n$/, '').split('\n') : []);

function middle(a: string[], b: string[], start: number, endA: number, endB: number, out: DiffLine[]): void {
  const n = endA - start;
  const m = endB - start;
  const width = m + 1;
  const common = new Uint32Array((n + 1) * width);
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--)
      common[i * width + j] =
        a[start + i] === b[start + j]
          ? at(common, (i + 1) * width + j + 1) + 1
          : Math.max(at(common, (i + 1) * width + j), at(common, i * width + j + 1));
  let i = 0;
  let j = 0;
  while (i < n || j < m) {
    const [x, y] = [a[start + i] ?? '', b[start + j] ?? ''];
    if (i < n && j < m && x === y) out.push({ kind: 'same', text: x, old: start + ++i, fresh: start + ++j });
    else if (i < n && (j === m || at(common, (i + 1) * width + j) >= at(common, i * width + j + 1)))
      out.push({ kind: 'gone', text: x, old: start + ++i, fresh: null });
    else out.push({ kind: 'new', text: y, old: null, fresh: start + ++j });
  }
}

const at = (xs: Uint32Array, i: number): number => xs[i] ?? 0;

/** Only what changed, with `context` lines around it; `null` stands for lines left out. */
export function hunks(all: readonly DiffLine[], context = 3): (DiffLine | null)[] {
  const keep = new Set<number>();
  all.forEach((l, i) => {
    if (l.kind !== 'same') for (let k = i - context; k <= i + context; k++) keep.add(k);
  });
  const out: (DiffLine | null)[] = [];
  all.forEach((l, i) => {
    if (keep.has(i)) out.push(l);
    else if (out.at(-1) !== null) out.push(null);
  });
  return out;
}
