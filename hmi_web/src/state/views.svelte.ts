/** Saved views of the Trends page: one's own and the shared ones. */

import { ApiError, gql } from '../api/http';
import { DELETE_VIEW, SAVE_VIEW, VIEW_AT, VIEWS } from '../api/queries';
import { formatRoute, parseRoute, type Route } from '../lib/route';
import { readSet } from '../lib/trendset';
import type { Micros } from '../lib/time';
import { notes } from './notes.svelte';

export interface ViewHead {
  id: string;
  name: string;
  owner: string;
  shared: boolean;
  mine: boolean;
  version: number;
  updated: Micros;
  updatedBy: string;
}

export interface ViewContent {
  /** The address of the page: points, cursors, overlay, time. */
  route: string;
  /** Plots with the names of their points, by which the platform finds the views of a point. */
  plots: string[][];
}

export interface WholeView extends ViewHead {
  content: ViewContent;
  versions: { version: number; time: Micros; user: string; name: string; shared: boolean }[];
}

type Saved = { __typename: 'ViewSaved'; view: ViewHead } | { __typename: 'ViewRefused' | 'ViewConflict'; message: string };

/** What is kept of a page. */
export const contentOf = (route: Route, plots: string[][]): ViewContent => ({
  route: formatRoute({ ...route, page: 'trends', params: Object.fromEntries(Object.entries(route.params).filter(([k]) => k !== 'view')) }),
  plots,
});

/** The page a view leads to; what was not written by this page leads to its plots alone. */
export function routeOf(content: ViewContent): Route {
  const found = parseRoute(typeof content.route === 'string' ? content.route : '');
  return found.page === 'trends' && readSet(found.params['points']).length
    ? found
    : { ...found, page: 'trends', params: { points: Array.isArray(content.plots) ? content.plots.map((p) => p.join('+')).join(',') : '' } };
}

class Views {
  all = $state.raw<ViewHead[]>([]);

  async load(): Promise<void> {
    try {
      this.all = (await gql<{ views: { nodes: ViewHead[] } }>(VIEWS)).views.nodes;
      notes.solved('views');
    } catch (error) {
      notes.problem('views', error);
    }
  }

  async get(id: string, version: number | null = null): Promise<WholeView | null> {
    return (await gql<{ view: WholeView | null }>(VIEW_AT, { id, version })).view;
  }

  /** Keeps a view, new or over `base`; raises ApiError with the reason when it is refused. */
  async save(name: string, shared: boolean, content: ViewContent, replace: ViewHead | null): Promise<ViewHead> {
    const { saveView } = await gql<{ saveView: Saved }>(SAVE_VIEW, {
      view: { id: replace?.id ?? null, base: replace?.version ?? null, name, kind: 'trends', shared, content },
    });
    if (saveView.__typename !== 'ViewSaved') throw new ApiError(saveView.message, 'REFUSED');
    await this.load();
    return saveView.view;
  }

  async remove(id: string): Promise<void> {
    const { deleteView } = await gql<{ deleteView: { ok: boolean; detail: string } }>(DELETE_VIEW, { id });
    if (!deleteView.ok) throw new ApiError(deleteView.detail, 'REFUSED');
    await this.load();
  }
}

export const views = new Views();
