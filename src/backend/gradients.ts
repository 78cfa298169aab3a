// Gradients of Relu, Sum and Mean on this backend: tfjs composes them of more passes than they need, and of ones that it makes
// in JavaScript. Not here: gradients of layers that the trainer fuses (training/operations.ts).
// Invariant: the same arithmetic as tfjs's own, so the same bits; on any other backend tfjs's own gradients run.
import * as tf from './tfjs.ts';

/** dy where x is above zero, as tfjs multiplies: dy * step(x). Differentiable in dy. */
function reluGrad(dy: tf.Tensor, x: tf.Tensor): tf.Tensor {
  return tf.engine().runKernel('ReluGrad', { dy, x } as unknown as tf.NamedTensorMap) as tf.Tensor;
}

/** x repeated along axes where its length is 1. Differentiable. */
function broadcastTo(x: tf.Tensor, shape: number[]): tf.Tensor {
  const attributes = { shape, inputShape: x.shape };
  return tf.engine().runKernel('BroadcastTo', { x } as unknown as tf.NamedTensorMap, attributes) as tf.Tensor;
}

/** dy of a reduction with the reduced axes back, of length 1, and the elements of each sum. */
function unreduced(dy: tf.Tensor, x: tf.Tensor, axis: unknown): { expanded: tf.Tensor; count: number } {
  const axes = tf.util.parseAxisParam(axis as number | number[], x.shape);
  const shape = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  return { expanded: tf.reshape(dy, shape), count: axes.reduce((size, i) => size * x.shape[i]!, 1) };
}

/** The kernel of ours that a gradient runs, and that gradient. */
interface OwnGradient {
  readonly kernel: string;
  readonly of: (dy: tf.Tensor, x: tf.Tensor, attributes: tf.NamedAttrMap) => tf.Tensor;
}

const ownGradients: Readonly<Record<string, OwnGradient>> = {
  Relu: { kernel: 'ReluGrad', of: reluGrad },
  Sum: {
    kernel: 'BroadcastTo',
    of: (dy, x, { axis }) => broadcastTo(unreduced(dy, x, axis).expanded, x.shape),
  },
  Mean: {
    kernel: 'BroadcastTo',
    of(dy, x, { axis }) {
      const { expanded, count } = unreduced(dy, x, axis);
      return broadcastTo(tf.div(expanded, count), x.shape);
    },
  },
};

/** Gradient of the gradient of Relu, which is linear in dy. */
const reluGradGradient: tf.GradConfig = {
  kernelName: 'ReluGrad',
  inputsToSave: ['x'],
  gradFunc: (dy, [x]) => ({
    dy: () => reluGrad(dy as tf.Tensor, x!),
    x: () => tf.zerosLike(x!),
  }),
};

const isKernelHere = (kernelName: string): boolean => Boolean(tf.getKernel(kernelName, tf.getBackend()));

/** Ours where the current backend has the kernel; tfjs's own elsewhere. All save x and nothing else. */
function withOwn(stock: tf.GradConfig, { kernel, of }: OwnGradient): tf.GradConfig {
  return {
    ...stock,
    inputsToSave: ['x'],
    gradFunc(dy, saved, attributes) {
      if (!isKernelHere(kernel)) return stock.gradFunc(dy, saved, attributes);
      return { x: () => of(dy as tf.Tensor, saved[0]!, attributes) };
    },
  };
}

/**
 * Registers gradients that run kernels of this backend.
 *
 * @returns Gives tfjs its own gradients back
 */
export function registerGradients(): () => void {
  const stocks: tf.GradConfig[] = [];
  for (const [kernelName, own] of Object.entries(ownGradients)) {
    const stock = tf.getGradient(kernelName) as tf.GradConfig | undefined;
    // A program that left tfjs's gradients out has no use for ours.
    if (!stock) continue;
    stocks.push(stock);
    tf.unregisterGradient(kernelName);
    tf.registerGradient(withOwn(stock, own));
  }
  tf.registerGradient(reluGradGradient);
  return () => {
    tf.unregisterGradient(reluGradGradient.kernelName);
    for (const stock of stocks) {
      tf.unregisterGradient(stock.kernelName);
      tf.registerGradient(stock);
    }
  };
}
