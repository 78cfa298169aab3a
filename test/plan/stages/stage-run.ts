// One stage of a plan by itself: its memory, its inputs and gradients set by hand, its calls run as a plan runs them.
// Not here: what is expected of it. Invariant: `dispose` gives everything back.
import * as tf from '@tensorflow/tfjs';
import { currentBackend } from '../../../src/backend/index.ts';
import { type DropoutKey, dropout } from '../../../src/backend/kernels/dropout.ts';
import { activationCodes } from '../../../src/backend/kernels/output-activation.ts';
import type { PlanContext, Range, Stage, StageLayout, Step, Weight } from '../../../src/plan/context.ts';
import { floatsOf } from '../../../src/plan/context.ts';
import type { FinishSettings, Group, Value } from '../../../src/plan/fuse.ts';
import type { ImageShape } from '../../../src/plan/graph.ts';
import { PlanLayout, sizeOfVariable } from '../../../src/plan/layout.ts';
import { type Job, runPhase } from '../../../src/plan/program.ts';

/** What is found in memory that nobody wrote. */
export const UNTOUCHED = -77;

export const NO_FINISH: FinishSettings = {
  activation: { code: activationCodes.linear, alpha: 0 },
  pooling: { size: [1, 1], strides: [1, 1] },
  dropout: undefined,
};

/** A value of which a part may be used. */
export const imageValue = (id: number, shape: ImageShape, used = [shape[0], shape[1]] as const): Value => ({
  id,
  shape,
  used: [used[0], used[1]],
  readers: 1,
});

/** A group of one input. */
export function groupOf(parts: {
  readonly head: Group['head'];
  readonly input: Value;
  readonly sumsShape: ImageShape;
  readonly sumsUsed: readonly [number, number];
  readonly finish: FinishSettings;
  readonly output: Value;
}): Group {
  const { input, ...rest } = parts;
  return { ...rest, inputs: [input], gradientTwin: undefined };
}

/** One for each element that dropout() keeps of a tensor of some size, zero for the others. */
export function keptByDropout(size: number, rate: number, key: DropoutKey): Uint8Array {
  return tf.tidy(() => {
    const made = dropout(currentBackend(), tf.ones([size]), rate, key);
    const [y] = [made.y, made.mask].map((info) => tf.engine().makeTensorFromTensorInfo(info));
    return Uint8Array.from(y!.dataSync(), (value) => (value === 0 ? 0 : 1));
  });
}

export interface StageRunOptions {
  /** Images that there is room for. */
  readonly capacity: number;
  /** Images of a batch. */
  readonly batch?: number;
  readonly seed?: number;
  /** The first input is the network's: nobody asks for its gradient. */
  readonly isFirst?: boolean;
}

export class StageRun {
  readonly #layout: PlanLayout;
  readonly #context: PlanContext;
  readonly #stage: Stage;
  readonly #weights = new Map<tf.LayerVariable, Weight>();

  constructor(group: Group, layout: StageLayout, options: StageRunOptions) {
    const { capacity, batch = capacity, seed = 1, isFirst = false } = options;
    const input = isFirst ? group.inputs[0]! : imageValue(-1, [1, 1, 1]);
    this.#layout = new PlanLayout(currentBackend(), { capacity, inputs: [input], isTraining: true, seed });
    this.#context = this.#layout.context({
      weight: (variable) => this.#weight(variable),
      writesVariable: () => undefined,
    });
    const at = layout(this.#context);
    const target = (value: Value) => ({ at: this.#context.buffersOf(value).gradient, adds: false, after: () => [] });
    this.#stage = at(batch, { target });
    for (const value of [...group.inputs, group.output]) this.#fill(value);
    this.#layout.followWeights();
    this.#run(this.#stage.derivations);
  }

  #fill(value: Value): void {
    const floats = new Float32Array(this.#context.capacity * floatsOf(value)).fill(UNTOUCHED);
    const { value: at, gradient } = this.#context.buffersOf(value);
    this.#write(at, floats);
    if (gradient !== 0) this.#write(gradient, floats);
  }

  #weight(variable: tf.LayerVariable): Weight {
    const known = this.#weights.get(variable);
    if (known) return known;
    const size = sizeOfVariable(variable);
    const weight = { variable, size, gradient: this.#layout.memory.floats(size), update: () => [] };
    this.#weights.set(variable, weight);
    return weight;
  }

  /** Number of the update, which dropout masks depend on. */
  set update(update: number) {
    for (const args of this.#layout.maskArgs) this.#layout.memory.setWord(args, 7, update);
  }

  forward(...ranges: readonly Range[]): void {
    this.#runSteps(this.#stage.forward, ranges);
  }

  backward(...ranges: readonly Range[]): void {
    this.#runSteps(this.#stage.backward, ranges);
  }

  /** Gradients of the weights. */
  gradients(): void {
    for (const round of this.#stage.updates) this.#run(round.map(({ gradient, update }) => [...gradient, ...update]));
  }

  setValue(value: Value, floats: Float32Array): void {
    this.#write(this.#context.buffersOf(value).value, floats);
  }

  setGradient(value: Value, floats: Float32Array): void {
    this.#write(this.#context.buffersOf(value).gradient, floats);
  }

  /** [capacity, used height, used width, channels] */
  value(value: Value): Float32Array {
    return this.#read(this.#context.buffersOf(value).value, this.#context.capacity * floatsOf(value));
  }

  gradient(value: Value): Float32Array {
    return this.#read(this.#context.buffersOf(value).gradient, this.#context.capacity * floatsOf(value));
  }

  weightGradient(variable: tf.LayerVariable): Float32Array {
    const { gradient, size } = this.#weights.get(variable)!;
    return this.#read(gradient!, size);
  }

  dispose(): void {
    this.#layout.dispose();
  }

  #runSteps(steps: readonly Step[], ranges: readonly Range[]): void {
    for (const step of steps) {
      this.#run(step.kind === 'once' ? [step.calls] : ranges.map((range) => step.calls(range)));
    }
  }

  #run(jobs: readonly Job[]): void {
    runPhase(currentBackend(), this.#layout.memory.phase(jobs), this.#stage.scratchBytes);
  }

  #write(at: number, { buffer, byteOffset, byteLength }: Float32Array): void {
    currentBackend()
      .bytes(at, byteLength)
      .set(new Uint8Array(buffer, byteOffset, byteLength));
  }

  #read(at: number, floats: number): Float32Array {
    return new Float32Array(
      currentBackend()
        .bytes(at, floats * 4)
        .slice().buffer,
    );
  }
}
