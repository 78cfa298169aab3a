// The edge worker in workerd: from the start of the process to the first answer, and answers after that: `selvedge bench edge`.
// Not the network between a client and Cloudflare. Invariant: each repetition is a fresh process; every answer is checked.
import { SelvedgeError } from '../src/core/errors.ts';
import { loadFashionMnistSample } from '../src/data/index.ts';
import { platform } from '../src/platform/index.ts';
import { encodeGrayPng } from '../src/report/png.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { type Disturbance, disturbanceNotice, summarizeDisturbances, watch } from './disturbance.ts';
import { type Spread, spreadOf, spreadText } from './statistics.ts';
import { findWorkerd, prepareWorker, startWorker, type Workerd } from './workerd.ts';

const REPETITIONS = 11;
const WARM_REQUESTS = 200;
const BATCH = '32 images';
/** What the project promises of one image, in the median. */
const limits = { coldMs: 200, warmMs: 5 } as const;

interface Case {
  readonly name: string;
  /** Configuration of workerd. */
  readonly config: string;
  readonly type: string;
  readonly body: Uint8Array;
}

interface Times {
  /** Start of the process until it listens. */
  readonly listenMs: number;
  /** The first request and its answer. */
  readonly firstMs: number;
  /** Median of those after it. */
  readonly warmMs: number;
  readonly processorMs: number;
}

export const edge: Benchmark = {
  name: 'edge',
  description: 'The edge worker in workerd: start of the process to the first answer, and answers after that',
  usesModel: false,
  async run({ rounds = REPETITIONS, only, onProgress }) {
    const workerd = await findWorkerd(onProgress);
    const cases = wantedOf(await makeCases(), only);
    const times = new Map<string, Times[]>(cases.map(({ name }) => [name, []]));
    const disturbances: Disturbance[] = [];
    // The first fills the caches of the disk.
    for (let round = -1; round < rounds; round++) {
      if (round >= 0) onProgress?.(`round ${round + 1} of ${rounds}`);
      for (const each of cases) {
        const { result, disturbance } = await watch(
          () => measure(workerd, each),
          ({ processorMs }) => processorMs,
        );
        if (round < 0) continue;
        times.get(each.name)!.push(result);
        disturbances.push(disturbance);
      }
    }
    const disturbance = summarizeDisturbances(disturbances);
    const results = [...times].map(([name, measured]) => resultOf(name, measured));
    return {
      json: { benchmark: 'edge', workerd: workerd.version, limits, cases: results, disturbance },
      text: [
        `edge worker with image codecs, ${workerd.version}, ${rounds} processes a row, ${WARM_REQUESTS} warm requests each, ms`,
        `${''.padEnd(18)} ${'process to first answer'.padEnd(24)} ${'first request'.padEnd(20)} warm request`,
        ...results.map(({ name, coldMs, firstMs, warmMs }) =>
          [
            name.padEnd(18),
            spreadText(coldMs, (ms) => ms.toFixed(0)).padEnd(24),
            spreadText(firstMs, (ms) => ms.toFixed(1)).padEnd(20),
            spreadText(warmMs, (ms) => ms.toFixed(2)),
          ].join(' '),
        ),
        ...results
          .filter(({ name }) => name !== BATCH)
          .flatMap(({ name, coldMs, warmMs }) => verdict(name, coldMs, warmMs)),
        ...disturbanceNotice(disturbance),
      ].join('\n'),
    };
  },
};

function resultOf(name: string, measured: readonly Times[]) {
  return {
    name,
    coldMs: spreadOf(measured.map(({ listenMs, firstMs }) => listenMs + firstMs)),
    firstMs: spreadOf(measured.map(({ firstMs }) => firstMs)),
    warmMs: spreadOf(measured.map(({ warmMs }) => warmMs)),
  };
}

function verdict(name: string, cold: Spread, warm: Spread): string[] {
  const lines: string[] = [];
  if (cold.median >= limits.coldMs) lines.push(`${name}: the first answer takes more than ${limits.coldMs} ms`);
  if (warm.median >= limits.warmMs) lines.push(`${name}: a warm answer takes more than ${limits.warmMs} ms`);
  return lines;
}

async function makeCases(): Promise<Case[]> {
  const { test } = await loadFashionMnistSample();
  const image = test.images.slice(0, 784);
  const batch = test.images.slice(0, 32 * 784);
  const png = encodeGrayPng({ width: 28, height: 28, pixels: image });
  const octets = 'application/octet-stream';
  const [plain, nodejs] = [await prepareWorker([]), await prepareWorker(['nodejs_compat'])];
  return [
    { name: 'one image', config: plain, type: octets, body: image },
    { name: 'with nodejs_compat', config: nodejs, type: octets, body: image },
    { name: 'one PNG', config: plain, type: 'image/png', body: png },
    { name: BATCH, config: plain, type: octets, body: batch },
  ];
}

async function measure(workerd: Workerd, { config, type, body }: Case): Promise<Times> {
  const start = platform.now();
  const worker = await startWorker(workerd, config);
  try {
    const ask = async (): Promise<number> => {
      const begin = platform.now();
      const response = await fetch(`${worker.url}/classify`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: body as BodyInit,
      });
      const { images } = (await response.json()) as { images?: readonly { readonly class: string }[] };
      if (images?.[0]?.class !== 'Ankle boot') {
        throw new SelvedgeError('bench/edge', `Cannot measure the worker: it answered with status ${response.status}`);
      }
      return platform.now() - begin;
    };
    const listenMs = platform.now() - start;
    const firstMs = await ask();
    const warm: number[] = [];
    for (let i = 0; i < WARM_REQUESTS; i++) warm.push(await ask());
    return { listenMs, firstMs, warmMs: spreadOf(warm).median, processorMs: worker.processorMs() };
  } finally {
    await worker.stop();
  }
}
