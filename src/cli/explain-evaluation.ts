// selvedge explain --evaluate: how far explanations can be trusted, over the first images of the test set. Not here: the measures
// (src/explain). Invariant: the same model, data and options give the same JSON, at any number of threads.
import { SelvedgeError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { type ExplanationEvaluation, evaluateExplanations } from '../explain/index.ts';
import { weightsDigest } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import type { CommandContext, CommandOutput } from './command.ts';
import type { ExplainCommand } from './explain.ts';
import { short } from './explain-output.ts';
import { loadModelData } from './model-data.ts';

/** Images of the check by randomised weights. */
export const RANDOMISED_IMAGES = 100;
export const SEED = 1;
/** Milliseconds between lines of progress. */
const LINE_MS = 10_000;

interface TestSet {
  readonly count: number;
  /** Folder of the data set, as the option says. */
  readonly data: string | undefined;
  /** That the model is of, if it is of one. */
  readonly run: string | undefined;
}

export async function evaluateOnTestSet(
  { chosen, methods, options }: ExplainCommand,
  { count, ...named }: TestSet,
  context: CommandContext,
): Promise<CommandOutput> {
  const { test, source } = await loadModelData(chosen, named, context);
  if (count > test.count) {
    throw new SelvedgeError(
      'explain/count',
      `Cannot explain ${count} images: expected at most the ${test.count} of the test set`,
    );
  }
  const { model } = chosen;
  const evaluation = await evaluateExplanations(model, valuesOfTest(test, count), {
    methods,
    options,
    randomisedImages: Math.min(RANDOMISED_IMAGES, count),
    seed: SEED,
    onProgress: progressOf(context),
  });
  return {
    json: rounded({
      ...evaluation,
      weightsSha256: await weightsDigest(model),
      data: source.files.map(({ name, sha256 }) => ({ name, sha256 })),
      seed: SEED,
    }),
    text: describeEvaluation(evaluation),
  };
}

/** The first images of a test set, from 0 to 1. */
export function valuesOfTest({ images, height, width, channels }: Dataset, count: number): Float32Array {
  return Float32Array.from(images.subarray(0, count * height * width * channels), (level) => level / 255);
}

/** Says now and then how many maps are made. */
export function progressOf(context: CommandContext): (done: number, total: number) => void {
  let last = platform.now();
  return (done, total) => {
    if (platform.now() - last < LINE_MS) return;
    last = platform.now();
    context.writeError(`${done} of ${total} maps\n`);
  };
}

/** The same value with short numbers. */
const rounded = (value: object): unknown =>
  JSON.parse(JSON.stringify(value, (_, part) => (typeof part === 'number' ? short(part) : part)));

export function describeEvaluation({
  model,
  images,
  orders,
  completeness,
  randomisation,
}: ExplanationEvaluation): string {
  const interval = ({ mean, low, high }: { mean: number; low: number; high: number }): string =>
    `${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
  const share = (value: number): string => `${(100 * value).toFixed(0)}%`.padStart(4);
  const lines = orders.map(
    ({ order, deletionArea, insertionArea, betterThanRandom: { deletion, insertion } }) =>
      `${order.padEnd(20)}  ${interval(deletionArea)}  ${share(deletion)}   ${interval(insertionArea)}  ${share(insertion)}`,
  );
  const stages = randomisation.methods[0]?.stages ?? [];
  return [
    `Explanations of ${model} on ${images} test images; 95% intervals; shares of images that are better than places at random`,
    '',
    `${''.padEnd(20)}  deletion, small is good           insertion, large is good`,
    ...lines,
    ...(completeness
      ? [
          '',
          `Integrated gradients of ${completeness.steps} points add up to within ${(100 * completeness.meanError).toFixed(2)}% in the mean, ${(100 * completeness.largestError).toFixed(2)}% at most`,
        ]
      : []),
    ...(stages.length > 0
      ? [
          '',
          `Rank correlation with maps of fresh weights from the output down, ${randomisation.images} images; in brackets where the image is not black`,
          ...stages.map(
            ({ layer }, i) =>
              `${layer.padEnd(20)}  ${randomisation.methods
                .map(({ method, stages }) => {
                  const { correlation, correlationOnObject } = stages[i]!;
                  return `${method} ${correlation.toFixed(2)} (${correlationOnObject.toFixed(2)})`;
                })
                .join(', ')}`,
          ),
        ]
      : []),
  ].join('\n');
}
