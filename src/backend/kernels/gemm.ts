// What the matrix-product kernels share: packing of their right side, and the division of the work into units.
// Invariant: units follow from shapes; how they fall on threads never shows in the result.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type { TensorInfo } from '../tfjs.ts';

/** Columns of a panel; the width of the register tile. */
export const PANEL_COLUMNS = 8;
/** Floating-point operations below which waking workers costs more than it saves (about 8 microseconds of one core). */
const ALONE_FLOPS = 500_000;
/** Work of a unit: 4 to 60 microseconds. */
const MIN_UNIT_FLOPS = 250_000;
const MAX_UNIT_FLOPS = 4_000_000;
/** Units that keep several threads evenly busy. */
const WANTED_UNITS = 16;
/** Floats below which one thread packs alone. */
const ALONE_PACK_FLOATS = 32_768;

/** Bytes of the table of `rows` pairs that a kernel makes in scratch: see assembly/simd/multiply.ts. */
export const pairTableBytes = (rows: number): number => (rows + 3) * 8;

export const alignToCacheLine = (byteOffset: number): number => Math.ceil(byteOffset / 64) * 64;

/** How a product of [rows, depth] by [depth, columns] is cut. */
export interface RowPlan {
  readonly rowsPerUnit: number;
  readonly panelCount: number;
  readonly panelsPerUnit: number;
  /** Units of one matrix of the batch. */
  readonly units: number;
}

/**
 * Cuts a product into units: blocks of rows, and of panels where rows are few.
 *
 * @param options.batch Number of such products
 */
export function planRows(options: { batch?: number; rows: number; depth: number; columns: number }): RowPlan {
  const { batch = 1, rows, depth, columns } = options;
  const panelCount = Math.ceil(columns / PANEL_COLUMNS);
  const rowFlops = 2 * depth * columns;
  const unitFlops = clamp((batch * rows * rowFlops) / 32, MIN_UNIT_FLOPS, MAX_UNIT_FLOPS);
  const wantedRows = clamp(Math.ceil(unitFlops / rowFlops), 32, 256);
  const rowsPerUnit = Math.ceil(evenShare(rows, wantedRows) / 4) * 4;
  const rowBlocks = Math.ceil(rows / rowsPerUnit);
  const blockFlops = Math.min(rows, rowsPerUnit) * rowFlops;
  const panelBlocks = clamp(
    Math.min(Math.ceil(WANTED_UNITS / (batch * rowBlocks)), Math.floor(blockFlops / MIN_UNIT_FLOPS)),
    1,
    panelCount,
  );
  const panelsPerUnit = Math.ceil(panelCount / panelBlocks);
  return { rowsPerUnit, panelCount, panelsPerUnit, units: rowBlocks * Math.ceil(panelCount / panelsPerUnit) };
}

/** The `grain` option of a dispatch: small work stays on the calling thread. */
export function grainFor(flops: number, units: number): { grain?: number } {
  return flops < ALONE_FLOPS ? { grain: units } : {};
}

/** Sizes of packed matrices: see assembly/gemm.ts. */
export function packedSize(depth: number, columns: number): { panelBytes: number; matrixBytes: number } {
  const panelBytes = (depth + 1) * PANEL_COLUMNS * 4;
  return { panelBytes, matrixBytes: panelBytes * Math.ceil(columns / PANEL_COLUMNS) };
}

/**
 * Packs `matrices` matrices [depth, columns] into panels, each with its bias in front.
 *
 * @param options.source Byte offset of the first matrix, `matrixStep` bytes before the next
 * @param options.rowStep Bytes between B[k][n] and B[k + 1][n]; one of the two steps is 4
 * @param options.columnStep Bytes between B[k][n] and B[k][n + 1]
 * @param options.bias `[columns]` or one number
 */
export function packPanels(
  backend: SelvedgeBackend,
  options: PackedMatrices & { readonly matrices: number; readonly bias?: TensorInfo | undefined },
): void {
  const { depth, columns, matrices, bias } = options;
  const units = Math.ceil(columns / PANEL_COLUMNS) * matrices;
  backend.pool.run(
    'packPanels',
    units,
    packWords(options, bias && { at: backend.offset(bias), step: sizeOf(bias.shape) > 1 ? 4 : 0 }),
    units * depth * PANEL_COLUMNS < ALONE_PACK_FLOATS ? { grain: units } : {},
  );
}

/** Where the matrices lie that `packPanels` packs. */
export interface PackedMatrices {
  readonly source: number;
  readonly panels: number;
  readonly depth: number;
  readonly columns: number;
  readonly rowStep: number;
  readonly columnStep: number;
  readonly matrixStep: number;
}

/** `PackArgs` in assembly/gemm.ts. */
export function packWords(matrices: PackedMatrices, bias?: { readonly at: number; readonly step: 0 | 4 }): number[] {
  const { source, panels, depth, columns, rowStep, columnStep, matrixStep } = matrices;
  const panelCount = Math.ceil(columns / PANEL_COLUMNS);
  const { panelBytes } = packedSize(depth, columns);
  return [
    source,
    panels,
    depth,
    columns,
    panelCount,
    panelBytes,
    rowStep,
    columnStep,
    matrixStep,
    bias?.at ?? 0,
    bias?.step ?? 0,
  ];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, length) => size * length, 1);

/** Whether a bias is one number a column, or one for all: what packing takes. Any other shape is added afterwards. */
export const isColumnBias = (bias: TensorInfo, columns: number): boolean =>
  sizeOf(bias.shape) === 1 || (bias.shape.at(-1) === columns && sizeOf(bias.shape) === columns);

/** A tensor of zeros. */
export function zeros(backend: SelvedgeBackend, shape: readonly number[], dtype: 'float32' | 'int32'): TensorInfo {
  const output = backend.output(shape, dtype);
  const bytes = sizeOf(shape) * 4;
  if (bytes > 0) backend.bytes(backend.offset(output), bytes).fill(0);
  return output;
}

export const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(value, high));

/** About `wanted` of `total` a part, so that all parts are nearly alike. */
export const evenShare = (total: number, wanted: number): number =>
  Math.ceil(total / Math.max(1, Math.ceil(total / wanted)));
