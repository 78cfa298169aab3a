// selvedge measure defects: made defects of six kinds and three sizes in test pictures, found by inspections that have seen good training
// pictures of the class alone; and drifts of made light and camera, noticed before they are taken for defects. All of it is made, and says so.
import {
  type DefectKind,
  defectKinds,
  defectNames,
  defectSizes,
  fitInspector,
  type Inspection,
  inspectImages,
  makeDefects,
  openInspectionNetwork,
  paintInspection,
} from '../../apps/inspect/index.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { type Dataset, subsetOf } from '../../data/dataset.ts';
import { splitTrainValidation } from '../../data/split.ts';
import type { Classifier } from '../../edge/index.ts';
import { measureSeparation } from '../../evaluation/outliers.ts';
import { layOver } from '../../report/explanation-figure.ts';
import { averagePrecision, describeDefects } from './defects-summary.ts';
import { type DriftFound, driftNames, measureDrifts } from './drifts.ts';
import { type WrittenPicture, writtenPicture } from './example-picture.ts';
import type { Measured, Subject } from './subject.ts';

const SEED = 1;
const SIDE = 28;
/** Good validation pictures of a class, which the network has not seen, and test pictures that defects are drawn into. */
const GOOD = 300;
const TESTED = 40;
const FALSE_ALARMS = 0.05;
/** Every so many pixels count for the pixel AUROC. */
const PIXEL_STEP = 3;
/** Test pictures of a class that streams are drawn from, at most. */
const STREAMED = 300;

interface Found {
  readonly class: string;
  readonly falseAlarms: number;
  readonly cells: readonly (Cell & { readonly kind: DefectKind; readonly size: string })[];
  readonly drifts: readonly DriftFound[];
  /** By kind of defect: the first picture that shows a large one, without and with its map. */
  readonly examples: Readonly<Partial<Record<DefectKind, readonly WrittenPicture[]>>>;
}

interface Cell {
  readonly pictures: number;
  readonly auroc: number;
  readonly averagePrecision: number;
  readonly falseAlarmsAt95: number;
  readonly pixelAuroc: number;
  readonly foundAtThreshold: number;
}

/** Measures an inspection a class. */
export async function measureDefects(subject: Subject): Promise<Measured> {
  const { train, test } = subject.data;
  if (test.height !== SIDE || test.width !== SIDE || test.channels !== 1) {
    throw new SelvedgeError(
      'measure/other-images',
      `Cannot measure defects: expected grey images of 28x28, got ${test.height}x${test.width}x${test.channels}`,
    );
  }
  const network = await openInspectionNetwork();
  const { validation } = subject.data.split ?? splitTrainValidation(train.count);
  const unseen = subsetOf(train, validation, 'validation');
  const classes: Found[] = [];
  for (let label = 0; label < train.classNames.length; label++) {
    const [good, tested] = [ofClass(unseen, label, GOOD), ofClass(test, label, TESTED)];
    const stream = ofClass(test, label, STREAMED);
    classes.push(measureClass(train.classNames[label]!, { good, tested, stream }, network));
    subject.context.writeError(`Measured ${train.classNames[label]}\n`);
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
  const measured = driftNames.map((drift) => {
    const own = classes.flatMap((found) => found.drifts.filter((one) => one.drift === drift));
    const known = own.flatMap(({ medianDelay }) => (medianDelay === null ? [] : [medianDelay]));
    const sum = (of: (found: DriftFound) => number): number => own.reduce((total, found) => total + of(found), 0);
    const steps = own.flatMap(({ slow }) => slow.steps);
    const alarms = own[0]!.slow.alarms.map((_, i) => mean(own.map(({ slow }) => slow.alarms[i]!)));
    const doubled = alarms.findIndex((share) => share >= 2 * alarms[0]!);
    return {
      drift,
      streams: sum(({ streams }) => streams),
      noticed: sum((found) => found.noticed),
      meanDelay: known.length > 0 ? mean(known) : null,
      falseAlarms: sum(({ falseAlarms }) => falseAlarms),
      slow: {
        noticed: steps.length,
        inTime: steps.filter((step) => doubled < 0 || step + 1 < doubled).length,
        alarms,
        alarmsWhenNoticed: steps.length > 0 ? mean(steps.map((step) => alarms[step + 1]!)) : null,
      },
    };
  });
  const result = {
    made: true,
    seed: SEED,
    goodPerClass: GOOD,
    testedPerClass: TESTED,
    network: network.model.fingerprint,
    wantedFalseAlarms: FALSE_ALARMS,
    falseAlarms: mean(classes.map(({ falseAlarms }) => falseAlarms)),
    kinds: defectKinds,
    cells,
    meanAuroc: mean(cells.map(({ auroc }) => auroc)),
    meanPixelAuroc: mean(cells.map(({ pixelAuroc }) => pixelAuroc)),
    drifts: { measured },
    // A class a kind.
    examples: defectNames.flatMap((kind, i) => {
      const own = classes[i % classes.length]!;
      const images = own.examples[kind];
      return images ? [{ name: `${kind}: ${own.class}`, images }] : [];
    }),
  };
  return { result, text: describeDefects(result) };
}

function ofClass(set: Dataset, label: number, most: number): Uint8Array {
  const indices = Int32Array.from(set.labels.keys()).filter((i) => set.labels[i] === label);
  return subsetOf(set, indices.subarray(0, most), 'one class').images;
}

function measureClass(
  name: string,
  { good, tested, stream }: { readonly good: Uint8Array; readonly tested: Uint8Array; readonly stream: Uint8Array },
  network: Classifier,
): Found {
  const inspector = fitInspector(good, network, { falseAlarms: FALSE_ALARMS, seed: SEED });
  const inspect = (images: Uint8Array): Inspection[] => inspectImages(inspector, network, images);
  const fine = inspect(tested);
  const size = SIDE * SIDE;
  const cells: (Cell & { kind: DefectKind; size: string })[] = [];
  const examples: Partial<Record<DefectKind, readonly WrittenPicture[]>> = {};
  for (const kind of defectNames) {
    for (const extent of defectSizes) {
      const options = { kind, size: extent, seed: SEED, width: SIDE, height: SIDE };
      const { images, masks } = makeDefects(tested, options);
      const found = inspect(images);
      cells.push({ kind, size: extent, ...measureCell(fine, found, masks, size) });
      if (extent === 'large') examples[kind] = exampleOf(images, masks, found);
    }
  }
  return {
    class: name,
    falseAlarms: fine.filter(({ isAlarm }) => isAlarm).length / fine.length,
    cells,
    drifts: measureDrifts({ good, stream, side: SIDE, network, falseAlarms: FALSE_ALARMS }),
    examples,
  };
}

/** The first picture in which something shows, as it is and with the map of its inspection over it. */
function exampleOf(images: Uint8Array, masks: Uint8Array, found: readonly Inspection[]): WrittenPicture[] {
  const size = SIDE * SIDE;
  const place = Math.floor(Math.max(0, masks.indexOf(1)) / size);
  const pixels = images.subarray(place * size, (place + 1) * size);
  const overlay = { colours: paintInspection(found[place]!.map) };
  const laid = layOver({ width: SIDE, height: SIDE, pixels }, overlay);
  return [pixels, laid.pixels].map((levels) => writtenPicture(SIDE, SIDE, levels));
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
