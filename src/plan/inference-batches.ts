// Batches on their way through an inference plan: how a batch is cut into parts, which lane takes which part, how images get into
// the lanes and results out of them.
// Not here: the network. Invariant: programs are compiled once for a size of batch; a call after that asks for no memory.
import { SelvedgeError } from '../core/errors.ts';
import type { ExampleSource } from '../data/index.ts';
import { floatsOf, PARTITION_IMAGES, type Range } from './context.ts';
import type { Value } from './fuse.ts';
import type { InferenceBatch } from './inference-plan.ts';
import type { PlanLayout } from './layout.ts';
import { type Call, type Job, type Phase, PlanMemory } from './program.ts';
import type { BatchLoss } from './training-plan.ts';

type Result = 'probabilities' | 'loss';

/** Some images of a batch, and the place of the first in the lanes. */
interface Part {
  readonly first: number;
  readonly size: number;
  readonly lane: number;
}

/** A program for batches of one size, from one kind of images to one kind of results. */
interface Program {
  readonly memory: PlanMemory;
  readonly phase: Phase;
  readonly parts: readonly Part[];
  /** Byte offset of the words that say where each part comes from, `PART_WORDS` each. */
  readonly words: number;
  /** What the words name now. */
  from: number | ExampleSource | undefined;
}

/** Words that bring a part into a lane, then those that bring it out; see GatherArgs, PlanCopy, PlanSoftmax, SoftmaxCrossEntropyArgs. */
const IN_WORDS = 8;
const PART_WORDS = 16;
/** Programs that are kept: sizes in use, and the last, short one of each. */
const PROGRAMS = 16;

export class InferenceBatches {
  readonly #layout: PlanLayout;
  readonly #options: BatchesOptions;
  readonly #imageFloats: number;
  readonly #programs = new Map<string, Program>();
  readonly #results: number;
  readonly #hits: number;
  readonly #indices: number;
  /** Labels of the images in lanes, and a gradient that nobody reads: of examples only. */
  readonly #labels: number;
  readonly #gradient: number;
  /** Images of JavaScript: as many floats as the largest batch of them had. */
  readonly #inbox: PlanMemory;
  #inboxAt = 0;
  #inboxFloats = 0;
  #phase: Phase | undefined;

  constructor(layout: PlanLayout, options: BatchesOptions) {
    const { batchSize, lanes, logits, input } = options;
    const classes = logits.shape[2];
    const laneFloats = lanes * PARTITION_IMAGES * classes;
    this.#layout = layout;
    this.#options = options;
    this.#imageFloats = floatsOf(input);
    const { memory } = layout;
    this.#results = memory.floats(batchSize * classes);
    this.#hits = memory.floats(batchSize);
    this.#indices = memory.floats(batchSize);
    this.#labels = memory.floats(laneFloats);
    this.#gradient = memory.floats(laneFloats);
    this.#inbox = new PlanMemory(memory.backend);
  }

  get byteLength(): number {
    return [...this.#programs.values()].reduce((sum, { memory }) => sum + memory.byteLength, this.#inbox.byteLength);
  }

  /** The program of the batch that was taken last. */
  get phase(): Phase {
    return this.#phase!;
  }

  /**
   * Prepares a batch.
   *
   * @returns Its size
   * @throws SelvedgeError `plan/batch`
   */
  take(batch: InferenceBatch, result: Result): number {
    if ('source' in batch) return this.#takeExamples(batch, result);
    const size = 'images' in batch ? batch.images.length / this.#imageFloats : batch.size;
    this.#checkSize(size);
    const from = 'images' in batch ? this.#receive(batch.images) : batch.byteOffset;
    const program = this.#program(size, 'copy', result);
    if (program.from !== from) {
      const imageBytes = this.#imageFloats * 4;
      this.#write(program, ({ first, lane }) => [from + (first - lane) * imageBytes]);
      program.from = from;
    }
    this.#phase = program.phase;
    return size;
  }

  #takeExamples({ source, positions }: { source: ExampleSource; positions: Int32Array }, result: Result): number {
    this.#checkSize(positions.length);
    this.#checkSource(source);
    this.#layout.memory.view(this.#indices, positions.length).set(source.indicesOf(positions));
    const program = this.#program(positions.length, 'gather', result);
    if (program.from !== source) {
      this.#write(program, () => [source.bytes.images, source.bytes.labels]);
      program.from = source;
    }
    this.#phase = program.phase;
    return positions.length;
  }

  /** Probabilities of the batch that ran last. */
  probabilities(size: number): Float32Array {
    return this.#floats(this.#results, size * this.#options.logits.shape[2]);
  }

  /** Loss and hits of the batch that ran last. */
  loss(size: number): BatchLoss {
    const losses = this.#floats(this.#results, size);
    const hits = this.#layout.memory.view(this.#hits, size);
    let lossSum = 0;
    let hitSum = 0;
    for (let i = 0; i < size; i++) {
      lossSum += losses[i]!;
      hitSum += hits[i]!;
    }
    return { lossSum, hits: hitSum };
  }

  dispose(): void {
    for (const { memory } of this.#programs.values()) memory.dispose();
    this.#programs.clear();
    this.#inbox.dispose();
  }

  #floats(byteOffset: number, length: number): Float32Array {
    const { buffer } = this.#layout.memory.view(byteOffset, length);
    return new Float32Array(buffer, byteOffset, length);
  }

  #receive(images: Float32Array): number {
    if (images.length > this.#inboxFloats) {
      this.#inbox.dispose();
      // Nothing of it stays if there is no memory for more.
      this.#inboxFloats = 0;
      this.#inboxAt = this.#inbox.floats(images.length);
      this.#inboxFloats = images.length;
    }
    this.#floats(this.#inboxAt, images.length).set(images);
    return this.#inboxAt;
  }

  #checkSize(size: number): void {
    const { batchSize } = this.#options;
    if (Number.isInteger(size) && size >= 1 && size <= batchSize) return;
    throw new SelvedgeError('plan/batch', `Cannot predict ${size} images: expected from 1 to ${batchSize} whole ones`);
  }

  #checkSource({ bytes }: ExampleSource): void {
    const { input, logits } = this.#options;
    const expected = [...input.shape, logits.shape[2]].join();
    const got = [bytes.height, bytes.width, bytes.channels, bytes.classes].join();
    if (got === expected) return;
    throw new SelvedgeError(
      'plan/batch',
      `Cannot predict examples: the model takes height, width, channels, classes of ${expected}, got ${got}`,
    );
  }

  /** Sets the first words of each part. */
  #write({ words, parts }: Program, wordsOf: (part: Part) => readonly number[]): void {
    const view = this.#layout.memory.view(words, parts.length * PART_WORDS);
    parts.forEach((part, i) => {
      view.set(wordsOf(part), i * PART_WORDS);
    });
  }

  #program(size: number, entry: 'copy' | 'gather', result: Result): Program {
    const key = `${size}/${entry}/${result}`;
    const known = this.#programs.get(key);
    if (known) return known;
    if (this.#programs.size === PROGRAMS) {
      const [oldest, program] = this.#programs.entries().next().value!;
      program.memory.dispose();
      this.#programs.delete(oldest);
    }
    const program = this.#compile(size, entry, result);
    this.#programs.set(key, program);
    return program;
  }

  #compile(size: number, entry: 'copy' | 'gather', result: Result): Program {
    const { lanes, threads, through } = this.#options;
    const parts = partsOf(size, { lanes, threads });
    const memory = new PlanMemory(this.#layout.memory.backend);
    try {
      const words = memory.words(
        parts.flatMap((part) => [...this.#wordsIn(part, entry), ...this.#wordsOut(part, result)]),
      );
      const enters = entry === 'copy' ? 'planCopy' : 'gatherBatch';
      const leaves = { probabilities: 'planSoftmax', loss: 'softmaxCrossEntropy' }[result];
      const jobs: Call[][] = Array.from({ length: Math.min(lanes, parts.length) }, () => []);
      parts.forEach(({ lane, size: images }, i) => {
        const range = { first: lane, last: lane + images };
        const args = words + i * PART_WORDS * 4;
        const call = (kernel: string, at: number): Call => ({ kernel, args: at, start: range.first, end: range.last });
        jobs[i % lanes]!.push(call(enters, args), ...through(range), call(leaves, args + IN_WORDS * 4));
      });
      return { memory, phase: memory.phase(jobs), parts, words, from: undefined };
    } catch (error) {
      memory.dispose();
      throw error;
    }
  }

  /** Lanes count their images from the first lane on, batches from the first image: what differs is in the places. */
  #wordsIn({ first, lane }: Part, entry: 'copy' | 'gather'): number[] {
    const { input, logits } = this.#options;
    const value = this.#layout.buffersOf(input).value;
    if (entry === 'copy') return padded([0, value, this.#imageFloats], IN_WORDS);
    const indices = this.#indices + (first - lane) * 4;
    return padded([0, 0, indices, value, this.#labels, this.#imageFloats, logits.shape[2]], IN_WORDS);
  }

  #wordsOut({ first, lane }: Part, result: Result): number[] {
    const { logits } = this.#options;
    const value = this.#layout.buffersOf(logits).value;
    const classes = logits.shape[2];
    const back = (first - lane) * 4;
    const words =
      result !== 'loss'
        ? [value, this.#results + back * classes, classes]
        : [value, this.#labels, this.#results + back, this.#gradient, this.#hits + back, classes, 0, 0];
    return padded(words, PART_WORDS - IN_WORDS);
  }
}

export interface BatchesOptions {
  readonly input: Value;
  readonly logits: Value;
  readonly batchSize: number;
  /** Places for `PARTITION_IMAGES` images each. */
  readonly lanes: number;
  readonly threads: number;
  /** The calls that take images of a lane through the network. */
  readonly through: (range: Range) => Job;
}

const padded = (words: readonly number[], length: number): number[] => Array.from({ length }, (_, i) => words[i] ?? 0);

/** Parts of nearly one size, as many for each thread. */
export function partsOf(size: number, { lanes, threads }: { lanes: number; threads: number }): Part[] {
  const wanted = Math.ceil(Math.ceil(size / PARTITION_IMAGES) / threads) * threads;
  const count = Math.min(size, wanted);
  return Array.from({ length: count }, (_, i) => {
    const first = Math.floor((i * size) / count);
    return { first, size: Math.floor(((i + 1) * size) / count) - first, lane: (i % lanes) * PARTITION_IMAGES };
  });
}
