// Where the time of a prediction goes: each call of the inference plan by itself, in turn, beside the peak of 128-bit arithmetic:
// `selvedge bench profile`. Not the speed of the whole (inference.ts). Invariant: a call works on the lanes that it has in the plan, of all
// threads, in their caches; rates are of multiplications that the algorithm makes, not of those that it saves. The
// peak is of a plain loop of multiplications and additions; what feeds more of them at once comes above it.
import { currentBackend, type SelvedgeBackend } from '../src/backend/index.ts';
import { initializeWeights } from '../src/models/index.ts';
import { PARTITION_IMAGES } from '../src/plan/context.ts';
import { fuse, type Group } from '../src/plan/fuse.ts';
import { graphOf } from '../src/plan/graph.ts';
import { foldBatchNormalizations } from '../src/plan/inference-graph.ts';
import { type InferenceNetwork, inferenceNetworkOf, layoutNetwork } from '../src/plan/inference-network.ts';
import { PlanLayout } from '../src/plan/layout.ts';
import { type Call, type Phase, runPhase } from '../src/plan/program.ts';
import { planTileSize } from '../src/plan/stages/winograd.ts';
import { alternate, disturbanceOf, type Measured, sampleCalls, valuesOf } from './alternation.ts';
import type { Benchmark } from './benchmark.ts';
import { disturbanceNotice } from './disturbance.ts';
import { buildBenchModel } from './model.ts';
import { arithmeticRoof } from './peak.ts';
import { createPredictor } from './predictor.ts';
import { spreadOf } from './statistics.ts';

const ROUNDS = 11;
const ROUND_MS = 100;
const BATCH_SIZE = 128;
/** Lanes of the plan. */
const LANES_A_THREAD = 2;
/** Times that a call is made between two dispatches, so that these do not count. */
const REPEATS = 50;

/** One kernel call of the plan. */
interface Piece {
  readonly name: string;
  /** Operations of its products; 0 where it only moves, adds and compares. */
  readonly flopsAnImage: number;
  readonly phase: Phase;
  readonly scratchBytes: number;
}

interface PieceResult {
  readonly name: string;
  readonly flopsAnImage: number;
  readonly microsecondsAnImage: number;
  readonly share: number;
  /** Of products. */
  readonly shareOfPeak?: number;
}

export const profile: Benchmark = {
  name: 'profile',
  description: 'Where the time of a prediction goes, call by call, beside the peak of 128-bit arithmetic',
  usesModel: true,
  async run({ engine, model: name = 'dropout', batchSize = BATCH_SIZE, rounds = ROUNDS, onProgress }) {
    const backend = currentBackend();
    const model = await buildBenchModel(name, { inputShape: [28, 28, 1], classes: 10 });
    initializeWeights(model, 1);
    const network = inferenceNetworkOf(model);
    if ('reason' in network) throw new TypeError(`${name} has no plan: ${network.reason}`);
    const images = LANES_A_THREAD * engine.threads * PARTITION_IMAGES;
    const layout = new PlanLayout(backend, { capacity: images, inputs: network.inputs, isTraining: false, seed: 0 });
    const roof = arithmeticRoof(backend);
    const predictor = createPredictor(model, { batchSize });
    try {
      const groups = fuse(foldBatchNormalizations(graphOf(model, false) as never).graph).groups;
      const pieces = layOut(backend, { layout, network, groups, images });
      const batch = new Float32Array(batchSize * 784).fill(0.5);
      const measured = await alternate(
        [
          entrant('peak', () => roof.run()),
          entrant('whole', () => predictor.predict(batch)),
          ...pieces.map((piece) => entrant(piece.name, () => runPhase(backend, piece.phase, piece.scratchBytes))),
        ],
        { rounds, onRound: (round, all) => onProgress?.(`round ${round} of ${all}`) },
      );
      return resultOf(measured, { pieces, images, batchSize, peakFlops: roof.amount, name, threads: engine.threads });
    } finally {
      predictor.dispose();
      roof.dispose();
      layout.dispose();
      model.dispose();
    }
  },
};

/** A round is the median call of a while, in ms. */
const entrant = (name: string, run: () => void) => ({
  name,
  round: async () => ({ value: spreadOf(await sampleCalls(run, ROUND_MS)).median }),
});

interface Placed {
  readonly layout: PlanLayout;
  readonly network: InferenceNetwork;
  readonly groups: readonly Group[];
  readonly images: number;
}

/** Stage after stage in the order of the network; values that one makes another reads are made once, so that zeros are where they will be. */
function layOut(backend: SelvedgeBackend, { layout, network, groups, images }: Placed): Piece[] {
  return network.stages.flatMap((stage, i) => {
    const one = { ...network, stages: [stage], folds: i === 0 ? network.folds : [] };
    const { derivations, scratchBytes, calls } = layoutNetwork(layout, one, images);
    layout.followWeights();
    for (const jobs of derivations) runPhase(backend, layout.memory.phase(jobs), scratchBytes);
    const lanes = Array.from({ length: images / PARTITION_IMAGES }, (_, lane) =>
      calls({ first: lane * PARTITION_IMAGES, last: (lane + 1) * PARTITION_IMAGES }),
    );
    return lanes[0]!.map(({ kernel }, k): Piece => {
      const jobs = lanes.map((lane) => new Array<Call>(REPEATS).fill(lane[k]!));
      const piece = {
        name: `${i + 1} ${kernel}`,
        flopsAnImage: flopsOf(kernel, groups[i]!),
        phase: layout.memory.phase(jobs),
        scratchBytes,
      };
      runPhase(backend, piece.phase, scratchBytes);
      return piece;
    });
  });
}

/** Multiplications and additions of the products of a call. */
function flopsOf(kernel: string, { head, inputs, sumsShape, sumsUsed, ...rest }: Group): number {
  if (head === undefined || !/Product|SingleChannel|Convolution|Depthwise/.test(kernel)) return 0;
  const [height, width] = sumsUsed;
  const inChannels = inputs[0]!.shape[2];
  const outChannels = sumsShape[2];
  if (head.kind === 'dense') return 2 * inChannels * outChannels;
  if (head.kind === 'depthwise') return 2 * head.size[0] * head.size[1] * height * width * outChannels;
  if (head.kind !== 'convolution') return 0;
  if (kernel !== 'planWinogradProduct')
    return 2 * head.size[0] * head.size[1] * height * width * inChannels * outChannels;
  const tile = planTileSize(head, { head, inputs, sumsShape, sumsUsed, ...rest });
  return 2 * (tile + 2) ** 2 * Math.ceil(height / tile) * Math.ceil(width / tile) * inChannels * outChannels;
}

interface Told {
  readonly pieces: readonly Piece[];
  readonly images: number;
  readonly batchSize: number;
  readonly peakFlops: number;
  readonly name: string;
  readonly threads: number;
}

function resultOf(measured: readonly Measured[], { pieces, images, batchSize, peakFlops, name, threads }: Told) {
  const [peak, whole, ...calls] = measured.map((each) => spreadOf(valuesOf(each)).median) as [number, number];
  const peakGflops = peakFlops / peak / 1e6;
  const times = (calls as number[]).map((ms) => (1000 * ms) / REPEATS / images);
  const sum = times.reduce((total, time) => total + time, 0);
  const results = pieces.map(({ name: piece, flopsAnImage }, i): PieceResult => {
    const gflops = flopsAnImage / times[i]! / 1000;
    return {
      name: piece,
      flopsAnImage,
      microsecondsAnImage: times[i]!,
      share: times[i]! / sum,
      ...(flopsAnImage > 0 ? { shareOfPeak: gflops / peakGflops } : {}),
    };
  });
  const wholeMicroseconds = (1000 * whole) / batchSize;
  // What nothing but faster arithmetic takes away.
  const productMicroseconds = times.reduce((total, time, i) => total + (pieces[i]!.flopsAnImage > 0 ? time : 0), 0);
  const disturbance = disturbanceOf(measured);
  return {
    json: {
      benchmark: 'profile',
      model: name,
      threads,
      batchSize,
      peakGflops,
      wholeMicroseconds,
      sumMicroseconds: sum,
      productMicroseconds,
      results,
      disturbance,
    },
    text: [
      `profile ${name}, ${threads} threads, batch ${batchSize}: peak ${peakGflops.toFixed(1)} GFLOP/s`,
      ...results.map(lineOf),
      `sum of the calls ${sum.toFixed(1)} µs an image; whole ${wholeMicroseconds.toFixed(1)} µs, ${perSecond(wholeMicroseconds)} images/s`,
      `products alone ${productMicroseconds.toFixed(1)} µs: were all else free, ${perSecond(productMicroseconds)} images/s`,
      ...disturbanceNotice(disturbance),
    ].join('\n'),
  };
}

const perSecond = (microseconds: number): string => Math.round(1e6 / microseconds).toLocaleString('en');

function lineOf({ name, flopsAnImage, microsecondsAnImage, share, shareOfPeak }: PieceResult): string {
  const work =
    shareOfPeak === undefined ? '' : `${(flopsAnImage / 1e6).toFixed(2)} MFLOP, ${percent(shareOfPeak)} of peak`;
  return `${name.padEnd(26)} ${microsecondsAnImage.toFixed(2).padStart(7)} µs an image ${percent(share).padStart(4)}  ${work}`.trimEnd();
}

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;
