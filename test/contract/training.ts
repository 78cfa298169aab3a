// Contract: trainings by plan and op by op, whole and interrupted, have the same weights and losses everywhere.
import * as assert from 'uvu/assert';
import type * as tf from '../../src/backend/tfjs.ts';
import { loadFashionMnistSample, placeDataset } from '../../src/data/index.ts';
import { buildModel, initializeWeights } from '../../src/models/index.ts';
import {
  type Checkpoint,
  type CheckpointStore,
  type Execution,
  type Fingerprint,
  type FingerprintOptions,
  type FitState,
  fingerprintTraining,
  fit,
  fitDefaults,
  type OptimizerConfig,
  openCheckpoints,
  optimizerDefaults,
} from '../../src/training/index.ts';
import type { Bits, ContractTest, ContractTests } from './suite.ts';

/** Losses are doubles. */
const bytesOf = (losses: readonly number[]): Uint8Array => new Uint8Array(Float64Array.from(losses).buffer);

const bitsOf = ({ weights, losses }: Fingerprint): Bits => [new TextEncoder().encode(weights), bytesOf(losses)];

async function take(options: Omit<FingerprintOptions, 'dataset'>): Promise<Fingerprint> {
  const { train } = await loadFashionMnistSample();
  return fingerprintTraining({ ...options, dataset: train });
}

/** A short fingerprint, by the road it should go. */
function fingerprint(kind: Execution['kind'], options: Omit<FingerprintOptions, 'dataset'>): ContractTest {
  return async () => {
    let execution: Execution | undefined;
    const taken = await take({
      ...options,
      opByOp: kind === 'op-by-op',
      onStart: (chosen) => {
        execution = chosen;
      },
    });
    assert.is(execution?.kind, kind);
    assert.is(taken.status, 'complete');
    assert.is.not(taken.images % taken.batchSize, 0, 'the last batch is short');
    assert.ok(taken.losses.every(Number.isFinite));
    return bitsOf(taken);
  };
}

/** Checkpoints where there are no files: the last one, as it was when it was saved. */
function rememberedCheckpoints(): CheckpointStore<FitState> {
  let last: Checkpoint<FitState> | undefined;
  return {
    save: async (checkpoint) => {
      last = structuredClone(checkpoint);
    },
    load: async () => structuredClone(last),
    clear: async () => {
      last = undefined;
    },
  };
}

/** A training that is stopped inside its second epoch and goes on from its checkpoint. */
const stopped: ContractTest = async ({ folder }) => {
  const options = { model: 'dropout', images: 110, batchSize: 24 };
  const whole = await take(options);
  const stop = new AbortController();
  let updates = 0;
  const onProgress = (): void => {
    if (++updates === 7) stop.abort();
  };
  const remembered = rememberedCheckpoints();
  const open = () => (folder === undefined ? remembered : openCheckpoints<FitState>(folder));
  const first = await take({ ...options, checkpoints: open(), checkpointEvery: 2, signal: stop.signal, onProgress });
  assert.equal([first.status, first.updates], ['interrupted', 7]);
  const rest = await take({ ...options, checkpoints: open() });
  assert.equal([rest.status, rest.updatesNow], ['complete', whole.updates - 7]);
  assert.equal(bitsOf(rest), bitsOf(whole));
  return bitsOf(rest);
};

const optimizers: readonly OptimizerConfig[] = [optimizerDefaults.sgd, optimizerDefaults.adamw];

const otherOptimizers: ContractTest = async () => {
  const { train } = await loadFashionMnistSample();
  const resident = placeDataset(train);
  const found: (Float32Array | Uint8Array)[] = [];
  for (const optimizer of optimizers) {
    const model: tf.LayersModel = buildModel('baseline', { inputShape: [28, 28, 1], classes: 10 });
    initializeWeights(model, 4);
    const indices = Int32Array.from({ length: 60 }, (_, i) => 17 * i);
    const { history } = await fit(model, {
      training: resident.examples({ indices }),
      validation: resident.examples({ indices: Int32Array.of(1, 2, 3) }),
      settings: { ...fitDefaults, optimizer, epochs: 1, batchSize: 32, labelSmoothing: 0.1 },
    });
    found.push(...model.getWeights().map((weight) => weight.dataSync<'float32'>().slice()));
    found.push(bytesOf(history.map(({ validationLoss }) => validationLoss!)));
    model.dispose();
  }
  resident.dispose();
  return found;
};

export const trainingTests: ContractTests = {
  'baseline trained by plan': fingerprint('plan', { model: 'baseline', images: 130, batchSize: 24 }),
  'dropout trained by plan': fingerprint('plan', { model: 'dropout', images: 130, batchSize: 24 }),
  'a residual network with batch norm trained by plan': fingerprint('plan', {
    model: 'resnet20',
    images: 37,
    batchSize: 16,
  }),
  'dropout trained op by op': fingerprint('op-by-op', { model: 'dropout', images: 40, batchSize: 24 }),
  'a residual network with batch norm trained op by op': fingerprint('op-by-op', {
    model: 'resnet20',
    images: 9,
    batchSize: 8,
  }),
  'a training that is stopped and goes on ends as if it had not been': stopped,
  'other optimisers, with label smoothing and a validation': otherOptimizers,
};
