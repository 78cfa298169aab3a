// selvedge measure detection: how well the detector that ships finds test images in scenes made of them, by kind of scene.
// Not here: how (src/apps/detect). Invariant: scenes are made from the test set by a fixed seed; nothing is chosen by them.
import {
  DEFAULT_THRESHOLD,
  type Detector,
  type DetectorEvaluation,
  defaultScenes,
  evaluateDetector,
  findItems,
  loadShippedDetector,
  openDetector,
  openScenes,
} from '../../apps/detect/index.ts';
import type { Dataset } from '../../data/dataset.ts';
import { writtenPicture } from './example-picture.ts';
import type { Measured, Subject } from './subject.ts';

const SCENES = 500;
const SEED = 2023;
/** Of the scene that is shown. */
const EXAMPLE = { ...defaultScenes, width: 192, height: 128, fewest: 4, most: 6 };

export async function measureDetection({ data }: Subject): Promise<Measured> {
  const detector = openDetector(await loadShippedDetector());
  const scenes = openScenes(data.test);
  try {
    const options = { scenes: SCENES, seed: SEED, threshold: DEFAULT_THRESHOLD };
    const evaluation = await evaluateDetector(detector, scenes, options);
    const { classNames } = data.test;
    const kinds = evaluation.kinds.map(({ classes, ...kind }) => ({
      ...kind,
      classes: classes.map(({ label, ...precision }) => ({ class: classNames[label], ...precision })),
    }));
    const result = {
      detector: detector.description.training,
      made: true,
      scenes: { ...scenes.settings, seed: SEED },
      kinds,
      point: evaluation.point,
      example: exampleOf(detector, data.test),
      anchors: [],
    };
    return { result, text: describeDetection(evaluation) };
  } finally {
    scenes.dispose();
    detector.dispose();
  }
}

/** A larger scene with both difficulties, and what is found in it. */
export function exampleOf(detector: Detector, test: Dataset) {
  const { width, height } = EXAMPLE;
  const scenes = openScenes(test, EXAMPLE);
  const { images } = scenes.compose({ first: 0, count: 1, kind: 'both', seed: SEED });
  scenes.dispose();
  const levels = Uint8Array.from(images.dataSync<'float32'>(), (level) => Math.round(255 * level));
  images.dispose();
  const data = new Uint8ClampedArray(4 * levels.length);
  levels.forEach((level, i) => {
    data.set([level, level, level, 255], 4 * i);
  });
  const { items } = findItems(detector, { width, height, data });
  return {
    picture: writtenPicture(width, height, levels),
    items: items.map(({ label, ...item }) => ({ class: detector.description.classNames[label]!, label, ...item })),
  };
}

/** A line a kind of scene, and one of the threshold. */
export function describeDetection({ kinds, point }: DetectorEvaluation): string {
  const three = (value: number): string => value.toFixed(3);
  return [
    'Scenes (made)  mAP@.5   @.75   @.5:.95  items  partly covered',
    ...kinds.map(
      ({ kind, at50, at75, mean, items, covered }) =>
        `${kind.padEnd(14)} ${three(at50)}    ${three(at75)}  ${three(mean)}    ${String(items).padEnd(6)} ${(100 * covered).toFixed(0)}%`,
    ),
    `At a score of ${point.threshold}: ${(100 * point.precision).toFixed(1)}% of boxes are right, ${(100 * point.recall).toFixed(1)}% of items are found`,
  ].join('\n');
}
