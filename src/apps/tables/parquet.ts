// Parquet files, a row group at a time, by hyparquet. Not here: other tables.
// Invariant: memory is that of the columns asked for of one row group; a damaged file is a typed error that names it.
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';
import type { TableBatch } from './read-table.ts';

/**
 * Loads an optional package.
 *
 * @throws SelvedgeError `table/no-parquet`
 */
export async function optional<T>(load: () => Promise<T>, name: string): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const message = `Cannot use Parquet: the package "${name}" is not installed; run npm install ${name}`;
    throw new SelvedgeError('table/no-parquet', message, { cause });
  }
}

interface OpenParquet {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly columns: readonly string[];
}

/**
 * Opens a file.
 *
 * @throws SelvedgeError `table/parquet` for what is none, `table/no-parquet` without the package
 */
async function open(path: string): Promise<OpenParquet> {
  const { parquetMetadataAsync, parquetSchema } = await optional(() => import('hyparquet'), 'hyparquet');
  const { files } = platform;
  const { bytes: byteLength } = (await files.status(path))!;
  const { readRange } = files;
  const whole = readRange ? undefined : await files.readBytes(path);
  const file: AsyncBuffer = {
    byteLength,
    async slice(start, end = byteLength) {
      const piece = whole ? whole.slice(start, end) : await readRange!(path, start, end - start);
      return piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.byteLength) as ArrayBuffer;
    },
  };
  return damaged(path, async () => {
    const metadata = await parquetMetadataAsync(file);
    return { file, metadata, columns: parquetSchema(metadata).children.map(({ element }) => element.name) };
  });
}

async function damaged<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof SelvedgeError) throw cause;
    throw new SelvedgeError(
      'table/parquet',
      `Cannot read "${path}": expected a whole Parquet file, got one that fails (${messageOf(cause).split('\n')[0]})`,
      { cause },
    );
  }
}

/** Names of the columns, in their order. */
export async function parquetColumns(path: string): Promise<readonly string[]> {
  return (await open(path)).columns;
}

/** Rows in batches, one a row group. */
export async function* parquetBatches(path: string, columns: readonly string[]): AsyncGenerator<TableBatch> {
  const { file, metadata } = await open(path);
  const { parquetRead } = await optional(() => import('hyparquet'), 'hyparquet');
  const { compressors } = await optional(() => import('hyparquet-compressors'), 'hyparquet-compressors');
  let first = 0;
  for (const group of metadata.row_groups) {
    const count = Number(group.num_rows);
    const [rowStart, rowEnd] = [first, first + count];
    const found: Record<string, unknown[]> = Object.fromEntries(columns.map((name) => [name, []]));
    await damaged(path, () =>
      parquetRead({
        file,
        metadata,
        columns: [...columns],
        rowStart,
        rowEnd,
        compressors,
        onChunk({ columnName, columnData, rowStart: start }) {
          const column = found[columnName];
          for (let i = 0; column && i < columnData.length; i++) {
            const at = start + i - rowStart;
            if (at >= 0 && at < count) column[at] = columnData[i];
          }
        },
      }),
    );
    yield { first, count, columns: found };
    first += count;
  }
}
