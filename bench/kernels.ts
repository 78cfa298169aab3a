// Speed of the convolution and matMul kernels at the shapes of the study's networks, batch 128: `selvedge bench kernels`.
// Not a check of results. GFLOP/s counts two operations a multiply-add of the definition, whatever the kernel does.
import * as tf from '@tensorflow/tfjs';
import { Bench } from 'tinybench';
import { currentBackend } from '../src/backend/index.ts';
import { matMul } from '../src/backend/kernels/batch-mat-mul.ts';
import { conv2dForward } from '../src/backend/kernels/conv-2d.ts';
import { conv2dBackpropFilter } from '../src/backend/kernels/conv-2d-backprop-filter.ts';
import { conv2dBackpropInput } from '../src/backend/kernels/conv-2d-backprop-input.ts';
import { conv2dInfo } from '../src/backend/kernels/conv-2d-geometry.ts';
import { SelvedgeError } from '../src/core/errors.ts';
import type { Benchmark } from './benchmark.ts';
import { spreadOf } from './statistics.ts';

/** Input side, input channels, output channels of the 3x3 convolutions. */
const CONVOLUTIONS = [
  [28, 1, 32],
  [13, 32, 64],
  [5, 64, 128],
] as const;
const DENSE = { inputs: 1152, outputs: 128 };
const SAMPLES = 40;

interface Case {
  readonly name: string;
  readonly flops: number;
  readonly run: () => tf.TensorInfo;
}

function convolutionCases(batch: number): Case[] {
  const backend = currentBackend();
  return CONVOLUTIONS.flatMap(([side, inChannels, outChannels]) => {
    const filterShape = [3, 3, inChannels, outChannels] as [number, number, number, number];
    const xShape = [batch, side, side, inChannels] as [number, number, number, number];
    const convInfo = conv2dInfo(xShape, filterShape, { strides: 1, pad: 'valid', dataFormat: 'NHWC' });
    const x = tf.randomUniform(xShape, -1, 1, 'float32', 1);
    const filter = tf.randomUniform(filterShape, -1, 1, 'float32', 2);
    const bias = tf.randomUniform([outChannels], -1, 1, 'float32', 3);
    const dy = tf.randomUniform(convInfo.outShape, -1, 1, 'float32', 4);
    const name = `${side}x${side}x${inChannels} to ${convInfo.outHeight}x${convInfo.outWidth}x${outChannels}`;
    const flops = 2 * dy.size * 9 * inChannels;
    return [
      {
        name: `convolution ${name}`,
        flops,
        run: () => conv2dForward(backend, { x, filter, bias, activation: 'relu', convInfo }),
      },
      { name: `filter gradient ${name}`, flops, run: () => conv2dBackpropFilter(backend, { x, dy, convInfo }) },
      { name: `input gradient ${name}`, flops, run: () => conv2dBackpropInput(backend, { dy, filter, convInfo }) },
    ];
  });
}

function denseCases(batch: number): Case[] {
  const backend = currentBackend();
  const { inputs, outputs } = DENSE;
  const x = tf.randomUniform([batch, inputs], -1, 1, 'float32', 1);
  const kernel = tf.randomUniform([inputs, outputs], -1, 1, 'float32', 2);
  const dy = tf.randomUniform([batch, outputs], -1, 1, 'float32', 3);
  const name = `dense ${inputs} to ${outputs}`;
  const flops = 2 * batch * inputs * outputs;
  return [
    { name, flops, run: () => matMul(backend, { a: x, b: kernel, activation: 'relu' }) },
    { name: `${name}, weight gradient`, flops, run: () => matMul(backend, { a: x, b: dy, transposeA: true }) },
    { name: `${name}, input gradient`, flops, run: () => matMul(backend, { a: dy, b: kernel, transposeB: true }) },
  ];
}

export const kernels: Benchmark = {
  name: 'kernels',
  async run({ engine, batchSize = 128 }) {
    tf.engine().startScope('kernels');
    const cases = [...convolutionCases(batchSize), ...denseCases(batchSize)];
    const bench = new Bench({ iterations: SAMPLES, time: 0, warmupIterations: 10, warmupTime: 0, retainSamples: true });
    for (const { name, run } of cases) bench.add(name, () => currentBackend().disposeData(run().dataId));
    await bench.run();
    tf.engine().endScope();
    const results = cases.map(({ name, flops }) => {
      const { result } = bench.getTask(name)!;
      if (!('latency' in result)) {
        throw new SelvedgeError('bench/no-samples', `Cannot measure "${name}": it ended as "${result.state}"`);
      }
      const gflopsPerSecond = spreadOf((result.latency.samples ?? []).map((ms) => flops / ms / 1e6));
      return { name, flops, medianMs: flops / gflopsPerSecond.median / 1e6, gflopsPerSecond };
    });
    const text = results.map(({ name, medianMs, gflopsPerSecond: { median, minimum, maximum } }) => {
      const range = `${median.toFixed(1)} GFLOP/s (${minimum.toFixed(1)} to ${maximum.toFixed(1)})`;
      return `${name.padEnd(48)} ${medianMs.toFixed(3).padStart(8)} ms  ${range}`;
    });
    return {
      json: { benchmark: 'kernels', batchSize, threads: engine.threads, results },
      text: [`kernels, batch ${batchSize}, ${engine.threads} threads`, ...text].join('\n'),
    };
  },
};
