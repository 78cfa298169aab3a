// The training loop: shuffled batches, one update each, validation and a checkpoint after each epoch.
// Not here: files other than checkpoints, printing, data formats. Invariant: weights after an update are a function of
// (initial weights, data, settings, number of the update), whether or not the run was killed and resumed in between.

import * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import { shuffledIndices } from '../core/philox.ts';
import type { BatchLoss, TrainingPlan, Unsupported } from '../plan/index.ts';
import { platform } from '../platform/index.ts';
import type { Checkpoint, CheckpointTensor } from './checkpoint.ts';
import { clip } from './clip.ts';
import {
  checkSettings,
  type EpochRecord,
  type Execution,
  type FitOptions,
  type FitResult,
  type FitState,
  type Progress,
} from './fit-options.ts';
import { defaultIdentity } from './identity.ts';
import { penaltiesOf, readWeights, restoreWeights, trainableVariables } from './model-weights.ts';
import { classifierObjective, type Objective } from './objective.ts';
import { createOptimizer, type Optimizer } from './optimizers.ts';
import { outputsObjective } from './outputs-objective.ts';
import { cyclesOf, scheduleFactor } from './schedule.ts';
import type { BatchRequest } from './training-batches.ts';
import type { Validation } from './validation.ts';
import { createWeightAverage, type WeightAverage } from './weight-average.ts';

/** Images that the statistics of batch norm are made of where weights are averaged. */
const OBSERVED_IMAGES = 8000;
/** How often the event loop gets a turn, so that Ctrl-C and drawing work. */
const YIELD_MS = 100;

/**
 * Trains a model in place: a classifier, or, by `settings.losses`, a model of any inputs and outputs.
 *
 * @param model Weights are updated in place; it needs no compile()
 * @param options Data, settings, and where to keep checkpoints; a checkpoint of the same run is resumed
 * @returns History and whether the run is complete
 * @throws SelvedgeError `training/diverged` on a loss that is not finite, `training/settings`, `training/other-run`,
 *   `training/unsupported-model`
 *
 * @example
 * ```ts
 * import { buildModel, fit, fitDefaults, initializeWeights, loadFashionMnistSample, placeDataset, startBackend } from 'selvedge';
 * const engine = await startBackend();
 * const { train } = await loadFashionMnistSample();
 * const model = buildModel('baseline', { inputShape: [28, 28, 1], classes: 10 });
 * initializeWeights(model, 1);
 * const { history } = await fit(model, { training: placeDataset(train).examples(), settings: { ...fitDefaults, epochs: 1 } });
 * console.assert(history.length === 1);
 * await engine.stop();
 * ```
 */
export async function fit(model: tf.LayersModel, options: FitOptions): Promise<FitResult> {
  checkSettings(options);
  const identity = options.identity ?? (await defaultIdentity(options));
  const trainer = new Trainer(model, { ...options, identity });
  try {
    return await trainer.run();
  } finally {
    trainer.dispose();
  }
}

class Trainer {
  readonly #model: tf.LayersModel;
  readonly #options: FitOptions;
  readonly #optimizer: Optimizer;
  readonly #variables: tf.Variable[];
  readonly #objective: Objective;
  readonly #plan: TrainingPlan | Unsupported;
  readonly #validation: Validation | undefined;
  readonly #average: WeightAverage | undefined;
  #state: FitState;
  #yielded = platform.now();

  constructor(model: tf.LayersModel, options: FitOptions & { readonly identity: string }) {
    this.#model = model;
    this.#options = options;
    this.#variables = trainableVariables(model);
    const { losses, averaging } = options.settings;
    this.#objective = losses ? outputsObjective(model, options, losses) : classifierObjective(model, options);
    // Last: it owns tensors and memory from here on.
    this.#optimizer = createOptimizer(this.#variables, options.settings.optimizer);
    this.#plan = this.#compile();
    this.#validation = this.#createValidation();
    this.#average = averaging && createWeightAverage(model, averaging);
    this.#state = {
      identity: options.identity,
      epoch: 1,
      step: 0,
      updates: 0,
      lossSum: 0,
      hits: 0,
      trainingMs: 0,
      history: [],
    };
  }

  async run(): Promise<FitResult> {
    await this.#options.onReady?.();
    await this.#resume();
    this.#options.onStart?.(this.#execution());
    const { epochs } = this.#options.settings;
    const resumedAt = this.#state.updates;
    let status: FitResult['status'] = 'complete';
    while (status === 'complete' && this.#state.epoch <= epochs) status = await this.#runEpoch();
    if (status === 'complete') this.#applyAverages();
    const { updates, history } = this.#state;
    return { status, history, updates, updatesNow: updates - resumedAt };
  }

  dispose(): void {
    this.#average?.dispose();
    this.#validation?.dispose();
    this.#disposeTraining();
  }

  #disposeTraining(): void {
    if (!('reason' in this.#plan)) this.#plan.dispose();
    this.#objective.dispose();
    this.#optimizer.dispose();
  }

  #execution(): Execution {
    if ('reason' in this.#plan) return { kind: 'op-by-op', reason: this.#plan.reason };
    const { dispatches, byteLength } = this.#plan;
    return { kind: 'plan', dispatches, byteLength };
  }

  #compile(): TrainingPlan | Unsupported {
    if (this.#options.opByOp) return { reason: 'the caller asked for operations one by one' };
    try {
      return this.#objective.compile(this.#optimizer.updates);
    } catch (error) {
      this.#objective.dispose();
      this.#optimizer.dispose();
      throw error;
    }
  }

  #createValidation(): Validation | undefined {
    try {
      return this.#objective.validation();
    } catch (error) {
      this.#disposeTraining();
      throw error;
    }
  }

  async #runEpoch(): Promise<FitResult['status']> {
    const { training, settings, checkpointEvery, signal, onProgress } = this.#options;
    const { epoch } = this.#state;
    const steps = Math.ceil(training.count / settings.batchSize);
    const order = shuffledIndices(training.count, { seed: settings.seed, epoch });
    while (this.#state.step < steps) {
      const start = platform.now();
      const first = this.#state.step * settings.batchSize;
      const positions = order.subarray(first, first + settings.batchSize);
      const { lossSum, hits } = this.#update(positions);
      this.#average?.update(this.#state.updates);
      this.#state = {
        ...this.#state,
        step: this.#state.step + 1,
        updates: this.#state.updates + 1,
        lossSum: this.#state.lossSum + lossSum,
        hits: this.#state.hits + hits,
        trainingMs: this.#state.trainingMs + platform.now() - start,
      };
      onProgress?.(this.#progress(steps));
      await this.#giveWay();
      if (this.#state.step === steps) break;
      if (signal?.aborted || (checkpointEvery && this.#state.step % checkpointEvery === 0)) await this.#save();
      if (signal?.aborted) return 'interrupted';
    }
    await this.#endEpoch();
    return signal?.aborted && this.#state.epoch <= settings.epochs ? 'interrupted' : 'complete';
  }

  #update(positions: Int32Array): BatchLoss {
    const { epoch, step } = this.#state;
    const result = 'reason' in this.#plan ? this.#updateOpByOp(positions) : this.#updateByPlan(this.#plan, positions);
    if (Number.isFinite(result.lossSum)) return result;
    throw this.#diverged(`the loss became ${result.lossSum} in epoch ${epoch}, step ${step + 1}`);
  }

  #updateByPlan(plan: TrainingPlan, positions: Int32Array): BatchLoss {
    const { updates } = this.#state;
    const stepWords = this.#optimizer.countUpdate(this.#rateFactor());
    return this.#objective.withPlanned(this.#request(positions), (batch) => plan.step(batch, updates, stepWords));
  }

  /** The batch of the update that comes next. */
  #request(positions: Int32Array): BatchRequest {
    const { epoch, updates } = this.#state;
    return { positions, epoch, update: updates };
  }

  #updateOpByOp(positions: Int32Array): BatchLoss {
    const { settings } = this.#options;
    const { updates } = this.#state;
    let result: BatchLoss | undefined;
    tf.tidy(() => {
      const batch = this.#objective.takeOpByOp(this.#request(positions), updates);
      const { grads } = tf.variableGrads(() => {
        const keep = (batchLoss: BatchLoss): void => {
          result = batchLoss;
        };
        const loss = this.#objective.lossOpByOp(batch, keep);
        return penaltiesOf(this.#model).reduce((sum: tf.Scalar, penalty) => tf.add(sum, penalty), loss);
      }, this.#variables);
      if (Number.isFinite(result!.lossSum)) this.#optimizer.apply(clip(grads, settings.clipNorm), this.#rateFactor());
      this.#objective.disposeOpByOp(batch);
    });
    return result!;
  }

  #measure(): ReturnType<Validation['measure']> | undefined {
    if (!this.#validation) return undefined;
    this.#applyAverages();
    const measured = this.#validation.measure();
    this.#average?.revert();
    return measured;
  }

  /** Puts the averages in place of the weights, and makes the statistics of batch norm of images as this epoch has them. */
  #applyAverages(): void {
    const { training, settings } = this.#options;
    const { batchSize, seed, epochs } = settings;
    const epoch = Math.min(this.#state.epoch, epochs);
    const order = shuffledIndices(training.count, { seed, epoch });
    const batches = Math.max(1, Math.floor(Math.min(training.count, OBSERVED_IMAGES) / batchSize));
    const observe = (batch: number): void => {
      this.#observe(order.subarray(batch * batchSize, (batch + 1) * batchSize), epoch);
    };
    this.#average?.apply(observe, batches);
  }

  /** Images as they are predicted later: augmented, but whole. */
  #observe(positions: Int32Array, epoch: number): void {
    const step = this.#state.updates;
    const plan = this.#plan;
    const request = { positions, epoch };
    if (!('reason' in plan)) {
      this.#objective.withPlanned(request, (batch) => plan.observe(batch, step));
      return;
    }
    this.#objective.observe(request, step);
  }

  #rateFactor(): number {
    const { training, settings } = this.#options;
    const updates = settings.epochs * Math.ceil(training.count / settings.batchSize);
    return scheduleFactor(settings.schedule, this.#state.updates, updates);
  }

  async #endEpoch(): Promise<void> {
    const { training, settings, onEpoch, onCycle } = this.#options;
    const { epoch, lossSum, hits, trainingMs, history } = this.#state;
    const start = platform.now();
    // The last update may have broken the weights, and no loss has told so yet.
    this.#checkWeights();
    const measured = this.#measure();
    if (measured && !Number.isFinite(measured.loss)) {
      throw this.#diverged(`the validation loss became ${measured.loss} after epoch ${epoch}`);
    }
    const record: EpochRecord = {
      epoch,
      loss: lossSum / training.count,
      accuracy: hits / training.count,
      ...(measured ? { validationLoss: measured.loss, validationAccuracy: measured.accuracy } : {}),
      imagesPerSecond: (1000 * training.count) / trainingMs,
      durationMs: trainingMs + platform.now() - start,
    };
    const next = { epoch: epoch + 1, step: 0, lossSum: 0, hits: 0, trainingMs: 0, history: [...history, record] };
    this.#state = { ...this.#state, ...next };
    const cycle = (epoch * cyclesOf(settings.schedule)) / settings.epochs;
    if (cyclesOf(settings.schedule) > 1 && Number.isInteger(cycle)) await onCycle?.(cycle);
    await this.#save();
    await onEpoch?.(record, next.history);
    await this.#giveWay();
  }

  #progress(steps: number): Progress {
    const { epoch, step, lossSum, hits, trainingMs } = this.#state;
    const { training, settings } = this.#options;
    const seen = Math.min(step * settings.batchSize, training.count);
    const rate = (1000 * seen) / trainingMs;
    const means = { loss: lossSum / seen, accuracy: hits / seen, imagesPerSecond: rate };
    return { epoch, epochs: settings.epochs, step, steps, ...means, elapsedMs: trainingMs };
  }

  async #giveWay(): Promise<void> {
    if (platform.now() - this.#yielded < YIELD_MS) return;
    await platform.giveWay();
    this.#yielded = platform.now();
  }

  #checkWeights(): void {
    const { epoch, step } = this.#state;
    for (const { name, values } of readWeights(this.#model)) {
      if (values.every(Number.isFinite)) continue;
      throw this.#diverged(`a value of weight "${name}" is no longer finite in epoch ${epoch}, step ${step}`);
    }
  }

  #diverged(what: string): SelvedgeError {
    const { learningRate } = this.#options.settings.optimizer;
    return new SelvedgeError('training/diverged', `Cannot go on: ${what}; try a learning rate below ${learningRate}`);
  }

  async #save(): Promise<void> {
    const { checkpoints } = this.#options;
    if (!checkpoints) return;
    this.#checkWeights();
    await checkpoints.save({ state: this.#state, tensors: this.#tensors() });
  }

  /** What a checkpoint holds: weights, what the optimiser keeps, averages. */
  #tensors(): CheckpointTensor[] {
    return [...readWeights(this.#model), ...this.#optimizer.save(), ...(this.#average?.save() ?? [])];
  }

  async #resume(): Promise<void> {
    const found = await this.#options.checkpoints?.load();
    if (!found) return;
    this.#checkRun(found);
    const weights = found.tensors.slice(0, this.#model.weights.length);
    restoreWeights(this.#model, weights);
    const end = found.tensors.length - (this.#average?.count ?? 0);
    this.#optimizer.restore(found.tensors.slice(weights.length, end), found.state.updates);
    this.#average?.restore(found.tensors.slice(end));
    this.#state = found.state;
  }

  #checkRun({ state, tensors }: Checkpoint<FitState>): void {
    if (state.identity !== this.#state.identity) {
      throw otherRun('the checkpoint belongs to a run with other settings or data');
    }
    const { epochs } = this.#options.settings;
    const epochsDone = state.epoch - 1;
    if (epochsDone > epochs || (epochsDone === epochs && state.step > 0)) {
      throw otherRun(`the checkpoint is beyond the ${epochs} epochs asked for: ${epochsDone} are done`);
    }
    const expected = this.#tensors().map(({ shape }) => `[${shape.join(', ')}]`);
    const got = tensors.map(({ shape }) => `[${shape.join(', ')}]`);
    const length = Math.max(expected.length, got.length);
    for (let i = 0; i < length; i++) {
      if (expected[i] === got[i]) continue;
      throw otherRun(`tensor ${i} of the checkpoint has shape ${got[i]}, the model has ${expected[i]}`);
    }
  }
}

const otherRun = (reason: string): SelvedgeError => new SelvedgeError('training/other-run', `Cannot resume: ${reason}`);
