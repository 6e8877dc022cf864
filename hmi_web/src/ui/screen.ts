/** How wide the window is, where a drawing has to know it; everything else is left to the style sheets. The same widths as there. */

import { MediaQuery } from 'svelte/reactivity';

/** A laptop: less than the 1600 px the pages are drawn for. */
export const narrow = new MediaQuery('max-width: 1500px', false);
export const phone = new MediaQuery('max-width: 760px', false);
