// Gradients of the inputs of a network, or of any value in it, by a plan of both passes: how outputs hang on them. Nothing is trained:
// batch norm goes by its moving averages, dropout is left out, and weights have no gradients.
// Not here: questions about pictures (explain/). Invariants: gradients of an image depend neither on its batch nor on threads; weights may
// change between calls.
import { currentBackend, type SelvedgeBackend } from '../backend/index.ts';
import { writesInPlace } from '../backend/kernels/optimizer-update.ts';
import { SelvedgeError } from '../core/errors.ts';
import { floatsOf, type Stage, type StageLayout, type Step } from './context.ts';
import { type FusedGraph, fuse, type Value } from './fuse.ts';
import { planGraph } from './graph.ts';
import { frozenWeight, PlanLayout } from './layout.ts';
import { phasesOf, stagesOf } from './passes.ts';
import { type Phase, runPhase } from './program.ts';
import type { ModelGraph, Unsupported } from './read-model.ts';
import { ofImages } from './stages/image-calls.ts';
import { layoutOf } from './stages/index.ts';

export interface GradientPlanOptions {
  /** Examples of the largest call. */
  readonly batchSize: number;
  /** Values of the graph whose gradients are wanted. Default: its inputs. */
  readonly values?: readonly number[];
}

/** Arrays of their own. */
export interface NetworkGradients {
  /** `[size, …]` of each output of the graph. */
  readonly outputs: Float32Array[];
  /** `[size, …]` of each value that was asked about: what it is, and its gradient. */
  readonly values: Float32Array[];
  readonly gradients: Float32Array[];
}

export interface GradientPlan {
  /**
   * @param inputs `[size, …]` of each input of the graph
   * @param slopes `[size, …]` of each output: the weight of each of its values in the sum whose gradients these are
   * @throws SelvedgeError `plan/gradients` for arrays of other lengths
   */
  run(inputs: readonly Float32Array[], slopes: readonly Float32Array[]): NetworkGradients;
  /** Gives back its memory; the model stays. */
  dispose(): void;
}

/**
 * Compiles a plan of gradients.
 *
 * @param read Of `readNetwork`, whose endings are left out: gradients of logits are asked about by `['softmax']`
 * @returns The plan, which the caller disposes, or the reason why there is none
 * @example
 * ```ts
 * import { buildModel, compileGradients, initializeWeights, readNetwork, startBackend } from 'selvedge';
 * const engine = await startBackend({ threads: 1 });
 * const model = buildModel('dropout', { inputShape: [28, 28, 1], classes: 10 });
 * initializeWeights(model, 1);
 * const read = readNetwork(model, ['softmax']);
 * if ('reason' in read) throw new Error(read.reason);
 * const plan = compileGradients(read, { batchSize: 1 });
 * if ('reason' in plan) throw new Error(plan.reason);
 * const { gradients } = plan.run([new Float32Array(784).fill(0.5)], [Float32Array.of(0, 0, 0, 1, 0, 0, 0, 0, 0, 0)]);
 * console.assert(gradients[0]!.length === 784);
 * plan.dispose();
 * await engine.stop();
 * ```
 */
export function compileGradients(read: ModelGraph, options: GradientPlanOptions): GradientPlan | Unsupported {
  const { values = read.inputs, batchSize } = options;
  // An output is read by somebody, so nothing is fused over it.
  const kept = values.filter((id) => !read.inputs.includes(id) && !read.outputs.includes(id));
  const operations = read.operations.map((operation) =>
    operation.kind === 'batchNormalization' ? { ...operation, isFrozen: true } : operation,
  );
  const graph = planGraph({ ...read, operations, outputs: [...read.outputs, ...kept] }, false);
  if ('reason' in graph) return graph;
  const fused = fuse(graph);
  const layouts = fused.groups.map(layoutOf);
  const unknown = layouts.find((layout): layout is Unsupported => 'reason' in layout);
  if (unknown) return unknown;
  const places = new Map(
    [...read.inputs, ...read.outputs, ...kept].map((id, i) => [id, [...fused.inputs, ...fused.outputs][i]!]),
  );
  const outputs = fused.outputs.slice(0, read.outputs.length);
  const wanted = values.map((id) => places.get(id)!);
  return new CompiledGradients(layouts as StageLayout[], { ...fused, outputs }, wanted, batchSize);
}

/** A value that is asked about, and where its gradient is when the backward pass has ended. */
interface Wanted {
  readonly value: Value;
  readonly gradient: number;
}

class CompiledGradients implements GradientPlan {
  readonly #backend: SelvedgeBackend;
  readonly #layout: PlanLayout;
  readonly #network: FusedGraph;
  readonly #batchSize: number;
  readonly #stages: readonly ReturnType<StageLayout>[];
  readonly #wanted: readonly Wanted[];
  readonly #programs = new Map<
    number,
    { readonly phases: readonly Phase[]; readonly derive: Phase; scratchBytes: number }
  >();
  #writesSeen = -1;

  constructor(layouts: readonly StageLayout[], network: FusedGraph, wanted: readonly Value[], batchSize: number) {
    this.#backend = currentBackend();
    this.#network = network;
    this.#batchSize = batchSize;
    // Inputs have gradients, too.
    this.#layout = new PlanLayout(this.#backend, { capacity: batchSize, inputs: [], isTraining: true, seed: 0 });
    try {
      const context = this.#layout.context({
        weight: frozenWeight,
        writesVariable: (variable) => {
          throw new TypeError(`nobody writes ${variable.name} where nothing is trained`);
        },
      });
      this.#stages = layouts.map((layout) => layout(context));
      this.#wanted = wanted.map((value) => ({ value, gradient: this.#placeOf(value) }));
    } catch (error) {
      this.#layout.dispose();
      throw error;
    }
  }

  /** Stages leave other things where the gradients of their outputs were. */
  #placeOf(value: Value): number {
    if (this.#network.inputs.includes(value)) return this.#layout.buffersOf(value).gradient;
    return this.#layout.memory.floats(this.#batchSize * floatsOf(value));
  }

  run(inputs: readonly Float32Array[], slopes: readonly Float32Array[]): NetworkGradients {
    const size = this.#sizeOf(inputs, slopes);
    const { phases, derive, scratchBytes } = this.#program(size);
    const writes = writesInPlace();
    if (this.#layout.followWeights() || writes !== this.#writesSeen) runPhase(this.#backend, derive, scratchBytes);
    this.#writesSeen = writes;
    const floatsAt = (at: number, value: Value): Float32Array => {
      const length = size * floatsOf(value);
      return new Float32Array(this.#layout.memory.view(at, length).buffer, at, length);
    };
    const buffersOf = (value: Value) => this.#layout.buffersOf(value);
    this.#network.inputs.forEach((input, i) => {
      floatsAt(buffersOf(input).value, input).set(inputs[i]!);
    });
    this.#network.outputs.forEach((output, i) => {
      floatsAt(buffersOf(output).gradient, output).set(slopes[i]!);
    });
    for (const phase of phases) runPhase(this.#backend, phase, scratchBytes);
    return {
      outputs: this.#network.outputs.map((output) => floatsAt(buffersOf(output).value, output).slice()),
      values: this.#wanted.map(({ value }) => floatsAt(buffersOf(value).value, value).slice()),
      gradients: this.#wanted.map(({ value, gradient }) => floatsAt(gradient, value).slice()),
    };
  }

  #sizeOf(inputs: readonly Float32Array[], slopes: readonly Float32Array[]): number {
    const ends = [...this.#network.inputs, ...this.#network.outputs];
    const given = [...inputs, ...slopes];
    const size = (given[0]?.length ?? 0) / floatsOf(ends[0]!);
    const isWhole = Number.isInteger(size) && size >= 1 && size <= this.#batchSize;
    if (isWhole && inputs.length === this.#network.inputs.length && given.length === ends.length) {
      if (ends.every((end, i) => given[i]!.length === size * floatsOf(end))) return size;
    }
    throw new SelvedgeError(
      'plan/gradients',
      `Cannot take gradients: expected 1 to ${this.#batchSize} times ${ends.map(floatsOf).join(', ')} values of inputs and slopes of ` +
        `outputs, got ${given.map(({ length }) => length).join(', ')}`,
    );
  }

  #program(batch: number) {
    const known = this.#programs.get(batch);
    if (known) return known;
    const { memory } = this.#layout;
    const { groups, outputs } = this.#network;
    const stages = stagesOf(this.#layout, this.#stages, { batch, capacity: this.#batchSize, written: outputs });
    const backward = stages.map(({ backward: steps }, i): readonly Step[] => [
      ...this.#wanted.filter(({ value }) => value === groups[i]!.output).flatMap((wanted) => this.#keep(wanted)),
      ...steps,
    ]);
    const of = <T>(take: (stage: Stage) => readonly T[]): T[] => stages.flatMap(take);
    const program = {
      phases: phasesOf(memory, [...of(({ forward }) => forward), ...backward.toReversed().flat()], batch),
      derive: memory.phase(of(({ derivations }) => derivations)),
      scratchBytes: Math.max(...stages.map(({ scratchBytes }) => scratchBytes)),
    };
    this.#programs.set(batch, program);
    return program;
  }

  #keep({ value, gradient }: Wanted): Step[] {
    const from = this.#layout.buffersOf(value).gradient;
    return ofImages('planCopy', this.#layout.memory.words([from, gradient, floatsOf(value)]));
  }

  dispose(): void {
    this.#layout.dispose();
  }
}
