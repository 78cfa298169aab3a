// Draws a model as a graph: a box a layer with its settings, output shape and parameters, and an arrow a connection.
// Layout after Sugiyama, Tagawa and Toda (1981): rank by longest path, bend long edges through the ranks between, reduce
// crossings by barycentres. Invariant: deterministic; a chain of layers comes out as one column.
import { SelvedgeError } from '../core/errors.ts';
import { colours } from './palette.ts';
import { type Drawing, estimateTextWidth, round, svgText } from './svg.ts';

/** One layer of a model. */
export interface LayerSummary {
  readonly name: string;
  /** Class of the layer, such as "Conv2D". */
  readonly type: string;
  /** Settings in a few words, such as "32 filters 3×3, relu"; may be empty. */
  readonly config: string;
  /** Without the batch dimension; `null` where a side may vary. */
  readonly outputShape: readonly (number | null)[];
  readonly parameters: number;
  /** Names of the layers it takes its inputs from. A name that is no layer stands for an input of the model. */
  readonly inputs: readonly string[];
}

/** A model as the graph shows it. */
export interface ModelSummary {
  readonly name: string;
  /** In any order. */
  readonly layers: readonly LayerSummary[];
  readonly totalParameters: number;
}

/** A layer, or a bend of an edge that passes the rank. */
interface Node {
  readonly layer?: LayerSummary;
  readonly rank: number;
  readonly inputs: Node[];
  width: number;
  /** Left edge. */
  x: number;
}

const BOX_HEIGHT = 46;
const RANK_GAP = 22;
const COLUMN_GAP = 18;
const BEND_WIDTH = 12;
const PADDING = 14;
const MINIMUM_WIDTH = 400;
const SWEEPS = 4;

const thousands = new Intl.NumberFormat('en-US');

/**
 * Draws a model, top to bottom, with its total of parameters.
 *
 * @param summary Layers and their connections; may branch and join
 * @throws {SelvedgeError} `graph/duplicate-layer`, `graph/cycle`
 * @example
 * ```ts
 * import { drawModelGraph } from 'selvedge';
 * const input = { name: 'in', type: 'InputLayer', config: '', outputShape: [4], parameters: 0, inputs: [] };
 * const drawing = drawModelGraph({ name: 'tiny', layers: [input], totalParameters: 0 });
 * console.assert(drawing.body.includes('InputLayer'));
 * ```
 */
export function drawModelGraph(summary: ModelSummary): Drawing {
  const ranks = reduceCrossings(buildRanks(withInputs(summary.layers)));
  const contentWidth = placeColumns(ranks);
  const total = `Total: ${thousands.format(summary.totalParameters)} parameters`;
  const width = Math.ceil(Math.max(MINIMUM_WIDTH, contentWidth + 2));
  const shift = (width - contentWidth) / 2;
  for (const node of ranks.flat()) node.x += shift;
  const topOf = (rank: number): number => 1 + rank * (BOX_HEIGHT + RANK_GAP);
  const nodes = ranks.flat();
  const edges = nodes.flatMap((node) => node.inputs.map((input) => drawEdge(input, node, topOf)));
  const boxes = nodes.map((node) => drawBox(node, topOf(node.rank)));
  const bottom = topOf(ranks.length);
  return {
    width,
    height: bottom + 10,
    body: [...edges, ...boxes, svgText(total, width / 2, bottom, { anchor: 'middle', size: 13, weight: 600 })].join(''),
  };
}

/** Adds a box for each input of the model that is not among the layers. */
function withInputs(layers: readonly LayerSummary[]): LayerSummary[] {
  const known = new Set(layers.map(({ name }) => name));
  const absent = new Set(layers.flatMap(({ inputs }) => inputs).filter((name) => !known.has(name)));
  const box = { type: 'Input', config: '', outputShape: [], parameters: 0, inputs: [] };
  return [...[...absent].map((name) => ({ ...box, name })), ...layers];
}

/** Ranks by longest path from the inputs, with bends where an edge spans more than one rank. */
function buildRanks(layers: readonly LayerSummary[]): Node[][] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  if (byName.size !== layers.length) {
    throw new SelvedgeError(
      'graph/duplicate-layer',
      'Cannot draw the model: expected a name of its own for each layer',
    );
  }
  const rankOf = longestPaths(layers, byName);
  const ranks: Node[][] = Array.from({ length: Math.max(0, ...rankOf.values()) + 1 }, () => []);
  const nodes = new Map<string, Node>();
  for (const layer of layers) {
    const rank = rankOf.get(layer.name)!;
    const node: Node = { layer, rank, inputs: [], width: boxWidth(layer), x: 0 };
    nodes.set(layer.name, node);
    ranks[rank]!.push(node);
  }
  for (const layer of layers) {
    const node = nodes.get(layer.name)!;
    for (const input of layer.inputs) {
      let from = nodes.get(input)!;
      for (let rank = from.rank + 1; rank < node.rank; rank++) {
        const bend: Node = { rank, inputs: [from], width: BEND_WIDTH, x: 0 };
        ranks[rank]!.push(bend);
        from = bend;
      }
      node.inputs.push(from);
    }
  }
  return ranks;
}

function longestPaths(layers: readonly LayerSummary[], byName: ReadonlyMap<string, LayerSummary>): Map<string, number> {
  const ranks = new Map<string, number>();
  const open = new Set<string>();
  const visit = (layer: LayerSummary): number => {
    const known = ranks.get(layer.name);
    if (known !== undefined) return known;
    if (open.has(layer.name)) {
      throw new SelvedgeError('graph/cycle', `Cannot draw the model: layer "${layer.name}" depends on itself`);
    }
    open.add(layer.name);
    let rank = 0;
    for (const name of layer.inputs) {
      rank = Math.max(rank, visit(byName.get(name)!) + 1);
    }
    open.delete(layer.name);
    ranks.set(layer.name, rank);
    return rank;
  };
  for (const layer of layers) visit(layer);
  return ranks;
}

/** Orders each rank by the mean position of its neighbours, downwards and upwards in turn. */
function reduceCrossings(ranks: Node[][]): Node[][] {
  const outputs = new Map<Node, Node[]>();
  for (const node of ranks.flat()) {
    for (const input of node.inputs) outputs.set(input, [...(outputs.get(input) ?? []), node]);
  }
  const sortBy = (rank: Node[], beside: Node[], neighbours: (node: Node) => readonly Node[]): void => {
    const position = new Map(beside.map((node, index) => [node, index]));
    const own = new Map(rank.map((node, index) => [node, index]));
    const keys = new Map(
      rank.map((node) => {
        const places = neighbours(node).map((neighbour) => position.get(neighbour)!);
        const mean = places.reduce((sum, place) => sum + place, 0) / places.length;
        return [node, places.length === 0 ? own.get(node)! : mean];
      }),
    );
    rank.sort((a, b) => keys.get(a)! - keys.get(b)!);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let rank = 1; rank < ranks.length; rank++) sortBy(ranks[rank]!, ranks[rank - 1]!, (node) => node.inputs);
    for (let rank = ranks.length - 2; rank >= 0; rank--) {
      sortBy(ranks[rank]!, ranks[rank + 1]!, (node) => outputs.get(node) ?? []);
    }
  }
  return ranks;
}

/** Centres each rank over the widest one; boxes of one rank have one width. Returns the width of the widest. */
function placeColumns(ranks: readonly Node[][]): number {
  const boxes = ranks.flat().filter(({ layer }) => layer);
  const common = Math.max(0, ...boxes.map(({ width }) => width));
  for (const box of boxes) box.width = common;
  const widthOf = (rank: readonly Node[]): number =>
    rank.reduce((sum, { width }) => sum + width, 0) + Math.max(0, rank.length - 1) * COLUMN_GAP;
  const widest = Math.max(0, ...ranks.map(widthOf));
  for (const rank of ranks) {
    let x = (widest - widthOf(rank)) / 2;
    for (const node of rank) {
      node.x = x;
      x += node.width + COLUMN_GAP;
    }
  }
  return widest;
}

const parametersText = ({ parameters }: LayerSummary): string =>
  parameters === 0 ? 'no parameters' : `${thousands.format(parameters)} parameters`;

const detailText = ({ name, config }: LayerSummary): string => (config === '' ? name : config);

/** Such as "26 × 26 × 32". */
export const shapeText = ({ outputShape }: Pick<LayerSummary, 'outputShape'>): string =>
  outputShape.map((side) => side ?? '?').join(' × ');

function boxWidth(layer: LayerSummary): number {
  const first = estimateTextWidth(layer.type, 13) + estimateTextWidth(shapeText(layer), 12);
  const second = estimateTextWidth(detailText(layer), 11) + estimateTextWidth(parametersText(layer), 11);
  return Math.max(180, Math.ceil(Math.max(first, second) + 2 * PADDING + 28));
}

function drawBox({ layer, x, width }: Node, top: number): string {
  if (!layer) return '';
  const right = x + width - PADDING;
  return (
    `<rect x="${round(x)}" y="${top}" width="${round(width)}" height="${BOX_HEIGHT}" rx="6" fill="${colours.panel}" stroke="${colours.rule}"/>` +
    svgText(layer.type, x + PADDING, top + 19, { size: 13, weight: 600 }) +
    svgText(shapeText(layer), right, top + 19, { anchor: 'end' }) +
    svgText(detailText(layer), x + PADDING, top + 36, { size: 11, fill: colours.muted }) +
    svgText(parametersText(layer), right, top + 36, {
      size: 11,
      fill: layer.parameters === 0 ? colours.muted : colours.accent,
      anchor: 'end',
    })
  );
}

function drawEdge(from: Node, to: Node, topOf: (rank: number) => number): string {
  const startX = round(from.x + from.width / 2);
  const endX = round(to.x + to.width / 2);
  const startY = topOf(from.rank) + BOX_HEIGHT;
  const endY = topOf(to.rank);
  const middle = (startY + endY) / 2;
  const tip = to.layer ? 5 : 0;
  const line = `<path d="M${startX},${startY}C${startX},${middle} ${endX},${middle} ${endX},${endY - tip}" fill="none" stroke="${colours.muted}"/>`;
  // A bend carries its edge straight through the height of its rank.
  const through = to.layer
    ? `<path d="M${endX - 4},${endY - 7}L${endX + 4},${endY - 7}L${endX},${endY}Z" fill="${colours.muted}"/>`
    : `<path d="M${endX},${endY}V${endY + BOX_HEIGHT}" stroke="${colours.muted}"/>`;
  return line + through;
}
