// Lists the pictures of a CSV file of paths and labels. Not here: reading pictures, and CSV itself, which is Papa Parse's: it runs on every
// runtime, has no dependencies and says which row is malformed, where d3-dsv, which is in the house already, guesses.
// Invariant: RFC 4180 with a header; every row is a picture or an error with its number.
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import { quoted, sortedClassNames } from './class-names.ts';
import { decodeText } from './decode-text.ts';
import { listed } from './listed.ts';
import { type ListedPicture, type PictureList, partOf } from './picture-list.ts';

const columns = {
  path: ['path', 'file', 'filename', 'image'],
  label: ['label', 'class'],
  split: ['split', 'part', 'set'],
} as const;
type Column = keyof typeof columns;

/** A row that is wrong. */
interface BadRow {
  /** As an editor counts rows: the header is the first. */
  readonly row: number;
  readonly reason: string;
}

/**
 * Reads a CSV file whose header names the columns `path` and `label` and, where the parts are given, `split`; other columns are passed over.
 * Paths are relative to the file's folder.
 *
 * @param path Of the file
 * @param classNames By label; default: the labels that occur, sorted
 * @returns One picture a row, in their order
 * @throws SelvedgeError `table/encoding`, `table/malformed`, `table/columns`, `table/empty`, `table/bad-rows`
 * @example
 * ```ts no-run
 * import { listPictureTable } from 'selvedge';
 * const { pictures } = await listPictureTable('animals.csv');
 * console.log(pictures[0]?.path);
 * ```
 */
export async function listPictureTable(path: string, classNames?: readonly string[]): Promise<PictureList> {
  const text = decodeText(await platform.files.readBytes(path), path, 'table/encoding');
  const [header, ...rows] = await parseRows(text, path);
  if (header === undefined || rows.length === 0) {
    throw new SelvedgeError(
      'table/empty',
      `Cannot read "${path}": expected a header and a row a picture, got ${header ? 'a header alone' : 'nothing'}`,
    );
  }
  const places = findColumns(header, path);
  const names = classNames ?? sortedClassNames(rows.map((row) => row[places.label]?.trim() ?? '').filter(Boolean));
  const folder = platform.files.dirname(path);
  const seen = new Map<string, number>();
  const bad: BadRow[] = [];
  const pictures = rows.flatMap((cells, i): ListedPicture[] => {
    const row = i + 2;
    const reason = whyBad(cells, { header, places, names, seen });
    if (reason !== undefined) {
      bad.push({ row, reason });
      return [];
    }
    const name = cells[places.path]!;
    seen.set(name, row);
    const part = places.split === undefined ? undefined : partOf(cells[places.split]!.trim());
    return [
      {
        path: platform.files.resolve(folder, name),
        name,
        label: names.indexOf(cells[places.label]!.trim()),
        ...(part && { part }),
      },
    ];
  });
  if (bad.length === 0) return { pictures, classNames: names, notices: [] };
  throw new SelvedgeError(
    'table/bad-rows',
    `Cannot read "${path}": ${bad.length} of ${rows.length} rows are wrong: ${listed(bad, ({ row, reason }) => `row ${row}, ${reason}`)}`,
  );
}

async function parseRows(text: string, path: string): Promise<string[][]> {
  const { default: papa } = await import('papaparse');
  const { data, errors } = papa.parse<string[]>(text, { delimiter: ',' });
  if (errors.length > 0) {
    throw new SelvedgeError(
      'table/malformed',
      `Cannot read "${path}": expected CSV as RFC 4180 has it, got ${listed(errors, ({ row = 0, message }) => `in row ${row + 1}, ${message.toLowerCase()}`)}`,
    );
  }
  // What follows the last line break is no row.
  return data.at(-1)?.join('') === '' ? data.slice(0, -1) : data;
}

type Places = Readonly<Record<'path' | 'label', number>> & { readonly split?: number };

function findColumns(header: readonly string[], path: string): Places {
  const titles = header.map((title) => title.trim().toLowerCase());
  const find = (column: Column): number | undefined => {
    const found = titles.flatMap((title, i) => ((columns[column] as readonly string[]).includes(title) ? [i] : []));
    if (found.length > 1) throw columnsError(path, `the column ${column} once`, `${found.length} of them`);
    return found[0];
  };
  const [at, label, split] = [find('path'), find('label'), find('split')];
  if (at === undefined || label === undefined) {
    throw columnsError(path, 'a header with the columns path and label, between commas', listed(header, quoted));
  }
  return { path: at, label, ...(split === undefined ? {} : { split }) };
}

const columnsError = (path: string, expected: string, got: string): SelvedgeError =>
  new SelvedgeError('table/columns', `Cannot read "${path}": expected ${expected}, got ${got}`);

interface RowContext {
  readonly header: readonly string[];
  readonly places: Places;
  readonly names: readonly string[];
  /** Rows of paths so far. */
  readonly seen: ReadonlyMap<string, number>;
}

/** What is wrong with a row, in words; undefined if nothing is. */
function whyBad(cells: readonly string[], { header, places, names, seen }: RowContext): string | undefined {
  if (cells.length !== header.length) return `${cells.length} cells where the header has ${header.length}`;
  const name = cells[places.path]!;
  const label = cells[places.label]!.trim();
  if (name === '') return 'no path';
  if (label === '') return `no label of "${name}"`;
  if (!names.includes(label)) return `label "${label}", which is none of the classes ${listed(names, quoted)}`;
  const before = seen.get(name);
  if (before !== undefined) return `"${name}" again, which is in row ${before}`;
  if (places.split === undefined) return undefined;
  const split = cells[places.split]!.trim();
  return partOf(split) ? undefined : `split "${split}": expected train, validation or test`;
}
