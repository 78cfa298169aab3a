// Copies the elements of one walk over memory to another, on all threads: what slices, reversals, joins, splits and broadcasts are.
// TypedArray.set, which stock uses, copies shared memory byte by byte where source and target are not aligned alike.
// Invariant: a walk over tensors of any rank is brought to at most eight axes, or refused before anything is written.

import { SelvedgeError } from '../../core/errors.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import { sizeOf } from './gemm.ts';

/** One axis of a walk: how many steps, and how many elements each is. */
export interface WalkAxis {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

export interface StridedCopy {
  readonly x: tf.TensorInfo;
  readonly y: tf.TensorInfo;
  /** From the outermost on. */
  readonly axes: readonly WalkAxis[];
  /** Element of x that is copied first, and where in y it goes. Default: 0. */
  readonly first?: number;
  readonly firstTo?: number;
}

/** Axes around the innermost; see assembly/copy-strided.ts. */
const OUTER_AXES = 7;
const BYTES_PER_UNIT = 65_536;
/** Elements of the innermost axis below which what surrounds it costs more than it does. */
const FEW_COLUMNS = 8;
/** Bytes below which waking workers costs more than it saves. */
const ALONE_BYTES = 131_072;

/** Copies; both tensors have the same type, of a number or boolean. */
export function copyStrided(backend: SelvedgeBackend, { x, y, axes, first = 0, firstTo = 0 }: StridedCopy): void {
  const elements = axes.reduce((product, { size }) => product * size, 1);
  if (elements === 0) return;
  const bytes = tf.util.bytesPerElement(x.dtype);
  const joined = lengthenColumns(joinAxes(axes));
  if (joined.length > OUTER_AXES + 1) {
    throw new SelvedgeError(
      'backend/rank',
      `Cannot copy along ${joined.length} axes: expected ${OUTER_AXES + 1} at most`,
    );
  }
  const { size: columns, from, to } = joined.pop() ?? { size: 1, from: 1, to: 1 };
  const outer = [...Array(OUTER_AXES - joined.length).fill({ size: 1, from: 0, to: 0 }), ...joined] as WalkAxis[];
  const pieceColumns = Math.min(columns, BYTES_PER_UNIT / bytes);
  const piecesPerRow = Math.ceil(columns / pieceColumns);
  const pieces = (elements / columns) * piecesPerRow;
  const piecesPerUnit = Math.max(1, Math.floor(BYTES_PER_UNIT / (pieceColumns * bytes)));
  const units = Math.ceil(pieces / piecesPerUnit);
  backend.pool.run(
    'copyStrided',
    units,
    [
      backend.offset(x) + first * bytes,
      backend.offset(y) + firstTo * bytes,
      bytes,
      columns,
      from * bytes,
      to * bytes,
      pieces,
      piecesPerUnit,
      pieceColumns,
      piecesPerRow,
      ...outer.flatMap((axis) => [axis.size, axis.from * bytes, axis.to * bytes]),
    ],
    elements * bytes < ALONE_BYTES ? { grain: units } : {},
  );
}

/** Axes of one step go, and neighbours that one stride covers become one axis. */
function joinAxes(axes: readonly WalkAxis[]): WalkAxis[] {
  const joined: WalkAxis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const outer = joined.at(-1);
    if (outer && outer.from === axis.from * axis.size && outer.to === axis.to * axis.size) {
      joined[joined.length - 1] = { ...axis, size: outer.size * axis.size };
    } else {
      joined.push(axis);
    }
  }
  return joined;
}

/** Makes a long axis the innermost where that is short: the order of a walk is free. */
function lengthenColumns(axes: WalkAxis[]): WalkAxis[] {
  const inner = axes.at(-1);
  if (!inner || inner.size >= FEW_COLUMNS) return axes;
  const reach = ({ from, to }: WalkAxis): number => Math.abs(from) + Math.abs(to);
  const long = axes.filter(({ size }) => size >= FEW_COLUMNS).sort((a, b) => reach(a) - reach(b))[0];
  return long ? [...axes.filter((axis) => axis !== long), long] : axes;
}

/** Whether a walk along so many axes is short enough, whatever joins. */
export const canWalk = (axes: number): boolean => axes <= OUTER_AXES + 1;

/** Elements from one index of each axis to the next, of a tensor in order. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** The part of x whose element `[i, j, …]` is x's `[begin[0] + i steps[0], …]`, as a new tensor. */
export function copyPart(
  backend: SelvedgeBackend,
  x: tf.TensorInfo,
  { begin, size, steps }: { begin: readonly number[]; size: readonly number[]; steps?: readonly number[] },
): tf.TensorInfo {
  const y = backend.output(size, x.dtype);
  const from = stridesOf(x.shape);
  const to = stridesOf(size);
  const first = begin.reduce((sum, index, axis) => sum + index * from[axis]!, 0);
  const axes = size.map((length, axis) => {
    return { size: length, from: from[axis]! * (steps?.[axis] ?? 1), to: to[axis]! };
  });
  copyStrided(backend, { x, y, axes, first });
  return y;
}

/** x as a tensor of a shape that it broadcasts to. */
export function expandTo(backend: SelvedgeBackend, x: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
  const y = backend.output(shape, x.dtype);
  const strides = stridesOf(x.shape);
  const to = stridesOf(shape);
  const skipped = shape.length - x.shape.length;
  const axes = shape.map((size, axis) => {
    const own = axis - skipped;
    return { size, from: own < 0 || x.shape[own] === 1 ? 0 : strides[own]!, to: to[axis]! };
  });
  copyStrided(backend, { x, y, axes });
  return y;
}

/** Whether every axis of a tensor is of some length. */
export const hasElements = ({ shape }: tf.TensorInfo): boolean => sizeOf(shape) > 0;
