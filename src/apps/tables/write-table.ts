// Writes tables as streams: CSV, JSON lines, Parquet. Not here: reading them (read-table.ts).
// Invariant: the same rows in the same batches give the same bytes; nothing stands under the file's name before it is whole.
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';
import { optional } from './parquet.ts';
import type { TableFormat } from './read-table.ts';

/** A column of a table that is written. */
export interface TableColumn {
  readonly name: string;
  readonly type: 'text' | 'number' | 'integer' | 'boolean';
  /** Digits after the point of a `number` in CSV and JSON lines; default: as many as it has. */
  readonly digits?: number;
}

export interface WriteTableOptions {
  readonly format: TableFormat;
  readonly columns: readonly TableColumn[];
}

/** What a cell may hold; null: nothing. */
export type Cell = string | number | boolean | null;

export interface TableWriter {
  /** Adds rows, given as a list of cells a column, in the order of the columns. A batch is a row group of Parquet. */
  write(columns: readonly (readonly Cell[])[]): Promise<void>;
  /** Puts the whole file under its name. */
  finish(): Promise<void>;
  /** Takes back what was written. */
  abort(): Promise<void>;
}

/**
 * Begins a table.
 *
 * @param path Where it will be
 * @returns Takes rows
 * @throws SelvedgeError `files/not-written`, `table/no-parquet`
 */
export async function writeTable(path: string, { format, columns }: WriteTableOptions): Promise<TableWriter> {
  const { files } = platform;
  const part = `${path}.part`;
  const writing = async (body: () => Promise<void>): Promise<void> => {
    try {
      await body();
    } catch (cause) {
      if (cause instanceof SelvedgeError) throw cause;
      const message = `Cannot write "${path}": ${messageOf(cause)}`;
      throw new SelvedgeError('files/not-written', message, { cause });
    }
  };
  await writing(() => files.remove(part));
  const append = (content: Uint8Array | string): Promise<void> => writing(() => files.append(part, content));
  const encoder = await encoderOf(format, columns, append);
  return {
    write: encoder.write,
    async finish() {
      await encoder.finish();
      try {
        await files.rename(part, path);
      } catch (cause) {
        await files.remove(part);
        const message = `Cannot write "${path}": expected a place for a file, got one that refuses it`;
        throw new SelvedgeError('files/not-written', message, { cause });
      }
    },
    abort: () => files.remove(part),
  };
}

interface Encoder {
  write(columns: readonly (readonly Cell[])[]): Promise<void>;
  finish(): Promise<void>;
}

type Append = (content: Uint8Array | string) => Promise<void>;

async function encoderOf(format: TableFormat, columns: readonly TableColumn[], append: Append): Promise<Encoder> {
  if (format === 'parquet') return parquetEncoder(columns, append);
  await append(format === 'csv' ? `${columns.map(({ name }) => csvText(name)).join(',')}\n` : '');
  const rowOf = format === 'csv' ? csvRow : jsonRow;
  return {
    write(cells) {
      const count = cells[0]?.length ?? 0;
      let text = '';
      for (let row = 0; row < count; row++) text += rowOf(columns, cells, row);
      return append(text);
    },
    async finish() {},
  };
}

function numberText(value: number, { digits }: TableColumn): string {
  return digits === undefined ? String(value) : value.toFixed(digits);
}

/** RFC 4180. */
const csvText = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function csvRow(columns: readonly TableColumn[], cells: readonly (readonly Cell[])[], row: number): string {
  let line = '';
  for (let i = 0; i < columns.length; i++) {
    const cell = cells[i]![row]!;
    if (i > 0) line += ',';
    if (cell === null) continue;
    line += typeof cell === 'number' ? numberText(cell, columns[i]!) : csvText(String(cell));
  }
  return `${line}\n`;
}

function jsonRow(columns: readonly TableColumn[], cells: readonly (readonly Cell[])[], row: number): string {
  const parts: string[] = [];
  for (let i = 0; i < columns.length; i++) {
    const cell = cells[i]![row]!;
    if (cell === null) continue;
    const value = typeof cell === 'number' ? numberText(cell, columns[i]!) : JSON.stringify(cell);
    parts.push(`${JSON.stringify(columns[i]!.name)}:${value}`);
  }
  return `{${parts.join(',')}}\n`;
}

const parquetTypes = { text: 'STRING', number: 'DOUBLE', integer: 'INT64', boolean: 'BOOLEAN' } as const;

async function parquetEncoder(columns: readonly TableColumn[], append: Append): Promise<Encoder> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await optional(
    () => import('hyparquet-writer'),
    'hyparquet-writer',
  );
  const bytes = new ByteWriter();
  const flush = async (): Promise<void> => {
    if (bytes.index === 0) return;
    await append(bytes.getBytes().slice());
    bytes.index = 0;
  };
  const described = columns.map(({ name, type }) => ({ name, type: parquetTypes[type], nullable: true, data: [] }));
  const schema = schemaFromColumnData({ columnData: described });
  const writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'selvedge' });
  return {
    async write(cells) {
      const columnData = columns.map(({ name, type }, i) => ({
        name,
        data: type === 'integer' ? cells[i]!.map((cell) => (cell === null ? null : BigInt(cell))) : [...cells[i]!],
      }));
      await writer.write({ columnData, rowGroupSize: Math.max(1, cells[0]!.length) });
      await flush();
    },
    async finish() {
      await writer.finish();
      await flush();
    },
  };
}
