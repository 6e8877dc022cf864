/** The site, its assets and the configuration in force. */

import { gql } from '../api/http';
import { OBSERVATORY, REVISION_CHANGES } from '../api/queries';
import type { Asset, Site } from '../api/types';
import { natural } from '../lib/order';
import { link } from './link.svelte';
import { notes } from './notes.svelte';
import { points } from './points.svelte';

export interface Known {
  site: Site;
  assets: Asset[];
  revision: InForce;
}

interface InForce {
  revision: number;
  newest: number;
  points: number;
}

class Observatory {
  site = $state.raw<Site | null>(null);
  assets = $state.raw<Asset[]>([]);
  revision = $state.raw<InForce>({ revision: 0, newest: 0, points: 0 });

  /** The telescopes in their order: assets with a template, directly below the site or at the top, that stand somewhere. */
  readonly telescopes = $derived(this.assets.filter((a) => a.position && a.type && a.points).sort((a, b) => natural(a.name, b.name)));
  readonly siteName = $derived(this.assets.find((a) => !a.parent)?.name ?? this.site?.name ?? 'site');

  async load(): Promise<void> {
    this.take(await gql<Known>(OBSERVATORY));
  }

  take(found: Known): void {
    this.site = found.site;
    this.assets = found.assets;
    this.revision = found.revision;
  }

  /** Follows revisions. */
  run(): () => void {
    return link.follow<{ revisionChanges: InForce }>('revision', REVISION_CHANGES, {}, ({ revisionChanges }) => {
      void this.#taken(revisionChanges);
    });
  }

  async #taken(now: InForce): Promise<void> {
    const before = this.revision.revision;
    this.revision = now;
    if (before === now.revision) return;
    try {
      await this.load();
      await points.refresh();
    } catch (error) {
      notes.problem('revision', error);
    }
  }

  title(asset: string): string {
    return this.assets.find((a) => a.name === asset)?.title ?? asset;
  }
}

export const observatory = new Observatory();
