// How well a detector finds the items of scenes, by kind of scene: COCO's average precision, and what a threshold gives a user.
// Not here: COCO's definition (average-precision.ts). Invariant: a function of detector, items, settings and seed.
import { platform } from '../../platform/index.ts';
import { type AveragePrecision, averagePrecision } from './average-precision.ts';
import { type DetectedItem, overlapOf, type TrueItem } from './boxes.ts';
import type { Detector } from './detector.ts';
import { type SceneComposer, type SceneItem, type SceneKind, sceneKinds } from './scenes.ts';

/** What counts as found at a threshold: a box of the right class that overlaps by half or more. */
export interface OperatingPoint {
  readonly threshold: number;
  readonly precision: number;
  readonly recall: number;
  /** Harmonic mean of both. */
  readonly f1: number;
}

export interface KindEvaluation extends AveragePrecision {
  readonly kind: SceneKind;
  readonly scenes: number;
  readonly items: number;
  /** Share of items of which something is covered. */
  readonly covered: number;
}

export interface DetectorEvaluation {
  readonly kinds: readonly KindEvaluation[];
  /** Over the scenes of all kinds: at the threshold asked for, or the one with the greatest f1. */
  readonly point: OperatingPoint;
}

export interface DetectorEvaluationOptions {
  /** Scenes of each kind. */
  readonly scenes: number;
  readonly seed: number;
  /** Default: the best of .05, .1, … .95: for validation scenes only. */
  readonly threshold?: number;
}

const BATCH = 16;
/** Scores below are too many to tell anything. */
const LEAST_SCORE = 0.02;
const ENOUGH = 0.5;

/**
 * Evaluates a detector on scenes of each kind.
 *
 * @param composer Of items that the detector was not trained on
 * @throws SelvedgeError as `Detector.detect`
 */
export async function evaluateDetector(
  detector: Detector,
  composer: SceneComposer,
  { scenes, seed, threshold }: DetectorEvaluationOptions,
): Promise<DetectorEvaluation> {
  const kinds: KindEvaluation[] = [];
  const everyTruth: (readonly SceneItem[])[] = [];
  const everyFound: DetectedItem[][] = [];
  for (const kind of sceneKinds) {
    const truth: (readonly SceneItem[])[] = [];
    const found: DetectedItem[][] = [];
    for (let first = 0; first < scenes; first += BATCH) {
      // So that Ctrl-C is heard between batches.
      await platform.giveWay();
      const made = composer.compose({ first, count: Math.min(BATCH, scenes - first), kind, seed });
      truth.push(...made.items);
      const find = detector.look(made.images);
      found.push(...find({ threshold: LEAST_SCORE, classes: 'each' }));
      everyFound.push(...find({ threshold: LEAST_SCORE, classes: 'one' }));
      made.images.dispose();
    }
    const items = truth.flat();
    kinds.push({
      kind,
      scenes,
      items: items.length,
      covered: items.filter(({ visible }) => visible < 1).length / items.length,
      ...averagePrecision(truth, found),
    });
    everyTruth.push(...truth);
  }
  const thresholds = threshold === undefined ? Array.from({ length: 19 }, (_, i) => (i + 1) / 20) : [threshold];
  const points = thresholds.map((each) => operatingPoint(everyTruth, everyFound, each));
  return { kinds, point: points.reduce((best, point) => (point.f1 > best.f1 ? point : best)) };
}

/** Precision and recall of what scores above a threshold; each item is found once, by the best that meets it. */
export function operatingPoint(
  truth: readonly (readonly TrueItem[])[],
  found: readonly (readonly DetectedItem[])[],
  threshold: number,
): OperatingPoint {
  let [right, given, items] = [0, 0, 0];
  truth.forEach((own, scene) => {
    const open = [...own];
    items += own.length;
    for (const item of found[scene]!) {
      if (item.score < threshold) continue;
      given++;
      const match = open.findIndex(({ label, box }) => label === item.label && overlapOf(box, item.box) >= ENOUGH);
      if (match < 0) continue;
      open.splice(match, 1);
      right++;
    }
  });
  const precision = given === 0 ? 0 : right / given;
  const recall = items === 0 ? 0 : right / items;
  return { threshold, precision, recall, f1: right === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}
