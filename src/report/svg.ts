// The frame of every figure: one accessible SVG element, for a page or as a file of its own.
// Not here: what is inside (charts.ts, image-grid.ts, model-graph.ts). Invariant: the same input gives the same bytes.
import { escapeMarkup } from './markup.ts';
import { colours, darkRules, FIGURE_FONT } from './palette.ts';

/** A drawing before it is framed. Sizes are CSS pixels at natural size. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** SVG markup, already escaped. */
  readonly body: string;
}

/** A framed drawing: an `<svg>` element for a page. */
export interface Figure {
  /** File name without folder and ending; also the prefix of its ids. Lower-case letters, digits and hyphens. */
  readonly name: string;
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/**
 * Frames a drawing as an `<svg>` element that a screen reader announces as one image.
 *
 * @param drawing Size and markup
 * @param text Name (unique on its page), title, and description of what is to be seen
 * @example
 * ```ts
 * import { frame } from 'selvedge';
 * const figure = frame({ width: 10, height: 10, body: '' }, { name: 'empty', title: 'Nothing', description: 'An empty square' });
 * console.assert(figure.svg.startsWith('<svg'));
 * ```
 */
export function frame(
  { width, height, body }: Drawing,
  text: { readonly name: string; readonly title: string; readonly description: string },
): Figure {
  const { name, title, description } = text;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" class="figure" role="img" aria-labelledby="${name}-title" aria-describedby="${name}-desc" ` +
    `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escapeMarkup(FIGURE_FONT)}">` +
    `<title id="${name}-title">${escapeMarkup(title)}</title><desc id="${name}-desc">${escapeMarkup(description)}</desc>` +
    `${body}</svg>`;
  return { name, svg, width, height };
}

/** Pixels around a figure that stands alone. */
const MARGIN = 16;

/**
 * A figure as an SVG file of its own: with a ground and a margin, and with dark colours where the viewer prefers them.
 *
 * @param figure From `frame`
 */
export function standaloneSvg({ svg, width, height }: Figure): string {
  const outer = `width="${width + 2 * MARGIN}" height="${height + 2 * MARGIN}"`;
  const box = `viewBox="${-MARGIN} ${-MARGIN} ${width + 2 * MARGIN} ${height + 2 * MARGIN}"`;
  const ground = `<style>${darkRules()}</style><rect x="${-MARGIN}" y="${-MARGIN}" ${outer} fill="${colours.paper}"/>`;
  const widened = svg.replace(/width="[^"]*" height="[^"]*" viewBox="[^"]*"/, () => `${outer} ${box}`);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${widened.replace('</desc>', () => `</desc>${ground}`)}\n`;
}

/** How a text is set. */
export interface TextStyle {
  readonly size?: number;
  readonly fill?: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly weight?: number;
}

/** A text element with its baseline at (x, y). */
export function svgText(content: string, x: number, y: number, style: TextStyle = {}): string {
  const { size = 12, fill = colours.ink, anchor = 'start', weight } = style;
  const anchored = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  const weighted = weight === undefined ? '' : ` font-weight="${weight}"`;
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}"${anchored}${weighted}>${escapeMarkup(content)}</text>`;
}

/** Two decimals are a hundredth of a pixel; more would only show how engines differ. */
export const round = (value: number): number => Math.round(value * 100) / 100;

/** Width in pixels that a text of a system font takes at most, nearly: no font can be measured here. */
export const estimateTextWidth = (text: string, size: number): number => [...text].length * size * 0.58;
