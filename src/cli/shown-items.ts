// Items of a catalogue as a page of pictures. Not here: which items.
import type { Catalogue } from '../apps/recommend/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { type ItemPageInput, renderItemPage } from '../report/item-page.ts';
import type { GrayImage } from '../report/png.ts';
import { usageError } from './arguments.ts';
import type { CommandContext } from './command.ts';

/** @throws SelvedgeError `cli/usage` */
export function checkPageName(out: string | undefined): void {
  if (out === undefined || /\.html$/i.test(out)) return;
  throw usageError(`Option "--out" got "${out}": expected a file that ends in .html`);
}

/** The picture of an item; undefined where the catalogue keeps none. */
export function pictureOf({ pictures }: Catalogue, row: number): GrayImage | undefined {
  if (!pictures) return undefined;
  const { height, width, channels, pixels } = pictures;
  const size = height * width * channels;
  return { height, width, channels, pixels: pixels.subarray(row * size, (row + 1) * size) };
}

/** @throws SelvedgeError `index/no-pictures` where there is nothing to show */
export async function writeItemPage(
  out: string,
  catalogue: Catalogue,
  page: ItemPageInput,
  context: CommandContext,
): Promise<string> {
  requirePictures(catalogue, out);
  const path = platform.files.resolve(context.cwd, out);
  await platform.files.write(path, renderItemPage(page));
  return path;
}

export function requirePictures(catalogue: Catalogue, out: string | undefined): void {
  if (out === undefined || catalogue.pictures) return;
  throw new SelvedgeError(
    'index/no-pictures',
    `Cannot show pictures in "${out}": expected an index that keeps them, got one made by --no-pictures`,
  );
}
