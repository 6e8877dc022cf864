/** Definitions of many points as they travel: columns, each type once. */

import type { PointDef, PointTable } from '../api/types';

/** One definition per point, in the order of `table.points`; points of one type share its limits and labels. */
export function definitions(table: Pick<PointTable, 'points' | 'definitions'>): PointDef[] {
  const { type, asset, device, address, types } = table.definitions;
  return table.points.map((name, i) => {
    const shared = types[type[i] ?? -1];
    if (!shared) throw new TypeError(`no type of ${name} in the table`);
    return { ...shared, name, asset: asset[i] ?? '', device: device[i] ?? '', address: address[i] ?? '' };
  });
}
