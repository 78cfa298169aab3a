// _FusedMatMul: matrix product, bias once, activation. What cannot be part of the product's own pass follows by its own kernel.
// Reads B anew at each call: weights may be written in place.
import type * as tf from '../tfjs.ts';
import { applyActivation, type FusedActivation, isClamp } from './activation.ts';
import { matMul, matMulOfType, matMulShape } from './batch-mat-mul.ts';
import { isColumnBias } from './gemm.ts';
import type { KernelCall } from './register.ts';
import { callKernel, replaceBy } from './registered-kernel.ts';

interface Inputs {
  readonly a: tf.TensorInfo;
  readonly b: tf.TensorInfo;
  readonly bias?: tf.TensorInfo;
  readonly preluActivationWeights?: tf.TensorInfo;
}

interface Attributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly activation?: FusedActivation;
  readonly leakyreluAlpha?: number;
}

export const fusedMatMulKernel = {
  kernelName: '_FusedMatMul',
  kernelFunc({ inputs, attrs, backend }: KernelCall<Inputs, Attributes>): tf.TensorInfo {
    const { a, b, bias, preluActivationWeights: alpha } = inputs;
    const { transposeA, transposeB, activation = 'linear', leakyreluAlpha } = attrs;
    const product = { a, b, transposeA, transposeB };
    const { columns } = matMulShape(product);
    const inPass = a.dtype === 'float32' && b.dtype === 'float32' && (!bias || isColumnBias(bias, columns));
    if (inPass && isClamp(activation)) return matMul(backend, { ...product, bias, activation });
    let output = inPass ? matMul(backend, { ...product, bias }) : matMulOfType(backend, product);
    if (bias && !inPass) {
      output = replaceBy(backend, output, (sum) => callKernel(backend, 'Add', { a: sum, b: bias }));
    }
    return replaceBy(backend, output, (sum) => applyActivation(backend, sum, activation, { alpha, leakyreluAlpha }));
  },
};
