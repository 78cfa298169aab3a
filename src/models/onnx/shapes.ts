// Operators on shapes and constants, which exporters write around a flattening: no layer comes of them.
// The few on constants are what PyTorch writes for a padding. Not here: what uses the extents (vectors.ts). Invariant: the batch stays a name, never a number.
import type { NodeReader, Operator } from './node-reader.ts';
import { type Constant, describeValue, type Extents, extentsOf, picked, type Value } from './values.ts';

/** Of a shape. */
const MOST_ELEMENTS = 1024;

export const shapeOperators: Readonly<Record<string, Operator>> = {
  Constant: { attributes: ['value', 'value_int', 'value_ints', 'value_float', 'value_floats'], read: readConstant },
  ConstantOfShape: { attributes: ['value'], read: readConstantOfShape },
  Shape: { attributes: [], read: readShape },
  Gather: { attributes: ['axis'], read: readGather },
  Slice: { attributes: ['axes', 'ends', 'starts', 'steps'], read: readSlice },
  Cast: { attributes: ['to', 'saturate'], read: readCast },
};

function readConstant(node: NodeReader): Constant {
  const tensor = node.tensor('value');
  if (tensor) return tensor;
  const isInteger = node.has('value_int') || node.has('value_ints');
  if (node.has('value_int') || node.has('value_float')) {
    const value = isInteger ? node.integer('value_int', 0) : node.float('value_float', 0);
    return { kind: 'constant', dims: [], values: [value], isInteger };
  }
  const values = isInteger ? node.integers('value_ints') : node.floats('value_floats');
  if (!values) throw node.error('numbers as its value', 'others');
  return { kind: 'constant', dims: [values.length], values, isInteger };
}

function readShape(node: NodeReader): Extents {
  const x = node.input(0);
  if (x.kind === 'image' || x.kind === 'vector') return { kind: 'extents', extents: extentsOf(x) };
  throw node.error('the shape of images or vectors', describeValue(x));
}

function extents(node: NodeReader): Extents {
  const x = node.input(0);
  if (x.kind === 'extents') return x;
  throw node.error('extents of a shape', describeValue(x));
}

function readGather(node: NodeReader): Extents {
  const from = extents(node).extents;
  const { dims } = node.constant(1);
  const picked = node.list(1).map((at) => from[node.axis(at, from.length)]!);
  return { kind: 'extents', extents: picked, isScalar: dims.length === 0 };
}

/** Of extents, or of the first axis of a constant. */
function readSlice(node: NodeReader): Value {
  const x = node.input(0);
  const read = (name: 'starts' | 'ends' | 'axes' | 'steps', at: number): readonly number[] | undefined =>
    node.integers(name) ?? (node.hasInput(at) ? node.list(at) : undefined);
  const [starts, ends, axes = [0], steps = [1]] = [
    read('starts', 1),
    read('ends', 2),
    read('axes', 3),
    read('steps', 4),
  ];
  if (starts?.length !== 1 || ends?.length !== 1 || axes.join() !== '0' || ![1, -1].includes(steps[0]!)) {
    throw node.error('a start and an end of axis 0, in steps of 1', 'others');
  }
  const count = x.kind === 'constant' ? (x.dims[0] ?? 0) : extents(node).extents.length;
  const rows = sliced(count, starts[0]!, ends[0]!, steps[0]!);
  if (x.kind !== 'constant') return { kind: 'extents', extents: rows.map((row) => extents(node).extents[row]!) };
  const inner = x.values.length / count;
  const places = rows.flatMap((row) => Array.from({ length: inner }, (_, i) => row * inner + i));
  return picked(x, [rows.length, ...x.dims.slice(1)], places);
}

/** Places of a slice; an end before the first is no place that counts from the end. */
function sliced(count: number, start: number, end: number, step: number): number[] {
  const place = (at: number): number => (at < 0 ? at + count : at);
  const all = Array.from({ length: count }, (_, at) => at);
  if (step === 1) return all.slice(Math.max(0, place(start)), Math.max(0, place(end)));
  return all.filter((at) => at <= place(start) && at > place(end)).toReversed();
}

function readConstantOfShape(node: NodeReader): Constant {
  const dims = node.list(0);
  const { values, isInteger } = node.tensor('value') ?? { values: [0], isInteger: false };
  const length = dims.reduce((product, extent) => product * extent, 1);
  if (!(length <= MOST_ELEMENTS)) throw node.error(`at most ${MOST_ELEMENTS} elements`, `${length}`);
  const filled = new Array<number>(length).fill(Number(values[0]));
  return { kind: 'constant', dims, values: isInteger ? filled : Float32Array.from(filled), isInteger };
}

/** Of shapes, and of values to float32 alone. */
function readCast(node: NodeReader): Value {
  const x = node.input(0);
  if (x.kind === 'extents' || x.kind === 'constant') return x;
  node.requireInteger('to', 1);
  return x;
}
