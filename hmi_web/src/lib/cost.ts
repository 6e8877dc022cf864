/** What a query will cost the platform, in samples, by the rules of the API: points × buckets, twice for extremes, ten per point of a moment, one per newest value. */

export interface Cost {
  samples: number;
  /** Parts that count, with their share. */
  parts: { field: string; samples: number }[];
}

const BLOCK = /\b(series|valuesAt|lastValues)\s*\(((?:[^()"]|"[^"]*")*)\)/g;

/** The value of an argument: written out, or a variable. */
function argument(text: string, name: string, variables: Record<string, unknown>): unknown {
  const m = new RegExp(`\\b${name}\\s*:\\s*(\\$\\w+|\\[[^\\]]*\\]|"[^"]*"|[\\w.]+)`).exec(text)?.[1];
  if (m === undefined) return undefined;
  if (m.startsWith('$')) return variables[m.slice(1)];
  if (m.startsWith('[')) return [...m.matchAll(/"[^"]*"|\$\w+/g)].map((x) => x[0]);
  return m;
}

/** An estimate before sending: the platform measures for itself and refuses what is over the budget. */
export function estimate(query: string, variables: Record<string, unknown>, defaultLimit = 100_000): Cost {
  const parts: Cost['parts'] = [];
  for (const [, field = '', args = ''] of query.matchAll(BLOCK)) {
    const points = argument(args, 'points', variables);
    const n = Array.isArray(points) ? points.length : 1;
    if (field === 'valuesAt') parts.push({ field, samples: n * 10 });
    else if (field === 'lastValues') parts.push({ field, samples: n });
    else {
      const resample = (variables[/resample\s*:\s*\$(\w+)/.exec(args)?.[1] ?? ''] ?? {}) as { method?: string; buckets?: number };
      const buckets = Number(argument(args, 'buckets', variables) ?? resample.buckets ?? Number.NaN);
      const method = String(argument(args, 'method', variables) ?? resample.method ?? 'RAW');
      const limit = Number(argument(args, 'limit', variables) ?? defaultLimit);
      const each = Number.isFinite(buckets) && method !== 'RAW' ? buckets * (method === 'MINMAX' ? 2 : 1) : limit;
      parts.push({ field: `${field} ${method}`, samples: n * each });
    }
  }
  return { samples: parts.reduce((s, p) => s + p.samples, 0), parts };
}
