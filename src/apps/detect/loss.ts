// What a detector is trained by: at places near the middle of an item, its class and its box; at all others, that there is none.
// In double precision, by our own exponential and logarithm. Invariant: loss and gradient are functions of outputs and items alone.
//
// Scores: the target of an item's class is how well the box that the place gives overlaps the item's (X. Li et al., "Generalized focal loss",
// NeurIPS 2020; H. Zhang et al., "VarifocalNet", CVPR 2021), by cross-entropy; where there is no item, cross-entropy times the square of
// the score (T.-Y. Lin et al., "Focal loss", ICCV 2017). Boxes: one minus overlap (J. Yu et al., "UnitBox", 2016), counted double.
import { naturalExponential, naturalLogarithm } from '../../core/exponential.ts';
import type { Box, TrueItem } from './boxes.ts';
import { EDGES, STRIDE } from './network.ts';

/** Of an output `[batch, rows, columns, classes + 4]`. */
export interface OutputShape {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
}

export interface DetectionLoss {
  /** Sums over places, divided by the number of places that have an item. */
  readonly scores: number;
  readonly boxes: number;
  /** Mean overlap of boxes at those places. */
  readonly overlap: number;
  /** Slope of `scores + boxes` by each output. */
  readonly gradient: Float32Array;
}

/** Places whose centre is nearer to that of the box than this, both ways, have the item. */
const NEAR = 1.5 * STRIDE;
const BOX_WEIGHT = 2;
const BACKGROUND_WEIGHT = 0.75;
/** Beyond, an edge is further than any picture is wide. */
export const LARGEST_EDGE = 7;

/** The middle of a place in pixels. */
export const centreOf = (place: number): number => (place + 0.5) * STRIDE;

/**
 * Which item each place of a scene has: of several, the one whose centre is nearest; of equally near ones the later, which lies on top.
 *
 * @returns `[rows, columns]`, indices of items, -1 for none
 */
export function assignPlaces(items: readonly TrueItem[], rows: number, columns: number): Int32Array {
  const assigned = new Int32Array(rows * columns).fill(-1);
  const nearest = new Float64Array(rows * columns).fill(Infinity);
  items.forEach(({ box: [left, top, right, bottom] }, index) => {
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    // A small item still has the place that its centre lies in.
    const own = [Math.floor(y / STRIDE), Math.floor(x / STRIDE)];
    const from = [Math.floor((y - NEAR) / STRIDE), Math.floor((x - NEAR) / STRIDE)];
    const to = [Math.floor((y + NEAR) / STRIDE), Math.floor((x + NEAR) / STRIDE)];
    for (let row = Math.max(0, from[0]!); row <= Math.min(rows - 1, to[0]!); row++) {
      for (let column = Math.max(0, from[1]!); column <= Math.min(columns - 1, to[1]!); column++) {
        const [dx, dy] = [centreOf(column) - x, centreOf(row) - y];
        const isInside =
          centreOf(column) > left + 1 &&
          centreOf(column) < right - 1 &&
          centreOf(row) > top + 1 &&
          centreOf(row) < bottom - 1;
        const isNear = Math.abs(dx) < NEAR && Math.abs(dy) < NEAR;
        if (!(isNear && isInside) && !(row === own[0] && column === own[1])) continue;
        const place = row * columns + column;
        if (dx * dx + dy * dy > nearest[place]!) continue;
        nearest[place] = dx * dx + dy * dy;
        assigned[place] = index;
      }
    }
  });
  return assigned;
}

/**
 * Loss and gradient of a batch.
 *
 * @param outputs `[batch, rows, columns, classes + 4]`
 * @param items Of each scene, in pixels of the picture
 */
export function detectionLoss(
  outputs: Float32Array,
  items: readonly (readonly TrueItem[])[],
  { batch, rows, columns, classes }: OutputShape,
): DetectionLoss {
  const places = rows * columns;
  const width = classes + EDGES;
  const gradient = new Float32Array(outputs.length);
  const assigned = items.map((own) => assignPlaces(own, rows, columns));
  const positives = assigned.reduce((sum, own) => sum + own.reduce((count, item) => count + (item < 0 ? 0 : 1), 0), 0);
  const share = 1 / Math.max(1, positives);
  let [scores, boxes, overlaps] = [0, 0, 0];
  const slopes = new Float64Array(EDGES);
  for (let scene = 0; scene < batch; scene++) {
    for (let place = 0; place < places; place++) {
      const at = (scene * places + place) * width;
      const index = assigned[scene]![place]!;
      const item = index < 0 ? undefined : items[scene]![index]!;
      let target = 0;
      if (item) {
        const centre = [centreOf(place % columns), centreOf(Math.floor(place / columns))] as const;
        target = boxLoss(outputs, at + classes, centre, item.box, slopes);
        overlaps += target;
        boxes += BOX_WEIGHT * (1 - target);
        for (let edge = 0; edge < EDGES; edge++) gradient[at + classes + edge] = share * BOX_WEIGHT * slopes[edge]!;
      }
      for (let label = 0; label < classes; label++) {
        const logit = outputs[at + label]!;
        const small = naturalExponential(-Math.abs(logit));
        const score = logit >= 0 ? 1 / (1 + small) : small / (1 + small);
        // log(1 + e^logit)
        const softplus = Math.max(logit, 0) + naturalLogarithm(1 + small);
        if (item) {
          const wanted = label === item.label ? target : 0;
          scores += softplus - wanted * logit;
          gradient[at + label] = share * (score - wanted);
        } else {
          scores += BACKGROUND_WEIGHT * score * score * softplus;
          const slope = score * score * score + 2 * score * score * (1 - score) * softplus;
          gradient[at + label] = share * BACKGROUND_WEIGHT * slope;
        }
      }
    }
  }
  return { scores: scores * share, boxes: boxes * share, overlap: overlaps * share, gradient };
}

/** Distances to the edges: e to the power of outputs. */
export const edgeOf = (output: number): number => naturalExponential(Math.min(LARGEST_EDGE, output));

/** The overlap of a box that a place gives with the item's; writes the slopes of one minus it. Both hold the place. */
function boxLoss(
  outputs: Float32Array,
  at: number,
  [x, y]: readonly [number, number],
  [left, top, right, bottom]: Box,
  slopes: Float64Array,
): number {
  const wanted = [x - left, y - top, right - x, bottom - y].map((edge) => Math.max(edge, 0.5));
  const given = [0, 1, 2, 3].map((edge) => edgeOf(outputs[at + edge]!));
  const shared = given.map((edge, i) => Math.min(edge, wanted[i]!));
  const [givenWidth, givenHeight] = [given[0]! + given[2]!, given[1]! + given[3]!];
  const [sharedWidth, sharedHeight] = [shared[0]! + shared[2]!, shared[1]! + shared[3]!];
  const both = sharedWidth * sharedHeight;
  const union = givenWidth * givenHeight + (wanted[0]! + wanted[2]!) * (wanted[1]! + wanted[3]!) - both;
  for (let edge = 0; edge < EDGES; edge++) {
    const ofBoth = given[edge]! < wanted[edge]! ? (edge % 2 === 0 ? sharedHeight : sharedWidth) : 0;
    const ofUnion = (edge % 2 === 0 ? givenHeight : givenWidth) - ofBoth;
    const isHeld = outputs[at + edge]! > LARGEST_EDGE;
    slopes[edge] = isHeld ? 0 : (-(ofBoth * union - both * ofUnion) / (union * union)) * given[edge]!;
  }
  return both / union;
}
