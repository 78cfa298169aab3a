// Networks as data: parameters and shapes of each family, and that all of them are planned and learn.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunningBackend, startBackend } from '../../src/backend/index.ts';
import { buildModel, buildNetwork, initializeWeights, type NetworkSettings } from '../../src/models/index.ts';
import { compileInference } from '../../src/plan/index.ts';
import { fit } from '../../src/training/index.ts';
import { placeSample, settingsOf } from '../training/sample-run.ts';

let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 2 });
});
test.after(() => engine.stop());

const config = { inputShape: [28, 28, 1], classes: 10 } as const;

/** Weights of a 3x3 convolution without bias and of the batch norm behind it. */
const convolution = (from: number, to: number): number => 9 * from * to + 4 * to;

test('a plain network has a stem and `depth` convolutions a block, at 28, 14, 7 and 3 pixels', () => {
  const model = buildNetwork({ family: 'plain', stem: 24, widths: [32, 128, 128], depth: 2 }, config);
  const expected =
    convolution(1, 24) +
    convolution(24, 32) +
    convolution(32, 32) +
    convolution(32, 128) +
    3 * convolution(128, 128) +
    128 * 10 +
    10;
  assert.is(model.countParams(), expected);
  const sides = model.layers
    .filter((layer) => layer.getClassName() === 'BatchNormalization')
    .map((layer) => (layer.outputShape as number[])[1]);
  assert.equal(sides, [28, 14, 14, 7, 7, 3, 3]);
  model.dispose();
});

test('resnet20 is the residual family at its settings', () => {
  const named = buildModel('resnet20', config);
  const family = buildNetwork({ family: 'residual', widths: [16, 32, 64], depth: 3 }, config);
  const shapes = (model: typeof named) => model.weights.map(({ shape, originalName }) => [originalName, shape]);
  assert.equal(shapes(family), shapes(named));
  named.dispose();
  family.dispose();
});

const networks: NetworkSettings[] = [
  { family: 'plain', stem: 8, widths: [12], depth: 1 },
  { family: 'plain', stem: 4, widths: [8, 12, 16, 20], depth: 3 },
  { family: 'residual', widths: [8, 12], depth: 1 },
  { family: 'residual', widths: [8, 12], depth: 1, squeeze: 2 },
  { family: 'preactivation', stem: 8, widths: [8, 12], depth: 1 },
  { family: 'depthwise', stem: 8, widths: [12, 16], depth: 1 },
  { family: 'densenet', growth: 6, blocks: 2, depth: 2 },
  { family: 'inception', stem: 8, widths: [16, 32], depth: 1 },
];
for (const network of networks) {
  test(`a network learns by a plan: ${JSON.stringify(network)}`, async () => {
    const model = buildNetwork(network, config);
    initializeWeights(model, 1);
    const plan = compileInference(model, { batchSize: 8 });
    assert.not.ok('reason' in plan);
    if (!('reason' in plan)) plan.dispose();
    const { training, resident } = await placeSample({ count: 200 });
    let kind = '';
    const { history } = await fit(model, {
      training,
      settings: settingsOf({ epochs: 3 }),
      onStart: (execution) => {
        kind = execution.kind;
      },
    });
    assert.is(kind, 'plan');
    assert.ok(history.at(-1)!.loss < history[0]!.loss, JSON.stringify(history));
    model.dispose();
    resident.dispose();
  });
}

test.run();
