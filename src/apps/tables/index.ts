// Tables of any length: CSV, JSON lines, Parquet.
export {
  readTable,
  requireColumns,
  type TableBatch,
  type TableFormat,
  tableColumns,
  tableFormatOf,
} from './read-table.ts';
export { bytesOfFile, linesOfFile } from './read-text.ts';
export { type TableColumn, type TableWriter, type WriteTableOptions, writeTable } from './write-table.ts';
