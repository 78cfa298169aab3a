// selvedge measure defects: made defects of six kinds and three sizes in test pictures, found by inspections that have seen good training
// pictures of the class alone; and drifts of made light and camera, noticed before they are taken for defects. All of it is made, and says so.
import {
  type DefectKind,
  defectKinds,
  defectNames,
  defectSizes,
  fitDrift,
  fitInspector,
  type Inspection,
  inspectImages,
  makeDefects,
  measurePicture,
  openPatchFeatures,
  type PatchFeatures,
  watchDrift,
} from '../../apps/inspect/index.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { createPhilox, randomStreams } from '../../core/philox.ts';
import { type Dataset, subsetOf } from '../../data/dataset.ts';
import { measureSeparation } from '../../evaluation/outliers.ts';
import { averagePrecision, describeDefects } from './defects-summary.ts';
import type { Measured, Subject } from './subject.ts';

const SEED = 1;
/** Good training pictures of a class, and test pictures that defects are drawn into. */
const GOOD = 300;
const TESTED = 40;
const FALSE_ALARMS = 0.05;
/** Every so many pixels count for the pixel AUROC. */
const PIXEL_STEP = 3;
/** Pictures of a stream before something changes, and after. */
const BEFORE = 200;
const AFTER = 200;
const STREAMS = 10;
/** Test pictures of a class that streams are drawn from, at most. */
const STREAMED = 1000;

/** What happens to the light or the camera; levels are those of a picture, 28 x 28 and black around. */
const drifts: Readonly<Record<string, (levels: Uint8Array, width: number) => Uint8Array>> = {
  'light down by 30%': (levels) => levels.map((level) => Math.round(0.7 * level)),
  'stray light of 20 levels': (levels) => levels.map((level) => Math.min(255, level + 20)),
  'camera moved by 2 pixels': (levels, width) => levels.map((_, i) => (i % width >= 2 ? levels[i - 2]! : 0)),
  'out of focus, 3x3 mean': (levels, width) =>
    levels.map((_, i) => {
      let sum = 0;
      for (const down of [-width, 0, width]) for (const right of [-1, 0, 1]) sum += levels[i + down + right] ?? 0;
      return Math.round(sum / 9);
    }),
};

interface Found {
  readonly class: string;
  readonly falseAlarms: number;
  readonly cells: readonly (Cell & { readonly kind: DefectKind; readonly size: string })[];
  readonly drifts: readonly Delay[];
}

interface Cell {
  readonly pictures: number;
  readonly auroc: number;
  readonly averagePrecision: number;
  readonly falseAlarmsAt95: number;
  readonly pixelAuroc: number;
  readonly foundAtThreshold: number;
}

interface Delay {
  readonly drift: string;
  readonly noticed: number;
  readonly streams: number;
  /** Pictures, of streams that it was noticed in. */
  readonly medianDelay: number | null;
  /** Alarms before anything had changed, of all streams. */
  readonly falseAlarms: number;
}

/** Measures an inspection a class. */
export async function measureDefects(subject: Subject): Promise<Measured> {
  const { train, test } = subject.data;
  if (test.height !== 28 || test.width !== 28 || test.channels !== 1) {
    throw new SelvedgeError(
      'measure/other-images',
      `Cannot measure defects: expected grey images of 28x28, got ${test.height}x${test.width}x${test.channels}`,
    );
  }
  const features = await openPatchFeatures();
  const classes: Found[] = [];
  try {
    for (let label = 0; label < train.classNames.length; label++) {
      const [good, tested] = [ofClass(train, label, GOOD), ofClass(test, label, TESTED)];
      const stream = ofClass(test, label, STREAMED);
      classes.push(await measureClass(train.classNames[label]!, { good, tested, stream }, features));
      subject.context.writeError(`Measured ${train.classNames[label]}\n`);
    }
  } finally {
    features.dispose();
  }
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const cells = defectNames.flatMap((kind) =>
    defectSizes.map((size) => {
      const own = classes.flatMap(({ cells }) => cells.filter((cell) => cell.kind === kind && cell.size === size));
      const of = (value: (cell: Cell) => number): number => mean(own.map(value));
      return {
        kind,
        size,
        pictures: own.reduce((sum, { pictures }) => sum + pictures, 0),
        auroc: of((cell) => cell.auroc),
        averagePrecision: of((cell) => cell.averagePrecision),
        falseAlarmsAt95: of((cell) => cell.falseAlarmsAt95),
        pixelAuroc: of((cell) => cell.pixelAuroc),
        foundAtThreshold: of((cell) => cell.foundAtThreshold),
      };
    }),
  );
  const delays = Object.keys(drifts).map((drift) => {
    const own = classes.flatMap((found) => found.drifts.filter((delay) => delay.drift === drift));
    const known = own.flatMap(({ medianDelay }) => (medianDelay === null ? [] : [medianDelay]));
    const sum = (of: (delay: Delay) => number): number => own.reduce((total, delay) => total + of(delay), 0);
    return {
      drift,
      streams: sum(({ streams }) => streams),
      noticed: sum(({ noticed }) => noticed),
      meanDelay: known.length > 0 ? mean(known) : null,
      falseAlarms: sum(({ falseAlarms }) => falseAlarms),
    };
  });
  const result = {
    made: true,
    seed: SEED,
    goodPerClass: GOOD,
    testedPerClass: TESTED,
    features: 'first layers of the shipped classifier, which has seen all ten classes',
    wantedFalseAlarms: FALSE_ALARMS,
    falseAlarms: mean(classes.map(({ falseAlarms }) => falseAlarms)),
    kinds: defectKinds,
    cells,
    meanAuroc: mean(cells.map(({ auroc }) => auroc)),
    meanPixelAuroc: mean(cells.map(({ pixelAuroc }) => pixelAuroc)),
    drifts: { before: BEFORE, after: AFTER, measured: delays },
  };
  return { result, text: describeDefects(result) };
}

function ofClass(set: Dataset, label: number, most: number): Uint8Array {
  const indices = Int32Array.from(set.labels.keys()).filter((i) => set.labels[i] === label);
  return subsetOf(set, indices.subarray(0, most), 'one class').images;
}

async function measureClass(
  name: string,
  { good, tested, stream }: { readonly good: Uint8Array; readonly tested: Uint8Array; readonly stream: Uint8Array },
  features: PatchFeatures,
): Promise<Found> {
  const inspector = await fitInspector(good, features, { settings: { falseAlarms: FALSE_ALARMS, seed: SEED } });
  const fine = await inspectImages(inspector, features, tested);
  const size = features.side * features.side;
  const cells: (Cell & { kind: DefectKind; size: string })[] = [];
  for (const kind of defectNames) {
    for (const extent of defectSizes) {
      const options = { kind, size: extent, seed: SEED, width: features.side, height: features.side };
      const { images, masks } = makeDefects(tested, options);
      const found = await inspectImages(inspector, features, images);
      cells.push({ kind, size: extent, ...measureCell(fine, found, masks, size) });
    }
  }
  return {
    class: name,
    falseAlarms: fine.filter(({ isAlarm }) => isAlarm).length / fine.length,
    cells,
    drifts: measureDrifts(good, stream, features.side),
  };
}

/** Only pictures in which something shows. */
function measureCell(fine: readonly Inspection[], all: readonly Inspection[], masks: Uint8Array, size: number): Cell {
  const shown = all.flatMap((found, i) => {
    const mask = masks.subarray(i * size, (i + 1) * size);
    return mask.includes(1) ? [{ found, mask }] : [];
  });
  const [inside, outside]: [number[], number[]] = [[], []];
  for (const { found, mask } of shown) {
    mask.forEach((isDefect, place) => {
      if (isDefect === 1) outside.push(found.map[place]!);
      else if (place % PIXEL_STEP === 0) inside.push(found.map[place]!);
    });
  }
  const [good, bad] = [fine.map(({ score }) => score), shown.map(({ found }) => found.score)];
  const separated = measureSeparation(bad, good);
  return {
    pictures: shown.length,
    auroc: separated.auroc,
    averagePrecision: averagePrecision(bad, good),
    falseAlarmsAt95: separated.falsePositivesAt95,
    pixelAuroc: measureSeparation(outside, inside).auroc,
    foundAtThreshold: shown.filter(({ found }) => found.isAlarm).length / shown.length,
  };
}

function measureDrifts(good: Uint8Array, tested: Uint8Array, side: number): Delay[] {
  const size = side * side;
  const statisticsOf = (images: Uint8Array): Float64Array[] =>
    Array.from({ length: images.length / size }, (_, i) =>
      measurePicture(images.subarray(i * size, (i + 1) * size), side, side),
    );
  const baseline = fitDrift(Float64Array.from(statisticsOf(good).flatMap((own) => [...own])), SEED);
  const before = statisticsOf(tested);
  return Object.entries(drifts).map(([drift, change], number) => {
    const changed = new Uint8Array(tested.length);
    for (let at = 0; at < tested.length; at += size) changed.set(change(tested.subarray(at, at + size), side), at);
    const after = statisticsOf(changed);
    const delays: number[] = [];
    let falseAlarms = 0;
    for (let stream = 0; stream < STREAMS; stream++) {
      const draws = createPhilox({ seed: SEED, stream: randomStreams.inspection, substream: [stream, 4, number] });
      const watch = watchDrift(baseline);
      let alarm: ReturnType<typeof watch.next>;
      for (let i = 0; i < BEFORE + AFTER; i++)
        alarm = watch.next((i < BEFORE ? before : after)[draws.nextBelow(before.length)]!);
      if (!alarm) continue;
      if (alarm.noticedAt < BEFORE) falseAlarms++;
      else delays.push(alarm.noticedAt - BEFORE + 1);
    }
    delays.sort((a, b) => a - b);
    const medianDelay = delays[delays.length >> 1] ?? null;
    return { drift, streams: STREAMS, noticed: delays.length, medianDelay, falseAlarms };
  });
}
