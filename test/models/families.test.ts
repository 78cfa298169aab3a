// Families of networks: the parameters that their papers publish, and that plan, operations one by one, stock tfjs and exported file agree.
import * as tf from '@tensorflow/tfjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buildNetwork, type NetworkSettings, operationsPerImage } from '../../src/models/index.ts';
import { assertExports, assertPredictsAlike, assertTrainsAlike } from './family-roads.ts';

test.before(() => tf.setBackend('cpu').then(() => undefined));

const COLOUR = { inputShape: [32, 32, 3], classes: 10 } as const;

/** All parameters of a network for 32x32 colour images, and those that are trained. */
function parametersOf(network: NetworkSettings): { all: number; trained: number } {
  const model = buildNetwork(network, COLOUR);
  const all = model.countParams();
  const trained = model.trainableWeights.reduce((sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]), 0);
  model.dispose();
  return { all, trained };
}

test('"preactivation" has the parameters of wide residual networks: WRN-40-1, WRN-16-2 and WRN-40-2', () => {
  // Zagoruyko & Komodakis 2016 round to .6, .7 and 2.2 million: what is trained, so without moving averages.
  const wide = (depth: number, k: number): NetworkSettings => ({
    family: 'preactivation',
    stem: 16,
    widths: [16 * k, 32 * k, 64 * k],
    depth: (depth - 4) / 6,
  });
  assert.is(parametersOf(wide(40, 1)).trained, 563_930);
  assert.is(parametersOf(wide(16, 2)).trained, 691_674);
  assert.is(parametersOf(wide(40, 2)).trained, 2_243_546);
});

/** Weights of a convolution without bias and of the batch norm behind it: gamma, beta, moving mean and variance. */
const convolution = (kernelSize: number, from: number, to: number): number => kernelSize ** 2 * from * to + 4 * to;
/** Of the dense layer that ends a network. */
const classifier = (from: number, classes = 10): number => from * classes + classes;

test('"depthwise" is made of the blocks of MobileNet, whose 4,253,864 parameters are the sum of them', () => {
  const block = (from: number, to: number): number => 9 * from + 4 * from + convolution(1, from, to);
  const chain = (widths: readonly number[]): number =>
    widths.slice(1).reduce((sum, width, i) => sum + block(widths[i]!, width), 0);
  // Howard et al. 2017, table 1, with the moving averages: 4.2 million of the paper.
  const table = [32, 64, 128, 128, 256, 256, ...Array(6).fill(512), 1024, 1024] as number[];
  assert.is(convolution(3, 3, 32) + chain(table) + classifier(1024, 1000), 4_253_864);
  const { all } = parametersOf({ family: 'depthwise', stem: 32, widths: [64, 128, 256], depth: 2 });
  assert.is(all, convolution(3, 3, 32) + chain([32, 64, 64, 128, 128, 256, 256]) + classifier(256));
});

test('"densenet" has the 769,162 trained parameters of DenseNet-BC with L = 100 and k = 12, and 6n + 4 layers', () => {
  // Huang et al. 2017, table 2: .8 million.
  const network: NetworkSettings = { family: 'densenet', growth: 12, blocks: 3, depth: 16 };
  assert.is(parametersOf(network).trained, 769_162);
  const model = buildNetwork(network, COLOUR);
  const weighted = model.layers.filter((layer) => ['Conv2D', 'Dense'].includes(layer.getClassName()));
  assert.is(weighted.length, 100);
  assert.equal(model.getLayer('block_3_16_concatenate').outputShape, [null, 8, 8, 342]);
  model.dispose();
});

test('"inception" has blocks of the 159K weights that GoogLeNet has in block 3a, in the shares of its table', () => {
  // Szegedy et al. 2015, table 1: 192 channels to 64 + 128 + 32 + 32; K are 1,024.
  const weights = 192 * 64 + 192 * 96 + 9 * 96 * 128 + 192 * 16 + 25 * 16 * 32 + 192 * 32;
  assert.is(Math.floor(weights / 1024), 159);
  const normalised = 4 * (96 + 16 + 256);
  const { all } = parametersOf({ family: 'inception', stem: 192, widths: [256], depth: 1 });
  assert.is(all, convolution(3, 3, 192) + weights + normalised + classifier(256));
});

test('"residual" with squeeze and excitation has 2 / r of the squares of its channels more, as equation 5 of Hu et al. 2018', () => {
  const added = (reduction: number, blocks: readonly (readonly [count: number, channels: number])[]): number =>
    blocks.reduce((sum, [count, channels]) => sum + (2 / reduction) * count * channels ** 2, 0);
  // SE-ResNet-50: about 2.5 million, section 4.
  const published = added(16, [
    [3, 256],
    [4, 512],
    [6, 1024],
    [3, 2048],
  ]);
  assert.is(published, 2_514_944);
  const plain = parametersOf({ family: 'residual', widths: [16, 32, 64], depth: 3 }).all;
  const excited = parametersOf({ family: 'residual', widths: [16, 32, 64], depth: 3, squeeze: 4 }).all;
  assert.is(
    excited - plain,
    added(4, [
      [3, 16],
      [3, 32],
      [3, 64],
    ]),
  );
});

test('operationsPerImage() counts two a multiply-add: 41 million of resnet20, equation 5 of MobileNet for separable blocks', () => {
  const operationsOf = (network: NetworkSettings): number => {
    const model = buildNetwork(network, COLOUR);
    const count = operationsPerImage(model);
    model.dispose();
    return count;
  };
  // With the shortcuts of option B, which add .3 million.
  assert.is(Math.round(operationsOf({ family: 'resnet20' }) / 2e6), 41);
  const block = (side: number, from: number, to: number): number => side ** 2 * (9 * from + from * to);
  const expected = 32 ** 2 * 27 * 8 + block(32, 8, 16) + block(16, 16, 24) + 24 * 10;
  assert.is(operationsOf({ family: 'depthwise', stem: 8, widths: [16, 24], depth: 1 }), 2 * expected);
});

test('operationsPerImage() counts separable and dense layers by their two parts', () => {
  const { layers } = tf;
  const model = tf.sequential({
    layers: [
      layers.separableConv2d({ inputShape: [6, 5, 3], kernelSize: 3, depthMultiplier: 2, filters: 7 }),
      layers.flatten(),
      layers.dense({ units: 4 }),
    ],
  });
  assert.is(operationsPerImage(model), 2 * (4 * 3 * (9 * 6 + 6 * 7) + 84 * 4));
  model.dispose();
});

/** Small ones, each with all that its family has. */
const networks: NetworkSettings[] = [
  { family: 'preactivation', stem: 6, widths: [8, 20], depth: 2 },
  { family: 'depthwise', stem: 6, widths: [12, 21], depth: 2 },
  { family: 'densenet', growth: 5, blocks: 2, depth: 3 },
  { family: 'residual', widths: [9, 20], depth: 2, squeeze: 4 },
  { family: 'inception', stem: 6, widths: [16, 32], depth: 2 },
];

for (const network of networks) {
  const name = JSON.stringify(network);
  test(`plan, operations one by one and stock tfjs predict the same: ${name}`, () => assertPredictsAlike(network));
  test(`updates by the plan are the same on any threads, and those op by op: ${name}`, () =>
    assertTrainsAlike(network));
  test(`an exported network has the bits of its plan: ${name}`, () => assertExports(network));
}

test.run();
