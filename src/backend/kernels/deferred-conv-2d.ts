// Convolutions of a forward pass that is recorded for gradients. tfjs then runs convolution, bias and relu as three kernels, and the
// gradients of pooling and of relu as two; here the convolution waits for what follows, and one pass does all of it.
// Not here: FusedConv2D, which tfjs runs where nothing is recorded; its rounding is that of the one pass. Invariant: what turns out not
// to be such a chain is computed as it is written, when it is looked at; a sum that relu and somebody else read is computed twice.
//
//   Conv2D           waits
//   Add of a bias    waits
//   Relu             convolution, bias and relu in one pass; the sum itself waits on, as a rule for ever
//   MaxPoolGrad      waits, if what was pooled is such a result
//   ReluGrad         waits on, and is both gradients in one pass. Elsewhere the result stands for the sum: it is above zero where that is
//   Sum, to a bias   comes of the gradient of what is left of the pooling: as many images, far fewer pixels
//   Conv2DBackpropFilter      makes the gradient of the sum image by image, to the same bits, where it need not lie in memory
import type { DeferredWork, HeldTensor, TensorData } from '../deferred.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import type { ClampActivation } from './activation.ts';
import { conv2dForward } from './conv-2d.ts';
import { conv2dBackpropFilterOfMaxPool } from './conv-2d-backprop-filter.ts';
import { type Conv2DAttributes, type Conv2DInfo, conv2dInfo, outputShapeOf } from './conv-2d-geometry.ts';
import type { Correction } from './corrected-kernels.ts';
import { isColumnBias } from './gemm.ts';
import { type MaxPoolAttributes, type Pool2DInfo, poolInfo } from './max-pool.ts';
import { maxPoolGrad } from './max-pool-grad.ts';
import type { KernelCall } from './register.ts';
import { callKernel, replaceBy } from './registered-kernel.ts';

/** A convolution, with a bias or without, that nobody has looked at. */
class DeferredConv2D implements DeferredWork {
  readonly backend: SelvedgeBackend;
  readonly convInfo: Conv2DInfo;
  readonly held: HeldTensor[];
  readonly hasBias: boolean;
  /** What Relu made of it. */
  rectified: HeldTensor | undefined;

  /** @param inputs Input, filter and perhaps a bias, held */
  constructor(backend: SelvedgeBackend, convInfo: Conv2DInfo, inputs: readonly HeldTensor[]) {
    this.backend = backend;
    this.convInfo = convInfo;
    this.held = [...inputs];
    this.hasBias = inputs.length > 2;
  }

  compute(activation: ClampActivation = 'linear'): tf.TensorInfo {
    return this.backend.withHeld(this.held, ([x, filter, bias]) =>
      conv2dForward(this.backend, {
        x: x!,
        filter: filter!,
        bias: this.hasBias ? bias : undefined,
        activation,
        convInfo: this.convInfo,
      }),
    );
  }

  /** The convolution, its bias and relu; the caller owns it. */
  rectify(): tf.TensorInfo {
    const y = this.compute('relu');
    const [rectified] = this.backend.hold(y);
    this.rectified = rectified;
    this.held.push(rectified);
    rectifiedData.add(rectified.data);
    return y;
  }
}

/** Data of what `rectify` made. */
const rectifiedData = new WeakSet<TensorData>();

type PoolTensors = readonly [dy: HeldTensor, input: HeldTensor, output: HeldTensor];

/** The gradient of pooling what `rectify` made, and perhaps of relu, which nobody has looked at. */
class DeferredMaxPoolGrad implements DeferredWork {
  readonly backend: SelvedgeBackend;
  readonly info: Pool2DInfo;
  readonly held: PoolTensors;
  readonly isRectified: boolean;

  constructor(backend: SelvedgeBackend, info: Pool2DInfo, held: PoolTensors, isRectified: boolean) {
    this.backend = backend;
    this.info = info;
    this.held = held;
    this.isRectified = isRectified;
  }

  compute(): tf.TensorInfo {
    return this.backend.withHeld(this.held, ([dy, input]) =>
      maxPoolGrad(this.backend, dy!, input!, this.info, this.isRectified),
    );
  }

  /** Whether it is the gradient of what `rectify` made, in its own shape, and of no more. */
  isOf(rectified: HeldTensor): boolean {
    const [, input] = this.held;
    return !this.isRectified && input.data === rectified.data && tf.util.arraysEqual(input.shape, rectified.shape);
  }

  /** The gradient of relu, too. */
  rectified(): tf.TensorInfo {
    for (const held of this.held) this.backend.holdAgain(held);
    return this.backend.defer(this.held[1].shape, new DeferredMaxPoolGrad(this.backend, this.info, this.held, true));
  }

  /**
   * Sums of the channels: a maximum above zero hands on its gradient, to whichever pixel it comes of. A NaN that pooling passes over
   * is in none of them, and makes the gradient of the filter NaN.
   */
  channelSums(attrs: tf.NamedAttrMap): tf.TensorInfo {
    return this.backend.withHeld(this.held, ([dy, , output]) =>
      replaceBy(this.backend, callKernel(this.backend, 'ReluGrad', { dy: dy!, x: output! }), (x) =>
        callKernel(this.backend, 'Sum', { x }, attrs),
      ),
    );
  }

  filterGradient(x: tf.TensorInfo, convInfo: Conv2DInfo): tf.TensorInfo | undefined {
    const { backend, info, isRectified } = this;
    return backend.withHeld(this.held, ([dy, input]) =>
      conv2dBackpropFilterOfMaxPool(backend, {
        x,
        pooling: { dy: dy!, input: input!, info, isRectified },
        convInfo,
      }),
    );
  }
}

const isFloat32 = ({ dtype }: tf.TensorInfo): boolean => dtype === 'float32';
const isRecorded = (): boolean => tf.engine().state.gradientDepth > 0;

/** The convolution that a tensor waits for, in its own shape. */
function deferredConv2D(backend: SelvedgeBackend, tensor: tf.TensorInfo): DeferredConv2D | undefined {
  const work = backend.deferredWork(tensor);
  if (!(work instanceof DeferredConv2D)) return undefined;
  return tf.util.arraysEqual(tensor.shape, outputShapeOf(work.convInfo)) ? work : undefined;
}

/** The gradient of pooling and relu that a tensor waits for, in its own shape. */
function deferredGradient(backend: SelvedgeBackend, tensor: tf.TensorInfo): DeferredMaxPoolGrad | undefined {
  const work = backend.deferredWork(tensor);
  if (!(work instanceof DeferredMaxPoolGrad && work.isRectified)) return undefined;
  return tf.util.arraysEqual(tensor.shape, work.held[1].shape) ? work : undefined;
}

type Conv2DCall = KernelCall<{ x: tf.TensorInfo; filter: tf.TensorInfo }, Conv2DAttributes>;
type FilterGradCall = KernelCall<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  Conv2DAttributes & { readonly filterShape: [number, number, number, number] }
>;
type PoolGradCall = KernelCall<{ dy: tf.TensorInfo; input: tf.TensorInfo; output: tf.TensorInfo }, MaxPoolAttributes>;
type SumCall = KernelCall<{ x: tf.TensorInfo }, { readonly axis?: number | number[] }>;

/** Makes of a kernel one that waits, or that goes on from one that does. */
const before =
  <Call>(instead: (call: Call) => tf.TensorInfo | undefined): Correction =>
  (own) =>
  (call) =>
    instead(call as unknown as Call) ?? own(call);

export const deferringKernels: Readonly<Record<string, Correction>> = {
  Conv2D: before<Conv2DCall>(({ inputs: { x, filter }, attrs, backend }) => {
    if (!isRecorded() || attrs.dataFormat === 'NCHW' || !isFloat32(x) || !isFloat32(filter)) return undefined;
    const convInfo = conv2dInfo(x.shape, filter.shape, attrs);
    const work = new DeferredConv2D(backend, convInfo, backend.hold(x, filter));
    return backend.defer(outputShapeOf(convInfo), work);
  }),

  Add: before<KernelCall<{ a: tf.TensorInfo; b: tf.TensorInfo }>>(({ inputs: { a, b }, backend }) => {
    const sum = deferredConv2D(backend, a);
    if (!sum || sum.hasBias || !isFloat32(b) || !isColumnBias(b, sum.convInfo.outChannels)) return undefined;
    if (b.shape.length > a.shape.length) return undefined;
    const inputs = [...sum.held.slice(0, 2), ...backend.hold(b)];
    for (const held of sum.held.slice(0, 2)) backend.holdAgain(held);
    return backend.defer(a.shape, new DeferredConv2D(backend, sum.convInfo, inputs));
  }),

  Relu: before<KernelCall<{ x: tf.TensorInfo }>>(({ inputs: { x }, backend }) => {
    const sum = deferredConv2D(backend, x);
    return sum && !sum.rectified ? sum.rectify() : undefined;
  }),

  MaxPoolGrad: before<PoolGradCall>(({ inputs: { dy, input, output }, attrs, backend }) => {
    const isOfRelu = rectifiedData.has(backend.dataIdMap.get(input.dataId));
    if (!isOfRelu || !isFloat32(dy)) return undefined;
    const held: PoolTensors = backend.hold(dy, input, output);
    return backend.defer(input.shape, new DeferredMaxPoolGrad(backend, poolInfo(input.shape, attrs), held, false));
  }),

  ReluGrad: (own) => (call) => {
    const { inputs, attrs, backend } = call as unknown as KernelCall<{ dy: tf.TensorInfo; x: tf.TensorInfo }>;
    const { dy, x } = inputs;
    const rectified = deferredConv2D(backend, x)?.rectified;
    if (!rectified || !isFloat32(dy)) return own(call);
    const pooled = backend.deferredWork(dy);
    if (pooled instanceof DeferredMaxPoolGrad && pooled.isOf(rectified) && tf.util.arraysEqual(dy.shape, x.shape)) {
      return pooled.rectified();
    }
    return backend.withHeld([rectified], ([y]) =>
      own({ inputs: { dy, x: y! }, attrs: attrs as tf.NamedAttrMap, backend }),
    );
  },

  Sum: before<SumCall>(({ inputs: { x }, attrs, backend }) => {
    const work = deferredGradient(backend, x);
    if (!work) return undefined;
    const axes = tf.util.parseAxisParam(attrs.axis as number[], x.shape);
    return tf.util.arraysEqual(axes, [0, 1, 2]) ? work.channelSums(attrs as tf.NamedAttrMap) : undefined;
  }),

  Conv2DBackpropFilter: before<FilterGradCall>(({ inputs: { x, dy }, attrs, backend }) => {
    const work = deferredGradient(backend, dy);
    if (!work || attrs.dataFormat === 'NCHW' || !isFloat32(x)) return undefined;
    return work.filterGradient(x, conv2dInfo(x.shape, attrs.filterShape, { ...attrs, dilations: 1 }));
  }),
};
