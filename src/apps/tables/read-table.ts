// Tables as streams of columns: CSV with a header, JSON lines, Parquet, told by the ends of their names.
// Not here: what columns mean. Invariant: memory is that of a batch, whatever the length of the table; a row that is wrong is an error with its number.
import { SelvedgeError } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';
import { parquetBatches, parquetColumns } from './parquet.ts';
import { linesOfFile } from './read-text.ts';

/** Some rows of a table. */
export interface TableBatch {
  /** Number of its first row in the table, from 0, the header not counted. */
  readonly first: number;
  readonly count: number;
  /** Values by column: texts of CSV; whatever stands there of JSON and Parquet, undefined where nothing does. */
  readonly columns: Readonly<Record<string, ArrayLike<unknown>>>;
}

export type TableFormat = 'csv' | 'jsonl' | 'parquet';

/**
 * The format that the end of a name tells.
 *
 * @returns Undefined for other names
 * @example
 * ```ts
 * import { tableFormatOf } from 'selvedge';
 * console.assert(tableFormatOf('sold.ndjson') === 'jsonl' && tableFormatOf('sold.txt') === undefined);
 * ```
 */
export function tableFormatOf(path: string): TableFormat | undefined {
  const [, ending] = /\.(csv|jsonl|ndjson|parquet)$/i.exec(path) ?? [];
  if (ending === undefined) return undefined;
  const format = ending.toLowerCase();
  return format === 'ndjson' ? 'jsonl' : (format as TableFormat);
}

/**
 * Names of the columns: of the header of CSV, of the first object of JSON lines, of the schema of Parquet.
 *
 * @throws SelvedgeError as `readTable`
 */
export async function tableColumns(path: string): Promise<readonly string[]> {
  const format = await requireTable(path);
  if (format === 'parquet') return parquetColumns(path);
  for await (const piece of linesOfFile(path, format === 'csv')) {
    if (format === 'csv') {
      const text = withoutEmptyLines(piece);
      const [header] = await parseCsv(text.slice(0, firstBreak(text)), path, 0);
      if (header) return header.map(trimmed);
      continue;
    }
    const line = piece.split('\n').find((text) => text.trim() !== '');
    if (line !== undefined) return Object.keys(parseLine(line, path, 1));
  }
  throw emptyError(path);
}

/** Without those in front of the header. */
const withoutEmptyLines = (text: string): string => text.replace(/^\ufeff?(?:[ \t]*\r?\n)+/, '');

const trimmed = (name: string): string => name.replace(/^\ufeff/, '').trim();

/** Where the header ends. */
function firstBreak(piece: string): number {
  let isOpen = false;
  for (let i = 0; i < piece.length; i++) {
    if (piece[i] === '"') isOpen = !isOpen;
    else if (piece[i] === '\n' && !isOpen) return i;
  }
  return piece.length;
}

/**
 * Reads columns of a table.
 *
 * @param path A name that ends in .csv, .jsonl, .ndjson or .parquet
 * @param columns Their names
 * @returns Batches of rows in their order
 * @throws SelvedgeError `table/no-file`, `table/format`, `table/columns`, `table/empty`, `table/encoding`, `table/malformed`, `table/parquet`,
 *   `table/no-parquet`
 * @example
 * ```ts no-run
 * import { readTable } from 'selvedge';
 * let rows = 0;
 * for await (const { count } of readTable('sold.csv', ['time', 'item'])) rows += count;
 * console.log(rows);
 * ```
 */
export async function* readTable(path: string, columns: readonly string[]): AsyncGenerator<TableBatch> {
  const format = await requireTable(path);
  // The first object of JSON lines says little of those that follow.
  if (format !== 'jsonl') requireColumns(path, columns, await tableColumns(path));
  let rows = 0;
  const batches = { csv: csvBatches, jsonl: jsonBatches, parquet: parquetBatches }[format](path, columns);
  for await (const batch of batches) {
    rows += batch.count;
    if (batch.count > 0) yield batch;
  }
  if (rows === 0) throw emptyError(path);
}

/** @throws SelvedgeError `table/columns` */
export function requireColumns(path: string, wanted: readonly string[], found: readonly string[]): void {
  const missing = wanted.filter((name) => !found.includes(name));
  if (missing.length === 0) return;
  throw new SelvedgeError(
    'table/columns',
    `Cannot read "${path}": expected the columns ${wanted.join(', ')}, got ${found.slice(0, 20).join(', ') || 'none'}`,
  );
}

async function requireTable(path: string): Promise<TableFormat> {
  const format = tableFormatOf(path);
  if (!format) {
    const message = `Cannot read "${path}": expected a name that ends in .csv, .jsonl, .ndjson or .parquet`;
    throw new SelvedgeError('table/format', message);
  }
  const status = await platform.files.status(path);
  if (!status || status.isFolder) {
    const got = status ? 'a folder' : 'nothing';
    throw new SelvedgeError('table/no-file', `Cannot read "${path}": expected a file, got ${got}`);
  }
  return format;
}

const emptyError = (path: string): SelvedgeError =>
  new SelvedgeError('table/empty', `Cannot read "${path}": expected at least one row, got none`);

async function* csvBatches(path: string, columns: readonly string[]): AsyncGenerator<TableBatch> {
  let header: readonly string[] | undefined;
  let places: readonly number[] = [];
  let first = 0;
  for await (const piece of linesOfFile(path, true)) {
    let rows = await parseCsv(header ? piece : withoutEmptyLines(piece), path, first + (header ? 1 : 0));
    if (!header) {
      if (rows.length === 0) continue;
      header = rows[0]!.map(trimmed);
      places = columns.map((name) => header!.indexOf(name));
      rows = rows.slice(1);
    }
    const width = header.length;
    const wrong = rows.findIndex((cells) => cells.length !== width);
    if (wrong >= 0) {
      const got = rows[wrong]!.length;
      throw malformed(path, first + wrong + 2, `${width} cells as in the header`, `${got}`);
    }
    const found = columns.map((name, i) => [name, rows.map((cells) => cells[places[i]!]!)] as const);
    yield { first, count: rows.length, columns: Object.fromEntries(found) };
    first += rows.length;
  }
}

/** @param before Rows of the file before these */
async function parseCsv(text: string, path: string, before: number): Promise<string[][]> {
  const { default: papa } = await import('papaparse');
  const { data, errors } = papa.parse<string[]>(text, { delimiter: ',', skipEmptyLines: true });
  const [error] = errors;
  if (error)
    throw malformed(path, before + (error.row ?? 0) + 1, 'CSV as RFC 4180 has it', error.message.toLowerCase());
  return data;
}

/** @param row As an editor counts */
const malformed = (path: string, row: number, expected: string, got: string): SelvedgeError =>
  new SelvedgeError('table/malformed', `Cannot read row ${row} of "${path}": expected ${expected}, got ${got}`);

async function* jsonBatches(path: string, columns: readonly string[]): AsyncGenerator<TableBatch> {
  let first = 0;
  let line = 0;
  for await (const piece of linesOfFile(path, false)) {
    const found = columns.map((): unknown[] => []);
    let count = 0;
    for (const text of piece.split('\n')) {
      line++;
      if (text.trim() === '') continue;
      const row = parseLine(text, path, line);
      columns.forEach((name, i) => {
        found[i]!.push(Object.hasOwn(row, name) ? row[name] : undefined);
      });
      count++;
    }
    // The piece ends with a line break, behind which no line begins.
    if (piece.endsWith('\n')) line--;
    yield { first, count, columns: Object.fromEntries(columns.map((name, i) => [name, found[i]!])) };
    first += count;
  }
}

function parseLine(text: string, path: string, line: number): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed(path, line, 'a JSON object', JSON.stringify(text.slice(0, 40)));
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw malformed(path, line, 'a JSON object', JSON.stringify(text.slice(0, 40)));
}
