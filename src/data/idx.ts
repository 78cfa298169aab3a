// The IDX file format: n-dimensional arrays with a big-endian header, as MNIST's makers defined it. Bytes in, typed arrays out.
// Not here: files, compression, or what an array means (see `dataset.ts`).
// Invariant: an array is answered only if header and byte count agree to the byte; memory is claimed only after that check.
//
//   byte 0  1  2     3           4..7     …   4+4*dims
//        0  0  type  dimensions  size 0   …   values, row-major, big-endian
import { SelvedgeError } from '../core/errors.ts';

interface IdxValuesByType {
  uint8: Uint8Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  float32: Float32Array;
  float64: Float64Array;
}

/** Type of the values of an IDX array. */
export type IdxType = keyof IdxValuesByType;

/** A decoded array: `data` holds the values in row-major order and `shape` the size of each dimension. */
export type IdxArray = {
  [Type in IdxType]: { readonly type: Type; readonly shape: readonly number[]; readonly data: IdxValuesByType[Type] };
}[IdxType];

/** What the header of an IDX file says, checked against the byte count. */
export interface IdxHeader {
  readonly type: IdxType;
  readonly shape: readonly number[];
  /** Product of the shape. */
  readonly size: number;
  /** Byte offset of the first value. */
  readonly dataOffset: number;
}

interface IdxTypeInfo {
  readonly code: number;
  readonly bytes: number;
  readonly make: (buffer: ArrayBuffer) => IdxArray['data'];
}

const idxTypes: Readonly<Record<IdxType, IdxTypeInfo>> = {
  uint8: { code: 0x08, bytes: 1, make: (buffer) => new Uint8Array(buffer) },
  int8: { code: 0x09, bytes: 1, make: (buffer) => new Int8Array(buffer) },
  int16: { code: 0x0b, bytes: 2, make: (buffer) => new Int16Array(buffer) },
  int32: { code: 0x0c, bytes: 4, make: (buffer) => new Int32Array(buffer) },
  float32: { code: 0x0d, bytes: 4, make: (buffer) => new Float32Array(buffer) },
  float64: { code: 0x0e, bytes: 8, make: (buffer) => new Float64Array(buffer) },
};

const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const hex = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`;

/**
 * Decodes an IDX file of any type and number of dimensions.
 *
 * Source: "The IDX file format", http://yann.lecun.com/exdb/mnist/ .
 *
 * @param bytes The whole file, not compressed
 * @param options `name`: the file's name for error messages
 * @returns Type, shape and a fresh copy of the values
 * @throws SelvedgeError `idx/bad-magic`, `idx/bad-type`, `idx/bad-shape`, `idx/truncated` or `idx/trailing-bytes`
 * @example
 * ```ts
 * import { decodeIdx } from 'selvedge';
 * const array = decodeIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9), { name: 'two.idx' });
 * console.assert(array.type === 'uint8' && array.shape[0] === 2 && array.data[1] === 9);
 * ```
 */
export function decodeIdx(bytes: Uint8Array, options: { readonly name: string }): IdxArray {
  const { type, shape, dataOffset } = decodeIdxHeader(bytes, options);
  // A Node Buffer's `slice` would share memory, so the copy is made by hand.
  const values = new Uint8Array(bytes.length - dataOffset);
  values.set(bytes.subarray(dataOffset));
  toggleBigEndian(values, idxTypes[type].bytes);
  return { type, shape, data: idxTypes[type].make(values.buffer) } as IdxArray;
}

/**
 * Reads the header of an IDX file and checks that exactly the announced values follow it.
 *
 * @param bytes The file, not compressed
 * @param options `name`: the file's name for error messages; `byteLength`: of the file, where `bytes` are its beginning alone
 * @returns Type, shape, number of values and where they begin
 * @throws SelvedgeError as `decodeIdx`
 * @example
 * ```ts
 * import { decodeIdxHeader } from 'selvedge';
 * const header = decodeIdxHeader(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9), { name: 'two.idx' });
 * console.assert(header.dataOffset === 8 && header.size === 2);
 * ```
 */
export function decodeIdxHeader(
  bytes: Uint8Array,
  options: { readonly name: string; readonly byteLength?: number },
): IdxHeader {
  const { byteLength = bytes.length } = options;
  const fail = failFor(options.name);
  if (bytes.length < 4) throw fail('truncated', `expected a header of at least 4 bytes, got ${bytes.length}`);
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    throw fail(
      'bad-magic',
      `expected the magic bytes 0x00 0x00, got ${hex(bytes[0]!)} ${hex(bytes[1]!)}` +
        (isGzip ? ', which is gzip; decompress the file first' : ''),
    );
  }
  const type = typeOfCode(bytes[2]!);
  if (type === undefined) {
    throw fail('bad-type', `expected a type code of ${knownCodes()}, got ${hex(bytes[2]!)}`);
  }
  const dimensions = bytes[3]!;
  if (dimensions === 0) throw fail('bad-shape', 'expected 1 to 255 dimensions, got 0');
  const dataOffset = 4 + 4 * dimensions;
  if (bytes.length < dataOffset) {
    throw fail('truncated', `expected a header of ${dataOffset} bytes, got ${bytes.length}`);
  }
  const shape = decodeShape(bytes, dimensions);
  const size = sizeOf(shape);
  if (size === undefined) {
    throw fail('bad-shape', `expected sizes of at least 1 and at most 2^53 values, got [${shape.join(', ')}]`);
  }
  const expected = dataOffset + size * idxTypes[type].bytes;
  if (byteLength !== expected) {
    throw fail(
      byteLength < expected ? 'truncated' : 'trailing-bytes',
      `expected ${expected} bytes for ${type} values of shape [${shape.join(', ')}], got ${byteLength}`,
    );
  }
  return { type, shape, size, dataOffset };
}

/**
 * Encodes an array as an IDX file; the inverse of `decodeIdx`.
 *
 * @param array Type, shape (1 to 255 dimensions of at least 1) and values
 * @returns The file's bytes
 * @throws SelvedgeError `idx/bad-shape` if the shape cannot be written or does not fit the values
 * @example
 * ```ts
 * import { encodeIdx } from 'selvedge';
 * const bytes = encodeIdx({ type: 'uint8', shape: [2], data: Uint8Array.of(7, 9) });
 * console.assert(bytes.length === 10);
 * ```
 */
export function encodeIdx(array: IdxArray): Uint8Array {
  const { type, shape, data } = array;
  const isWritable = shape.length >= 1 && shape.length <= 255 && shape.every((size) => size <= 0xffffffff);
  const expected = isWritable ? sizeOf(shape) : undefined;
  if (expected !== data.length) {
    throw new SelvedgeError(
      'idx/bad-shape',
      `Cannot encode ${data.length} ${type} values as IDX: expected 1 to 255 sizes with that product, ` +
        `got [${shape.join(', ')}]`,
    );
  }
  const dataOffset = 4 + 4 * shape.length;
  const bytes = new Uint8Array(dataOffset + data.byteLength);
  bytes[2] = idxTypes[type].code;
  bytes[3] = shape.length;
  const view = new DataView(bytes.buffer);
  shape.forEach((size, i) => {
    view.setUint32(4 + 4 * i, size);
  });
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), dataOffset);
  toggleBigEndian(bytes.subarray(dataOffset), idxTypes[type].bytes);
  return bytes;
}

const failFor =
  (name: string) =>
  (what: 'bad-magic' | 'bad-type' | 'bad-shape' | 'truncated' | 'trailing-bytes', detail: string): SelvedgeError =>
    new SelvedgeError(`idx/${what}`, `Cannot decode "${name}": ${detail}`);

function typeOfCode(code: number): IdxType | undefined {
  return (Object.keys(idxTypes) as IdxType[]).find((type) => idxTypes[type].code === code);
}

function knownCodes(): string {
  return Object.entries(idxTypes)
    .map(([type, { code }]) => `${hex(code)} (${type})`)
    .join(', ');
}

function decodeShape(bytes: Uint8Array, dimensions: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
}

/** Product of the sizes; undefined if one is not a positive integer or the product is not an exact number. */
function sizeOf(shape: readonly number[]): number | undefined {
  let size = 1;
  for (const length of shape) {
    if (!Number.isInteger(length) || length < 1) return undefined;
    size *= length;
    if (size > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return size;
}

/** Between big-endian and the host's order, in place. Bytes and not numbers are moved, so NaN payloads survive. */
function toggleBigEndian(bytes: Uint8Array, valueBytes: number): void {
  if (valueBytes === 1 || !hostIsLittleEndian) return;
  for (let start = 0; start < bytes.length; start += valueBytes) {
    bytes.subarray(start, start + valueBytes).reverse();
  }
}
