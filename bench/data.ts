// Speed of what is done to data, each against a plain loop in the same process: `selvedge bench data`. IDX decoding is held
// against a copy of its bytes too, which is the least that it could cost.
// Not a check of results. Invariant: a ratio is plain time over our time in the same round.
import * as tf from '@tensorflow/tfjs';
import { augmentBatch, decodeIdx, decodeIdxToTensors, encodeIdx, loadFashionMnist } from '../src/data/index.ts';
import { confusionMatrix } from '../src/evaluation/index.ts';
import { alternate, disturbanceOf, sampleCalls, valuesOf } from './alternation.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { disturbanceNotice } from './disturbance.ts';
import { augmentPlainly, countConfusions, scaleBytes } from './plain-loops.ts';
import { ratioSpread, type Spread, shortNumber, spreadOf, spreadText, timesText } from './statistics.ts';

const ROUNDS = 11;
const ROUND_MS = 60;
const WARM_UP_MS = 100;
const AUGMENTED_IMAGES = 128;
const AUGMENTED_SIDE = 28;
const CLASSES = 10;
const SCORED_SAMPLES = 10_000;

interface DataCase {
  readonly name: string;
  readonly against: string;
  readonly ours: () => void;
  readonly plain: () => void;
}

interface DataResult {
  readonly name: string;
  readonly against: string;
  readonly oursMs: Spread;
  readonly plainMs: Spread;
  /** How many times as long the other takes. */
  readonly ratio: Spread;
}

export const data: Benchmark = {
  name: 'data',
  description: 'IDX decoding, augmentation and confusion matrix against plain loops',
  usesModel: false,
  async run({ engine, data: folder, rounds = ROUNDS, only, onProgress }) {
    const { test } = await loadFashionMnist({ folder });
    const x = augmentationInput();
    const cases = wantedOf([...idxCases(test), augmentationCase(x), confusionCase()], only);
    const entrants = cases.flatMap(({ name, against, ours, plain }) => [
      entrantOf(name, ours),
      entrantOf(against, plain),
    ]);
    for (const { warmUp } of entrants) await warmUp();
    const measured = await alternate(entrants, {
      rounds,
      onRound: (round, all) => onProgress?.(`round ${round} of ${all}`),
    });
    x.dispose();
    const results = cases.map(({ name, against }, index): DataResult => {
      const ours = measured[2 * index]!;
      const plain = measured[2 * index + 1]!;
      const ratio = ratioSpread(plain.values, ours.values)!;
      return { name, against, oursMs: spreadOf(valuesOf(ours)), plainMs: spreadOf(valuesOf(plain)), ratio };
    });
    const disturbance = disturbanceOf(measured);
    return {
      json: { benchmark: 'data', threads: engine.threads, results, disturbance },
      text: [
        `data, ${engine.threads} threads; ratio: time of the other over ours`,
        ...results.map(lineOf),
        ...disturbanceNotice(disturbance),
      ].join('\n'),
    };
  },
};

/** A round is the median of calls for a while, in milliseconds. */
function entrantOf(name: string, run: () => void) {
  return {
    name,
    warmUp: () => sampleCalls(run, WARM_UP_MS),
    round: async () => ({ value: spreadOf(await sampleCalls(run, ROUND_MS)).median }),
  };
}

function idxCases(images: {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}): DataCase[] {
  const { count, height, width } = images;
  const encoded = encodeIdx({ type: 'uint8', shape: [count, height, width], data: images.images });
  const labels = encodeIdx({ type: 'uint8', shape: [count], data: images.labels });
  const size = `${count} images of ${height}x${width}`;
  const floats = new Float32Array(images.images.length);
  const files = {
    images: { name: 'images', bytes: encoded },
    labels: { name: 'labels', bytes: labels },
    classes: CLASSES,
  };
  return [
    {
      name: `decodeIdx, ${size}`,
      against: 'a copy of the bytes into a new array',
      ours: () => {
        decodeIdx(encoded, { name: 'images' });
      },
      plain: () => {
        encoded.slice();
      },
    },
    {
      name: `decodeIdxToTensors, ${size}`,
      against: 'a loop from bytes to floats',
      ours: () => {
        const { x, y } = decodeIdxToTensors(files);
        tf.dispose([x, y]);
      },
      plain: () => scaleBytes(images.images, floats),
    },
  ];
}

function augmentationInput(): tf.Tensor4D {
  const shape = [AUGMENTED_IMAGES, AUGMENTED_SIDE, AUGMENTED_SIDE, 1] as [number, number, number, number];
  return tf.randomUniform(shape, 0, 1, 'float32', 1);
}

function augmentationCase(x: tf.Tensor4D): DataCase {
  const side = AUGMENTED_SIDE;
  const pixels = x.dataSync<'float32'>();
  const changed = new Float32Array(pixels.length);
  const exampleIds = Int32Array.from({ length: AUGMENTED_IMAGES }, (_, i) => i);
  let epoch = 0;
  return {
    name: `augmentBatch, ${AUGMENTED_IMAGES} images of ${side}x${side}`,
    against: 'a loop over pixels',
    ours: () => {
      augmentBatch(x, { seed: 1, epoch: epoch++, exampleIds }).dispose();
    },
    plain: () => augmentPlainly(pixels, changed, { count: AUGMENTED_IMAGES, side }),
  };
}

function confusionCase(): DataCase {
  const scores = Float32Array.from({ length: SCORED_SAMPLES * CLASSES }, (_, i) => ((i * 7919) % 1009) / 1009);
  const labels = Uint8Array.from({ length: SCORED_SAMPLES }, (_, i) => i % CLASSES);
  const counts = new Int32Array(CLASSES * CLASSES);
  return {
    name: `confusionMatrix, ${SCORED_SAMPLES} x ${CLASSES}`,
    against: 'a loop over scores',
    ours: () => {
      confusionMatrix(scores, labels, CLASSES);
    },
    plain: () => countConfusions(scores, labels, CLASSES, counts),
  };
}

function lineOf({ name, against, oursMs, plainMs, ratio }: DataResult): string {
  const times = `${shortNumber(oursMs.median)} ms, ${against}: ${shortNumber(plainMs.median)} ms`;
  return `${name.padEnd(46)} ${times}; ${spreadText(ratio, timesText)}`;
}
