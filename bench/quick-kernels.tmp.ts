import * as tf from '@tensorflow/tfjs';
import { startBackend } from '../src/backend/index.ts';
import { conv2dForward } from '../src/backend/kernels/conv-2d.ts';
import { conv2dBackpropFilter } from '../src/backend/kernels/conv-2d-backprop-filter.ts';
import { conv2dBackpropInput } from '../src/backend/kernels/conv-2d-backprop-input.ts';
import { matMul } from '../src/backend/kernels/batch-mat-mul.ts';
import { biasReluGrad } from '../src/backend/kernels/bias-relu-grad.ts';
import { conv2dInfo } from '../src/backend/kernels/conv-2d-geometry.ts';
const engine = await startBackend({ threads: Number(process.argv[2] ?? 1) });
const backend = engine.backend;
function time(name: string, flops: number, run: () => any) {
  const times: number[] = [];
  for (let i = 0; i < 12; i++) { const t = performance.now(); const r = run(); times.push(performance.now() - t); for (const o of [r].flat()) if (o) backend.disposeData(o.dataId); }
  times.sort((a, b) => a - b);
  console.log(name.padEnd(30), times[3]!.toFixed(3), 'ms', (flops / times[3]! / 1e6).toFixed(1), 'GF/s', '  min', (flops / times[0]! / 1e6).toFixed(1));
}
const N = 128;
for (const [h, ci, co, pad] of [[28, 1, 32,'valid'], [13, 32, 64,'valid'], [5, 64, 128,'valid'],[28,1,32,'same'],[14,32,64,'same'],[7,64,128,'same'],[16,3,30,'same']] as const) {
  const x = tf.randomNormal([N, h, h, ci]), w = tf.randomNormal([3, 3, ci, co]), b = tf.randomNormal([co]);
  const convInfo = conv2dInfo(x.shape, w.shape, { strides: 1, pad, dataFormat: 'NHWC' });
  const o = convInfo.outHeight;
  const dy = tf.randomNormal([N, o, o, co]);
  const flops = 2 * N * o * o * 9 * ci * co;
  time(`conv ${h}x${ci}->${o}x${co} ${pad}`, flops, () => conv2dForward(backend, { x, filter: w, bias: b, activation: 'relu', convInfo }));
  time(`  dW`, flops, () => conv2dBackpropFilter(backend, { x, dy, convInfo }));
  time(`  dX`, flops, () => conv2dBackpropInput(backend, { dy, filter: w, convInfo }));
  time(`  bias-relu-grad (GB/s)`, dy.size*12, () => {const r= biasReluGrad(backend, { dy, y: dy }); return [r.dz, r.biasGradient]});
}
const a = tf.randomNormal([N, 1152]), w = tf.randomNormal([1152, 128]), dy = tf.randomNormal([N, 128]), one = tf.randomNormal([1, 1152]);
const f = 2 * N * 1152 * 128;
time('dense', f, () => matMul(backend, { a, b: w }));
time('  dX', f, () => matMul(backend, { a: dy, b: w, transposeB: true }));
time('  dW', f, () => matMul(backend, { a, b: dy, transposeA: true }));
time('  batch 1', f / N, () => matMul(backend, { a: one, b: w }));
await engine.stop();
