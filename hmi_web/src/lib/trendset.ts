/** Which plots a Trends page holds, as it stands in the address: plots by comma, traces of one plot by `+`. */

export const MOST_PLOTS = 20;
export const MOST_TRACES = 9;

export function readSet(text: string | undefined): string[][] {
  return (text ?? '')
    .split(',')
    .map((p) =>
      [
        ...new Set(
          p
            .split(/[+ ]/)
            .map((n) => n.trim())
            .filter(Boolean),
        ),
      ].slice(0, MOST_TRACES),
    )
    .filter((p) => p.length)
    .slice(0, MOST_PLOTS);
}

export const writeSet = (set: readonly (readonly string[])[]): string => set.map((p) => p.join('+')).join(',');

/** What is shown when nothing was chosen: one plot for each kind of question. */
export function firstSet(site: string, telescopes: readonly string[]): string[][] {
  const t = (i: number): string => telescopes[Math.min(i, telescopes.length - 1)] ?? 'ast1';
  return [
    [`${t(2)}.camera.pdm07.temperature`],
    [`${site}.weather.wind_gust`],
    [`${t(6)}.mount.following_error`],
    [`${t(7)}.camera.trigger_rate`],
    [`${t(5)}.mirror.m1.act04.deviation`],
    telescopes.slice(0, MOST_TRACES).map((n) => `${n}.mount.azimuth_motor_current`),
  ];
}

/** `ast1, ast2 … of mount.azimuth` when all end alike, else the names. */
export function titleOf(names: readonly string[]): string {
  const first = names[0] ?? '';
  if (names.length < 2) return first;
  const rest = first.slice(first.indexOf('.') + 1);
  if (!names.every((n) => n.slice(n.indexOf('.') + 1) === rest)) return `${first} and ${(names.length - 1).toString()} more`;
  const heads = names.map((n) => n.slice(0, n.indexOf('.')));
  return `${heads[0] ?? ''}…${(heads.at(-1) ?? '').replace(/^\D+/, '')}.${rest}`;
}
