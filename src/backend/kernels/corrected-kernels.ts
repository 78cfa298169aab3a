// Stock kernels that are right but for a case or a type: the case is ours, the rest stays stock.
// Not here: kernels that are ours altogether, and those that the cpu backend's code replaces (cpu-kernels.ts).
// Invariant: each entry says what the stock kernel does wrong.
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import { expanding } from './broadcast-binary.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { type MaxPoolAttributes, maxPool, poolInfo } from './max-pool.ts';
import type { KernelCall } from './register.ts';
import { callKernel, replaceBy } from './registered-kernel.ts';

/** Makes a kernel from the stock one, which it calls for what it leaves as it is. */
export type Correction = (stock: tf.KernelFunc) => tf.KernelFunc;
type UnaryCall<Attributes> = KernelCall<{ x: tf.TensorInfo }, Attributes>;
type Output = ReturnType<tf.KernelFunc>;

const corrected =
  <Inputs, Attributes>(
    correct: (call: KernelCall<Inputs, Attributes>, stock: (attrs?: Attributes) => Output) => Output,
  ): Correction =>
  (stock) =>
  (call) =>
    correct(call as unknown as KernelCall<Inputs, Attributes>, (attrs) =>
      stock(attrs === undefined ? call : { ...call, attrs: attrs as unknown as tf.NamedAttrMap }),
    );

const correctedUnary = <Attributes>(
  correct: (call: UnaryCall<Attributes>, stock: (attrs?: Attributes) => Output) => Output,
): Correction => corrected<{ x: tf.TensorInfo }, Attributes>(correct);

/** Stock takes an axis that is counted from the end for a place before the tensor. */
const fromTheFront = correctedUnary<{ axis: number; exclusive: boolean; reverse: boolean }>(
  ({ inputs, attrs }, stock) => {
    const [axis = 0] = tf.util.parseAxisParam(attrs.axis, inputs.x.shape);
    return stock({ ...attrs, axis });
  },
);

const floorDiv = corrected<{ a: tf.TensorInfo; b: tf.TensorInfo }, object>(({ inputs, backend }, stock) => {
  const { a, b } = inputs;
  if (a.dtype === 'int32') return stock();
  const areFloats = a.dtype === 'float32' && b.dtype === 'float32';
  const whole = (x: tf.TensorInfo) => callKernel(backend, 'Cast', { x }, { dtype: 'int32' });
  if (!areFloats) return replaceBy(backend, stock() as tf.TensorInfo, whole);
  // Three passes on all threads take an eighth of the time of the stock kernel's one.
  return replaceBy(backend, callKernel(backend, 'RealDiv', { a, b }), (quotient) =>
    replaceBy(backend, callKernel(backend, 'Floor', { x: quotient }), whole),
  );
});

interface TransformAttributes {
  readonly fillMode: string;
}

export const corrections: Readonly<Record<string, Correction>> = {
  Cumprod: fromTheFront,
  Cumsum: fromTheFront,
  // Stock gives the type of its inputs; tfjs's other backends give int32.
  FloorDiv: (stock) => floorDiv(expanding(stock)),
  // Stock begins its maxima at the least positive number. A maximum over a box is one over its slices and then one over their maxima.
  MaxPool3D: correctedUnary<Pool3DAttributes>(({ inputs, attrs, backend }) => maxPool3D(backend, inputs.x, attrs)),
  // Stock fills with bytes of a picture from 0 to 255, and with black alone as tfjs says.
  RotateWithOffset: corrected<{ image: tf.TensorInfo }, { fillValue: number | number[] }>((call, stock) =>
    [call.attrs.fillValue].flat().every((value) => value === 0) ? stock() : runOnCpu('RotateWithOffset', call),
  ),
  // Stock takes each byte of a truth value for a number of four.
  Select: corrected<SelectInputs, object>(({ inputs, backend }, stock) => {
    if (tf.util.sizeFromShape(inputs.t.shape) === 0) return backend.output(inputs.t.shape, inputs.t.dtype);
    return inputs.t.dtype === 'bool' ? selectBytes(backend, inputs) : stock();
  }),
  // Stock takes `reflect` for `wrap`; the cpu backend is right for one image.
  Transform: corrected<{ image: tf.TensorInfo; transforms: tf.TensorInfo }, TransformAttributes>((call, stock) =>
    call.attrs.fillMode === 'reflect' ? transformOneByOne(call) : stock(),
  ),
};

/** Attributes of pooling of volumes as tfjs passes them. */
export interface Pool3DAttributes {
  readonly filterSize: [number, number, number] | number;
  readonly strides: [number, number, number] | number;
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function maxPool3D(
  backend: SelvedgeBackend,
  x: tf.TensorInfo,
  { filterSize, strides, pad, dimRoundingMode }: Pool3DAttributes,
) {
  const [batch, depth, height, width, channels] = x.shape as [number, number, number, number, number];
  const [sizes, steps] = [filterSize, strides].map((value) => (Array.isArray(value) ? value : [value, value, value]));
  const rounding = dimRoundingMode === undefined ? {} : { dimRoundingMode };
  const pool = (input: tf.TensorInfo, shape: number[], settings: Omit<MaxPoolAttributes, 'dimRoundingMode'>) => {
    const info = poolInfo(shape, { ...settings, ...rounding });
    return { y: maxPool(backend, { ...input, shape }, info), outHeight: info.outHeight, outWidth: info.outWidth };
  };
  const slices = pool(x, [batch * depth, height, width, channels], {
    filterSize: [sizes![1]!, sizes![2]!],
    strides: [steps![1]!, steps![2]!],
    pad,
  });
  const { outHeight, outWidth } = slices;
  // Planes alone, not what lies in them.
  const planes: MaxPoolAttributes['pad'] =
    typeof pad === 'number'
      ? [
          [0, 0],
          [pad, pad],
          [0, 0],
          [0, 0],
        ]
      : pad;
  try {
    const row = [batch, depth, 1, outHeight * outWidth * channels];
    const whole = pool(slices.y, row, { filterSize: [sizes![0]!, 1], strides: [steps![0]!, 1], pad: planes });
    return { ...whole.y, shape: [batch, whole.outHeight, outHeight, outWidth, channels] };
  } finally {
    backend.disposeData(slices.y.dataId);
  }
}

interface SelectInputs {
  readonly condition: tf.TensorInfo;
  readonly t: tf.TensorInfo;
  readonly e: tf.TensorInfo;
}

function selectBytes(backend: SelvedgeBackend, { condition, t, e }: SelectInputs): tf.TensorInfo {
  const output = backend.output(t.shape, 'bool');
  const size = tf.util.sizeFromShape(t.shape);
  const choices = tf.util.sizeFromShape(condition.shape);
  const bytesOf = (tensor: tf.TensorInfo, length: number): Uint8Array => backend.bytes(backend.offset(tensor), length);
  for (const input of [condition, t, e]) backend.compute(input);
  const chosen = bytesOf(condition, choices);
  const [yes, no, into] = [bytesOf(t, size), bytesOf(e, size), bytesOf(output, size)];
  const each = size / choices;
  for (let i = 0; i < size; i++) into[i] = (chosen[Math.floor(i / each)] ? yes : no)[i]!;
  return output;
}

function transformOneByOne(
  call: KernelCall<{ image: tf.TensorInfo; transforms: tf.TensorInfo }, TransformAttributes>,
): tf.TensorInfo {
  const { inputs, attrs, backend } = call;
  const { image, transforms } = inputs;
  const part = (x: tf.TensorInfo, i: number): tf.TensorInfo => {
    const begin = [i, ...x.shape.slice(1).map(() => 0)];
    return callKernel(backend, 'Slice', { x }, { begin, size: [1, ...x.shape.slice(1)] });
  };
  const parts = Array.from({ length: image.shape[0]! }, (_, i) => {
    const one = { image: part(image, i), transforms: part(transforms, transforms.shape[0] === 1 ? 0 : i) };
    const output = runOnCpu('Transform', { inputs: one, attrs, backend }) as tf.TensorInfo;
    for (const { dataId } of Object.values(one)) backend.disposeData(dataId);
    return output;
  });
  const all = callKernel(backend, 'Concat', parts as unknown as tf.NamedTensorInfoMap, { axis: 0 });
  for (const { dataId } of parts) backend.disposeData(dataId);
  return all;
}
