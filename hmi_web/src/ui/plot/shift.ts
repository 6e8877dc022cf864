/** A plot that stands, moved along its time axis as a picture: a hand that drags twenty of them waits for none to be drawn anew. */

import type uPlot from 'uplot';

export class Shift {
  #cover = document.createElement('div');
  #picture = document.createElement('canvas');

  /** Takes the picture: the plot and the times under it. What comes in from the sides is not known yet, and stays empty. */
  constructor(plot: uPlot, ground: string) {
    const k = devicePixelRatio;
    const canvas = plot.ctx.canvas;
    const { left, top, width, height } = plot.bbox;
    const whole = canvas.height - top;
    this.#picture.width = width;
    this.#picture.height = whole;
    this.#picture.getContext('2d')?.drawImage(canvas, left, top, width, whole, 0, 0, width, whole);
    this.#cover.className = 'shift';
    place(this.#cover, { left: left / k, top: top / k, width: width / k, height: whole / k });
    const sheet = document.createElement('div');
    sheet.style.background = ground;
    place(sheet, { left: 0, top: 0, width: width / k, height: height / k });
    place(this.#picture, { left: 0, top: 0, width: width / k, height: whole / k });
    this.#cover.append(sheet, this.#picture);
    plot.over.before(this.#cover);
  }

  /** Where it stands now: so many CSS pixels to the right of where it was drawn. */
  to(x: number): void {
    this.#picture.style.transform = `translateX(${x.toFixed(1)}px)`;
  }

  end(): void {
    this.#cover.remove();
  }
}

function place(e: HTMLElement, box: { left: number; top: number; width: number; height: number }): void {
  for (const [side, px] of Object.entries(box)) e.style.setProperty(side, `${px.toString()}px`);
}
