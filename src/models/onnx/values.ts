// What the names in an ONNX graph stand for while it is read: numbers of the file, extents of shapes, and values that a layer makes.
// Not here: operators. Invariant: layers compute on NHWC and on vectors in their own order; how the file orders the same value is kept
// beside it.
import { SelvedgeError } from '../../core/errors.ts';
import { dataTypeNames, dataTypes, type OnnxTensor } from './schema.ts';

/** Numbers of the file. */
export interface Constant {
  readonly kind: 'constant';
  readonly dims: readonly number[];
  readonly values: Float32Array | readonly number[];
  readonly isInteger: boolean;
}

/** Extents of the shape of a value, as `Shape` gives them; the first of a shape is the batch. */
export interface Extents {
  readonly kind: 'extents';
  readonly extents: readonly (number | 'batch')[];
  /** A single one, not a list of one. */
  readonly isScalar?: boolean;
}

/** An image of each of a batch. */
export interface Image {
  readonly kind: 'image';
  /** Height, width, channels. */
  readonly shape: readonly [number, number, number];
  /** Order of the axes in the file. */
  readonly layout: 'nchw' | 'nhwc';
  /** Nothing of it is below zero. */
  readonly isNonNegative: boolean;
  /** Name of the layer that makes it; the layer comes to be when it is asked for. */
  readonly layer: () => string;
  /** The same as a vector, where that is a layer of its own: global pooling, a vector that was made an image. */
  readonly flat?: () => string;
  /** What a constant factor and summand a channel were applied to: the layer applies them. */
  readonly affine?: Affine;
}

export interface Affine {
  readonly of: Image;
  readonly factors: Float32Array;
  readonly summands: Float32Array;
}

/** A vector of each of a batch. */
export interface Vector {
  readonly kind: 'vector';
  readonly size: number;
  /** Where an element of the file's order is in the layer's; undefined: where it is in the file. */
  readonly order?: Int32Array | undefined;
  readonly isNonNegative: boolean;
  readonly layer: () => string;
  /** A softmax has been applied. */
  readonly isProbabilities?: boolean;
}

export type Value = Constant | Extents | Image | Vector;

/** For messages: kind and shape as the file has them. */
export function describeValue(value: Value): string {
  switch (value.kind) {
    case 'constant':
      return `a constant [${value.dims.join(', ')}]`;
    case 'extents':
      return `extents [${value.extents.join(', ')}]`;
    case 'vector':
      return `[batch, ${value.size}]`;
    case 'image': {
      const [height, width, channels] = value.shape;
      const shape = value.layout === 'nchw' ? [channels, height, width] : [height, width, channels];
      return `[batch, ${shape.join(', ')}]`;
    }
  }
}

/** Extents as the file has them. */
export function extentsOf(value: Image | Vector): Extents['extents'] {
  if (value.kind === 'vector') return ['batch', value.size];
  const [height, width, channels] = value.shape;
  return value.layout === 'nchw' ? ['batch', channels, height, width] : ['batch', height, width, channels];
}

/** A constant of elements of another, by their places in it. */
export function picked(constant: Constant, dims: readonly number[], places: readonly number[]): Constant {
  const { values, isInteger } = constant;
  const elements = places.map((at) => values[at]!);
  return { kind: 'constant', dims, values: isInteger ? elements : Float32Array.from(elements), isInteger };
}

/** Bytes of an element in `rawData`. */
const elementBytes: Readonly<Record<number, number>> = {
  [dataTypes.FLOAT]: 4,
  [dataTypes.INT32]: 4,
  [dataTypes.INT64]: 8,
  [dataTypes.FLOAT16]: 2,
  [dataTypes.DOUBLE]: 8,
};

/** Reads an element of `rawData` that is little-endian. */
const elementReaders: Readonly<Record<number, (view: DataView, at: number) => number>> = {
  [dataTypes.FLOAT]: (view, at) => view.getFloat32(at, true),
  [dataTypes.INT32]: (view, at) => view.getInt32(at, true),
  [dataTypes.INT64]: (view, at) => Number(view.getBigInt64(at, true)),
  [dataTypes.FLOAT16]: (view, at) => half(view.getUint16(at, true)),
  [dataTypes.DOUBLE]: (view, at) => view.getFloat64(at, true),
};

/**
 * Reads the numbers of a tensor; float16 and double become float32.
 *
 * @param place What it belongs to, for messages
 * @throws SelvedgeError `onnx/external-data`, `onnx/unsupported` for another type, `onnx/format` for other than its shape tells
 */
export function readTensor(tensor: OnnxTensor, place: string): Constant {
  const { dims, dataType = 0, dataLocation = 0, externalData = [] } = tensor;
  if (dataLocation === 1 || externalData.length > 0) {
    throw new SelvedgeError(
      'onnx/external-data',
      `Cannot read ${place}: its numbers are in another file, expected all in one; save it without external data`,
    );
  }
  const read = elementReaders[dataType];
  if (!read) {
    throw new SelvedgeError(
      'onnx/unsupported',
      `Cannot read ${place}: expected numbers of type FLOAT, FLOAT16, DOUBLE, INT32 or INT64, got ` +
        `${dataTypeNames[dataType] ?? `type ${dataType}`}`,
    );
  }
  const count = dims.reduce((product, extent) => product * extent, 1);
  const listed = listedNumbers(tensor);
  const got = tensor.rawData ? tensor.rawData.length / elementBytes[dataType]! : listed.length;
  if (dims.some((extent) => !(extent >= 0)) || got !== count) {
    throw new SelvedgeError(
      'onnx/format',
      `Cannot read ${place}: expected ${count} numbers of shape [${dims.join(', ')}], got ${got}`,
    );
  }
  const numbers = tensor.rawData ? rawNumbers(tensor.rawData, dataType, read) : listed;
  const isInteger = dataType === dataTypes.INT32 || dataType === dataTypes.INT64;
  if (isInteger) return { kind: 'constant', dims, values: Array.from(numbers), isInteger };
  const values = Float32Array.from(numbers);
  const wrong = values.find((value) => !Number.isFinite(value));
  // Limits of a Clip may well be infinite.
  if (wrong !== undefined && values.length > 1) {
    throw new SelvedgeError('onnx/weights', `Cannot read ${place}: expected finite numbers, got ${wrong}`);
  }
  return { kind: 'constant', dims, values, isInteger };
}

function rawNumbers(
  raw: Uint8Array,
  dataType: number,
  read: (view: DataView, at: number) => number,
): ArrayLike<number> {
  // Engines of WebAssembly are little-endian.
  if (dataType === dataTypes.FLOAT) return new Float32Array(Uint8Array.from(raw).buffer);
  const bytes = elementBytes[dataType]!;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Float64Array.from({ length: raw.length / bytes }, (_, i) => read(view, i * bytes));
}

function listedNumbers({ dataType, floatData, int32Data, int64Data, doubleData }: OnnxTensor): readonly number[] {
  switch (dataType) {
    case dataTypes.FLOAT:
      return floatData ?? [];
    case dataTypes.DOUBLE:
      return doubleData ?? [];
    case dataTypes.INT64:
      return int64Data ?? [];
    case dataTypes.FLOAT16:
      return (int32Data ?? []).map(half);
    default:
      return int32Data ?? [];
  }
}

/** A float16 by its bits. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  // Powers of two from -24 to 15, exact.
  const power = exponent >= 15 ? 2 << (exponent - 15) : 2 / (1 << (15 - exponent));
  return exponent === 0 ? (sign * fraction) / (1 << 14) : sign * (1 + fraction) * (power / 2);
}
