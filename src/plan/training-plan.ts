// A model, its loss and its optimiser, compiled: forward and backward pass of a partition of the batch stay in one thread's cache,
// then weight gradients, updates and what is derived from weights are made side by side. Two dispatches a step; one more where
// Winograd's algorithm makes weight gradients, whose products are cheaper by position; two more a batch norm, for its statistics.
// Not here: batches, epochs, checkpoints. Invariant: weights are the model's own variables; who changes them is noticed.

import { currentBackend, type SelvedgeBackend } from '../backend/index.ts';
import { ownMemory, updateArguments, type VariableUpdate } from '../backend/kernels/optimizer-update.ts';
import type { OutputLoss } from '../backend/kernels/output-loss.ts';
import type { LossOptions } from '../backend/kernels/weighted-cross-entropy.ts';
import type * as tf from '../backend/tfjs.ts';
import { SelvedgeError } from '../core/errors.ts';
import type { ExampleSource } from '../data/index.ts';
import { floatsOf, type StageLayout, type Weight } from './context.ts';
import { fixedValues } from './fixed-values.ts';
import { type FusedGraph, fuse, type Group, SAME_MEMORY } from './fuse.ts';
import { type Graph, graphOf, planGraph } from './graph.ts';
import { frozenWeight, PlanLayout, sizeOfVariable } from './layout.ts';
import { phasesOf, stagesOf } from './passes.ts';
import { type Call, type Phase, type PlanMemory, runPhase } from './program.ts';
import { readNetwork, type Unsupported } from './read-model.ts';
import { type BatchEnds, layoutBatchEnds } from './stages/batch-ends.ts';
import { layoutOf } from './stages/index.ts';
import { endingOfLoss } from './stages/output-losses.ts';
import { type PlannedBatch, sizeOfBatch } from './stages/source.ts';
import { type Clipping, layoutClipping, updatePhases } from './updates.ts';

export interface TrainingPlanOptions {
  /** Images of the largest batch. */
  readonly batchSize: number;
  readonly seed: number;
  /** What is minimised of a classifier; default: cross-entropy. */
  readonly loss?: LossOptions;
  /** What is minimised of any other model, by output: batches then have targets for each of them. Default: the model is a classifier. */
  readonly losses?: readonly OutputLoss[] | undefined;
  /**
   * Tells a teacher's probabilities `[size, classes]` of images `[size, height, width, channels]` at a byte offset, where the loss has a
   * distillation.
   */
  readonly teacher?: ((images: number, size: number) => Float32Array) | undefined;
  /** Above which the norm of all gradients together is brought down to it; default: none is. */
  readonly clipNorm?: number | undefined;
  /** Where batches are gathered from; without it, batches are tensors. */
  readonly source?: ExampleSource | undefined;
  /** Whether batches of the source may be mixed; default: no. */
  readonly isMixed?: boolean;
  /** How variables are updated; those that are not named stay as they are. */
  readonly updates: readonly VariableUpdate[];
}

/** Losses and hits of one batch. */
export interface BatchLoss {
  /** Sum of the losses of the examples, in their order, in double precision. */
  readonly lossSum: number;
  /** Of outputs that have no classes: 0. */
  readonly hits: number;
  /** The sum by output, where losses of outputs are minimised. */
  readonly outputs?: readonly number[];
}

export interface TrainingPlan {
  /** Dispatches of a step with a full batch: phases of one job run on the calling thread and wake no other. */
  readonly dispatches: number;
  /** Bytes that the plan holds besides weights and moments. */
  readonly byteLength: number;
  /**
   * One update.
   *
   * @param update Number of the update from the start of the training: dropout masks depend on it
   * @param stepWords What ends the arguments of the optimiser's kernels in this update, in the order of `updates`
   * @throws SelvedgeError `plan/batch-size` if the batch is empty or larger than the plan has room for
   */
  step(batch: PlannedBatch, update: number, stepWords: readonly (readonly number[])[]): BatchLoss;
  /**
   * The forward pass of an update alone: nothing but the moving averages of batch norm changes.
   *
   * @throws SelvedgeError `plan/batch-size`, as `step`
   */
  observe(batch: PlannedBatch, update: number): void;
  /** Gives back its memory; the model stays. */
  dispose(): void;
}

/**
 * Compiles a training plan.
 *
 * @returns The plan, which the caller disposes, or the reason why the model must run op by op
 */
export function compileTraining(model: tf.LayersModel, options: TrainingPlanOptions): TrainingPlan | Unsupported {
  const graph = trainingGraphOf(model, options);
  if ('reason' in graph) return graph;
  const fused = fuse(graph);
  const layouts = fused.groups.map(layoutOf);
  checkMemory(fused.groups, options.batchSize);
  const unknown = layouts.find((layout): layout is Unsupported => 'reason' in layout);
  if (unknown) return unknown;
  return new CompiledTraining({ layouts: layouts as StageLayout[], ...fused }, options);
}

function trainingGraphOf(model: tf.LayersModel, { losses }: TrainingPlanOptions): Graph | Unsupported {
  if (!losses) return graphOf(model);
  const read = readNetwork(model, losses.map(endingOfLoss));
  return 'reason' in read ? read : planGraph(read, true);
}

/** What WebAssembly can have. */
const MEMORY_BYTES = 65_536 * 65_536;

/** Refuses at once what cannot be: to ask for the memory, until there is no more, takes minutes. */
function checkMemory(groups: readonly Group[], batchSize: number): void {
  const made = groups.filter(({ head }) => !SAME_MEMORY.includes(head?.kind ?? ''));
  const bytes = made.reduce((sum, { output }) => sum + 4 * batchSize * floatsOf(output), 0);
  if (bytes <= MEMORY_BYTES) return;
  const gigabytes = (value: number): string => `${(value / 1e9).toFixed(1)} GB`;
  throw new SelvedgeError(
    'plan/memory',
    `Cannot train on batches of ${batchSize} images: what the layers make of them takes ${gigabytes(bytes)} or more, expected at most ` +
      `${gigabytes(MEMORY_BYTES)}, which is all that WebAssembly has; use smaller batches`,
  );
}

/** Elements of a unit of an update: jobs own rows of weights, of any multiple of four elements. */
const UPDATE_ELEMENTS = 4;
/** Room for what changes with each update. */
const NO_STEP_WORDS = [0, 0, 0, 0];

interface Compiled {
  /** Bring the images of a batch in, where a teacher sees them first; else those of the passes do. */
  readonly entry: readonly Phase[];
  readonly phases: readonly Phase[];
  /** Those of the forward pass alone. */
  readonly forward: readonly Phase[];
  readonly derive: Phase;
  readonly scratchBytes: number;
}

interface Network extends FusedGraph {
  readonly layouts: readonly StageLayout[];
}

class CompiledTraining implements TrainingPlan {
  readonly #options: TrainingPlanOptions;
  readonly #backend: SelvedgeBackend;
  readonly #layout: PlanLayout;
  readonly #memory: PlanMemory;
  readonly #weights = new Map<tf.LayerVariable, Weight>();
  /** Where the words of an update's arguments are that change with each step. */
  readonly #stepWordsAt = new Map<VariableUpdate, number>();
  /** Written besides the weights that the optimiser updates. */
  readonly #writtenVariables = new Set<tf.LayerVariable>();
  readonly #stages: ReturnType<StageLayout>[];
  readonly #compiled = new Map<number, Compiled>();
  readonly #ends: BatchEnds;
  readonly #network: Network;
  readonly #clipping: Clipping | undefined;
  /** Whether a stage has no backward pass: nothing in it or before it trains. */
  readonly #isFixed: readonly boolean[];

  constructor(network: Network, options: TrainingPlanOptions) {
    const { layouts, groups, inputs } = network;
    this.#network = network;
    this.#options = options;
    this.#backend = currentBackend();
    const { batchSize, seed } = options;
    const fixed = fixedValues(groups, inputs, new Set(options.updates.map(({ variable }) => variable)));
    this.#isFixed = groups.map(({ output }) => fixed.has(output.id));
    this.#layout = new PlanLayout(this.#backend, { capacity: batchSize, inputs, isTraining: true, seed, fixed });
    this.#memory = this.#layout.memory;
    try {
      const { clipNorm, updates } = options;
      const sizes = updates.map(({ variable }) => variable.size);
      this.#clipping = clipNorm === undefined ? undefined : layoutClipping(this.#memory, clipNorm, sizes);
      const context = this.#layout.context({
        weight: (variable) => this.#weight(variable),
        writesVariable: (variable) => this.#writtenVariables.add(variable),
      });
      this.#ends = layoutBatchEnds(context, network, options);
      this.#stages = layouts.map((layout) => layout(context));
      this.#ends.layoutLoss();
    } catch (error) {
      this.#memory.dispose();
      throw error;
    }
  }

  get byteLength(): number {
    return this.#memory.byteLength;
  }

  get dispatches(): number {
    const { entry, phases } = this.#compile(this.#options.batchSize);
    return [...entry, ...phases].filter(({ jobs }) => jobs > 1).length;
  }

  step(batch: PlannedBatch, update: number, stepWords: readonly (readonly number[])[]): BatchLoss {
    const { entry, phases, scratchBytes } = this.#prepare(batch, update);
    this.#options.updates.forEach((variableUpdate, i) => {
      const at = this.#stepWordsAt.get(variableUpdate);
      if (at !== undefined) this.#memory.view(at, stepWords[i]!.length).set(stepWords[i]!);
    });
    for (const phase of entry) runPhase(this.#backend, phase, scratchBytes);
    this.#ends.askTeacher(sizeOfBatch(batch));
    for (const phase of phases) runPhase(this.#backend, phase, scratchBytes);
    return this.#ends.readLoss(sizeOfBatch(batch));
  }

  observe(batch: PlannedBatch, update: number): void {
    const { entry, forward, scratchBytes } = this.#prepare(batch, update);
    for (const phase of [...entry, ...forward]) runPhase(this.#backend, phase, scratchBytes);
  }

  #prepare(batch: PlannedBatch, update: number): Compiled {
    const size = sizeOfBatch(batch);
    const { batchSize } = this.#options;
    if (size < 1 || size > batchSize) {
      throw new SelvedgeError(
        'plan/batch-size',
        `Cannot train on a batch: expected 1 to ${batchSize} images, which the plan was compiled for, got ${size}`,
      );
    }
    const compiled = this.#compile(size);
    this.#followWeights(compiled);
    this.#ends.take(batch);
    for (const args of this.#layout.maskArgs) this.#memory.setWord(args, 7, update);
    return compiled;
  }

  dispose(): void {
    this.#memory.dispose();
  }

  /** Notices weights that moved or were replaced, and makes anew what is derived from them. */
  #followWeights({ derive, scratchBytes }: Compiled): void {
    for (const { variable } of this.#options.updates) ownMemory(this.#backend, variable);
    for (const variable of this.#writtenVariables) ownMemory(this.#backend, variable.read() as tf.Variable);
    if (this.#layout.followWeights()) runPhase(this.#backend, derive, scratchBytes);
  }

  #weight(variable: tf.LayerVariable): Weight {
    const known = this.#weights.get(variable);
    if (known) return known;
    const update = this.#options.updates.find((candidate) => candidate.variable === variable.read());
    const weight = update ? this.#trainedWeight(variable, update) : frozenWeight(variable);
    this.#weights.set(variable, weight);
    return weight;
  }

  #trainedWeight(variable: tf.LayerVariable, update: VariableUpdate): Weight {
    const size = sizeOfVariable(variable);
    const gradient = this.#memory.floats(size);
    const slots = update.slots.map((slot) => this.#backend.offset(slot));
    const words = updateArguments(
      { weights: 0, gradient, slots },
      { elements: size, elementsPerUnit: UPDATE_ELEMENTS },
      update,
      [],
    );
    const args = this.#layout.args([...words, ...NO_STEP_WORDS], { 0: variable });
    this.#stepWordsAt.set(update, args + words.length * 4);
    const { kernel } = update;
    const call = (first: number, last: number): Call[] => [
      { kernel, args, start: first / UPDATE_ELEMENTS, end: Math.ceil(last / UPDATE_ELEMENTS) },
    ];
    const index = this.#options.updates.indexOf(update);
    const clip = this.#clipping?.scale(index, gradient, UPDATE_ELEMENTS);
    const clipped = clip && ((first: number, last: number): Call[] => [...clip(first, last), ...call(first, last)]);
    return { variable, size, gradient, update: clipped ?? call };
  }

  #compile(batch: number): Compiled {
    const known = this.#compiled.get(batch);
    if (known) return known;
    const { outputs } = this.#network;
    // Losses write the gradients of outputs first of all.
    const sizes = { batch, capacity: this.#options.batchSize, written: outputs };
    const stages = stagesOf(this.#layout, this.#stages, sizes);
    const { stage: input } = this.#ends;
    const seen = this.#options.teacher ? input.forward : [];
    const entered = this.#options.teacher ? [] : [input];
    const forward = [...entered, ...stages, ...this.#ends.loss(batch)].flatMap((stage) => stage.forward);
    const trained = stages.filter((_, i) => !this.#isFixed[i]);
    const backward = trained.toReversed().flatMap((stage) => stage.backward);
    const compiled: Compiled = {
      entry: phasesOf(this.#memory, seen, batch),
      forward: phasesOf(this.#memory, forward, batch),
      phases: [
        ...phasesOf(this.#memory, [...forward, ...backward], batch),
        ...updatePhases(this.#memory, trained, this.#clipping),
      ],
      derive: this.#memory.phase(stages.flatMap(({ derivations }) => derivations)),
      scratchBytes: Math.max(input.scratchBytes, ...stages.map(({ scratchBytes }) => scratchBytes)),
    };
    this.#compiled.set(batch, compiled);
    return compiled;
  }
}
