// Training of a small U-Net of 28x28x1, by the plan, op by op, and beside PyTorch: `selvedge bench unet`. Images/s of updates with Adam on
// made batches, the loss read each update. Not an accuracy run. Invariant: a ratio is of rounds of the same turn.
import * as tf from '@tensorflow/tfjs';
import { currentBackend } from '../src/backend/index.ts';
import { SelvedgeError } from '../src/core/errors.ts';
import { initializeWeights } from '../src/models/index.ts';
import { compileTraining } from '../src/plan/index.ts';
import { platform } from '../src/platform/index.ts';
import { createNetworkForward } from '../src/training/forward.ts';
import { optimizerDefaults } from '../src/training/index.ts';
import { lossOfOutput } from '../src/training/operations.ts';
import { createOptimizer } from '../src/training/optimizers.ts';
import { alternate, disturbanceOf, type Entrant, valuesOf } from './alternation.ts';
import type { Benchmark } from './benchmark.ts';
import { disturbanceNotice } from './disturbance.ts';
import { findPython, INSTALL_PYTORCH } from './peers/catalog.ts';
import { ratioSpread, spreadOf, spreadText, timesText } from './statistics.ts';
import { CLASSES, TIME, unet } from './unet-model.ts';

const ROUNDS = 7;
const BATCH_SIZE = 64;
const ROUND_SECONDS = 2;
const LOSS = { name: 'meanSquaredError' } as const;
const SCRIPT = new URL('./peers/unet.py', import.meta.url);

interface Road {
  /** An update; its loss. */
  update(): number;
  dispose(): void;
}

export const unetTraining: Benchmark = {
  name: 'unet',
  description: 'Training of a small U-Net by the plan, op by op, and by PyTorch',
  usesModel: false,
  async run({ engine, batchSize = BATCH_SIZE, rounds = ROUNDS, only, onProgress }) {
    const python = await findPython(['numpy', 'torch']);
    const batch = makeBatch(batchSize);
    const roads = [planned(batch, batchSize), opByOp(batch)] as const;
    const ours = (name: string, road: Road): Entrant => ({
      name,
      round: async () => ({ value: rateOf(road, batchSize) }),
    });
    const theirs = (name: string, last: 0 | 1): Entrant => ({
      name,
      round: async () => {
        const args = [platform.files.fromUrl(SCRIPT), batchSize, engine.threads, last, ROUND_SECONDS].map(String);
        const { code, stdout, stderr } = await platform.runCommand(python!, args);
        if (code !== 0)
          throw new SelvedgeError('bench/peer', `Cannot measure PyTorch: ${stderr.trim().split('\n').at(-1)}`);
        return { value: (JSON.parse(stdout) as { imagesPerSecond: number }).imagesPerSecond };
      },
    });
    const entrants = [
      ours('selvedge, plan', roads[0]),
      ours('selvedge, op by op', roads[1]),
      ...(python ? [theirs('PyTorch', 0), theirs('PyTorch, channels last', 1)] : []),
    ].filter(({ name }) => only?.some((part) => name.includes(part)) ?? true);
    try {
      for (const road of roads) road.update();
      const measured = await alternate(entrants, {
        rounds,
        onRound: (round, all) => onProgress?.(`round ${round} of ${all}`),
      });
      const first = valuesOf(measured[0]!);
      const entries = measured.map((each) => ({
        name: each.name,
        imagesPerSecond: spreadOf(valuesOf(each)),
        ratio: ratioSpread(first, valuesOf(each)),
      }));
      const disturbance = disturbanceOf(measured);
      const lines = entries.map(
        ({ name, imagesPerSecond, ratio }) =>
          `${name.padEnd(24)} ${spreadText(imagesPerSecond)} images/s; ${entries[0]!.name} is ${ratio ? timesText(ratio.median) : 'not'} as fast`,
      );
      return {
        json: { benchmark: 'unet', batchSize, threads: engine.threads, entries, disturbance },
        text: [
          `training a U-Net of 28x28x1, batch ${batchSize}, ${engine.threads} threads`,
          ...lines,
          ...(python ? [] : [`PyTorch is absent: ${INSTALL_PYTORCH}`]),
          ...disturbanceNotice(disturbance),
        ].join('\n'),
      };
    } finally {
      for (const road of roads) road.dispose();
      tf.dispose([...batch.inputs, batch.target]);
    }
  },
};

interface MadeBatch {
  readonly inputs: readonly tf.Tensor[];
  readonly target: tf.Tensor;
}

function makeBatch(size: number): MadeBatch {
  const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);
  const labels = tf.tensor2d(
    Array.from({ length: size }, (_, i) => i % CLASSES),
    [size, 1],
  );
  return {
    inputs: [normal([size, 28, 28, 1], 1), labels, normal([size, TIME], 2)],
    target: normal([size, 28, 28, 1], 3),
  };
}

function rateOf(road: Road, batchSize: number): number {
  const start = platform.now();
  let updates = 0;
  while (platform.now() - start < 1000 * ROUND_SECONDS) {
    road.update();
    updates++;
  }
  return (1000 * batchSize * updates) / (platform.now() - start);
}

/** A model of its own and its optimiser. */
function prepare() {
  const model = unet();
  initializeWeights(model, 1);
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  return { model, variables, optimizer: createOptimizer(variables, optimizerDefaults.adam) };
}

function planned({ inputs, target }: MadeBatch, batchSize: number): Road {
  const { model, optimizer } = prepare();
  const plan = compileTraining(model, { batchSize, seed: 1, losses: [LOSS], updates: optimizer.updates });
  if ('reason' in plan) throw new TypeError(`the U-Net has no plan: ${plan.reason}`);
  const backend = currentBackend();
  let updates = 0;
  return {
    update() {
      const places = inputs.map((input) => backend.offset(input));
      const batch = { inputs: places, targets: [backend.offset(target)], size: batchSize };
      return plan.step(batch, updates++, optimizer.countUpdate(1)).lossSum / batchSize;
    },
    dispose() {
      plan.dispose();
      optimizer.dispose();
      model.dispose();
    },
  };
}

function opByOp({ inputs, target }: MadeBatch): Road {
  const { model, variables, optimizer } = prepare();
  const forward = createNetworkForward(model, [undefined]);
  let step = 0;
  return {
    update: () =>
      tf.tidy(() => {
        let sum = 0;
        const compute = (): tf.Scalar => {
          const [output] = forward(inputs, { training: true, seed: 1, step });
          return lossOfOutput(output!, target, LOSS, ({ lossSum }) => {
            sum = lossSum;
          });
        };
        step++;
        optimizer.apply(tf.variableGrads(compute, variables).grads, 1);
        return sum / inputs[0]!.shape[0]!;
      }),
    dispose() {
      optimizer.dispose();
      model.dispose();
    },
  };
}
