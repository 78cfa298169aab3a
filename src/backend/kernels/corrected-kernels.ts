// Stock kernels that are right but for a case or a type: the case is ours, the rest stays stock.
// Not here: kernels that are ours altogether. Invariant: each entry says what the stock kernel does wrong.
import * as tf from '../tfjs.ts';
import { runOnCpu } from './cpu-kernels.ts';
import { shareData } from './identity.ts';
import type { KernelCall } from './register.ts';

/** Makes a kernel from the stock one, which it calls for what it leaves as it is. */
export type Correction = (stock: tf.KernelFunc) => tf.KernelFunc;
type UnaryCall<Attributes> = KernelCall<{ x: tf.TensorInfo }, Attributes>;

const corrected =
  <Attributes>(
    correct: (call: UnaryCall<Attributes>, stock: () => ReturnType<tf.KernelFunc>) => ReturnType<tf.KernelFunc>,
  ): Correction =>
  (stock) =>
  (call) =>
    correct(call as unknown as UnaryCall<Attributes>, () => stock(call));

export const corrections: Readonly<Record<string, Correction>> = {
  // Stock copies a tensor that has the type already, and keeps the low byte of a number instead of asking whether it is zero.
  Cast: corrected<{ dtype: tf.DataType }>((call, stock) => {
    const { x } = call.inputs;
    if (call.attrs.dtype === x.dtype) return shareData(x, call.backend);
    return call.attrs.dtype === 'bool' ? runOnCpu('Cast', call) : stock();
  }),
  // Stock reads past the end of the tensor.
  Slice: corrected<{ begin: number | number[]; size: number | number[] }>(({ inputs, attrs }, stock) => {
    const { x } = inputs;
    const [begin = [], size = []] = tf.slice_util.parseSliceParams(x as tf.Tensor, attrs.begin, attrs.size);
    tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size);
    return stock();
  }),
};
