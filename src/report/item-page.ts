// Pages of items of a catalogue: those that are like a picture, or those that suit a shopper, each with the reason in words and picture.
// Not here: which items these are. Invariant: the same input gives the same bytes.
import { picture } from './image-grid.ts';
import { markup, renderPage, type Section } from './page.ts';
import { colours } from './palette.ts';
import type { GrayImage } from './png.ts';
import { type Drawing, type Figure, frame, svgText } from './svg.ts';

/** A picture with its name. */
export interface ShownItem {
  readonly image?: GrayImage | undefined;
  readonly name: string;
  /** Below the name, such as a class. */
  readonly note: string;
  /** Such as "97% alike". */
  readonly reason: string;
  /** The picture that the reason is about, small. */
  readonly because?: GrayImage | undefined;
}

/** Items that belong together, and what they were found for. */
export interface ShownList {
  readonly title: string;
  readonly note: string;
  readonly query?: GrayImage | undefined;
  readonly items: readonly ShownItem[];
}

export interface ItemPageInput {
  readonly title: string;
  readonly subtitle: string;
  readonly lists: readonly ShownList[];
}

const COLUMNS = 5;
const CELL = 104;
const SIDE = 88;
const ROW = SIDE + 66;

/** The items of a list, five a row; what they were found for stands before them. */
export function itemGrid({ query, items }: ShownList): Drawing {
  const left = query ? CELL + 12 : 0;
  const rows = Math.max(1, Math.ceil(items.length / COLUMNS));
  const asked = query
    ? [picture(query, 0, 0, SIDE), svgText('asked for', SIDE / 2, SIDE + 16, { anchor: 'middle', weight: 600 })]
    : [];
  const cells = items.flatMap(({ image, name, note, reason, because }, index) => {
    const x = left + (index % COLUMNS) * CELL;
    const y = Math.floor(index / COLUMNS) * ROW;
    const middle = x + SIDE / 2;
    const text = (words: string, line: number, fill: string) =>
      svgText(shortened(words), middle, y + SIDE + 14 * line, { anchor: 'middle', size: 11, fill });
    return [
      ...(image ? [picture(image, x, y, SIDE)] : []),
      ...(because ? [picture(because, x + SIDE - 28, y + SIDE - 28, 28)] : []),
      text(name, 1, colours.ink),
      text(note, 2, colours.muted),
      ...linesOf(reason).map((words, line) => text(words, 3 + line, colours.muted)),
    ];
  });
  return { width: left + COLUMNS * CELL, height: rows * ROW, body: [...asked, ...cells].join('') };
}

const LINE = 19;
const shortened = (words: string): string => (words.length > LINE ? `…${words.slice(1 - LINE)}` : words);

/** At most two lines of a sentence. */
function linesOf(words: string): string[] {
  if (words.length <= LINE) return [words];
  const cut = words.lastIndexOf(' ', LINE);
  const at = cut > 0 ? cut : LINE;
  const rest = words.slice(at).trim();
  return [words.slice(0, at), rest.length > LINE ? `${rest.slice(0, LINE - 1)}…` : rest];
}

/** The list as a figure of its own. */
export const itemFigure = (list: ShownList, name: string): Figure =>
  frame(itemGrid(list), {
    name,
    title: list.title,
    description: list.items.map((item) => `${item.name}: ${item.note}, ${item.reason}`).join('; '),
  });

/** All lists as one HTML document that fetches nothing and holds no script. */
export function renderItemPage({ title, subtitle, lists }: ItemPageInput): string {
  return renderPage({
    title,
    subtitle,
    opening: [],
    sections: lists.map(
      (list, index): Section => ({
        id: `list-${index + 1}`,
        title: list.title,
        body: [
          markup`<p>${list.note}</p>`,
          markup`<figure class="dense"><div class="panels"><div tabindex="0">${{ html: itemFigure(list, `list-${index + 1}`).svg }}</div></div></figure>`,
        ],
      }),
    ),
  });
}
