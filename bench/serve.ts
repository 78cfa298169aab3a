// The HTTP app under load: pictures read on the event loop, as at the edge, beside threads and batches, as `selvedge serve` has them, in
// turn: `selvedge bench serve`. Servers and client are processes of their own, on the same processors.
// Invariant: all give the same answers to the same pictures, to the bit, or nothing is told.
import { SelvedgeError } from '../src/core/errors.ts';
import { platform, type RunningProgram } from '../src/platform/index.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { type Disturbance, disturbanceNotice, summarizeDisturbances, watch } from './disturbance.ts';
import { SIDE, writePictures } from './made-pictures.ts';
import { ratioSpread, type Spread, spreadOf, spreadText, timesText } from './statistics.ts';

const ROUNDS = 5;
const REQUESTS = 2_000;
const TOGETHER = 32;
const WARM_UP_REQUESTS = 500;
const PICTURES = 100;
/** What the project promises of threads beside the event loop's own figures, and of the slowest in a hundred beside the median. */
const limits = { tail: 5 } as const;
/** Another checkout, built, whose server on the event loop takes turns, too: what was before a change. */
const BEFORE = 'SELVEDGE_BENCH_BEFORE';

interface Entrant {
  readonly name: string;
  readonly root: string;
  readonly way: 'loop' | 'threads';
}

interface Round {
  readonly requestsPerSecond: number;
  readonly medianMs: number;
  readonly tailMs: number;
  readonly answers: readonly string[];
  /** Of the server, a request. */
  readonly serverMs: number;
  /** Of both. */
  readonly processorMs: number;
}

/** What the client tells. */
interface Told {
  readonly elapsedMs: number;
  readonly latenciesMs: readonly number[];
  readonly answers: readonly string[];
  readonly processorMs: number;
}

export const serve: Benchmark = {
  name: 'serve',
  description: 'The HTTP app under load, on the event loop and with threads',
  usesModel: false,
  async run({ rounds = ROUNDS, only, onProgress }) {
    const entrants = wantedOf(entrantsHere(), only);
    const folder = await writePictures('serve', PICTURES);
    const client = start('./serve-client.js', [folder]);
    const servers = entrants.map(({ root, way }) => start('./serve-server.js', [root, way]));
    try {
      const urls = await Promise.all(servers.map((server) => lineOf(server)));
      const measured = entrants.map((): Round[] => []);
      const disturbances: Disturbance[] = [];
      for (let round = -1; round < rounds; round++) {
        onProgress?.(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`);
        for (let turn = 0; turn < entrants.length; turn++) {
          const i = (turn + Math.max(0, round)) % entrants.length;
          const requests = round < 0 ? WARM_UP_REQUESTS : REQUESTS;
          const { result, disturbance } = await watch(
            () => measure(client, servers[i]!, { url: urls[i]!, requests, together: TOGETHER }),
            ({ processorMs }) => processorMs,
          );
          requireSameAnswers(measured[0]![0] ?? result, result, entrants[i]!.name);
          if (round < 0) continue;
          measured[i]!.push(result);
          disturbances.push(disturbance);
        }
      }
      return resultOf(entrants, measured, rounds, disturbances);
    } finally {
      await Promise.all([client, ...servers].map((program) => program.stop()));
      await platform.files.remove(folder);
    }
  },
};

function entrantsHere(): Entrant[] {
  const root = platform.files.fromUrl(new URL('../', import.meta.url));
  const before = platform.environment(BEFORE);
  return [
    ...(before ? [{ name: 'before', root: platform.files.resolve(before), way: 'loop' as const }] : []),
    { name: 'event loop', root, way: 'loop' },
    { name: 'threads', root, way: 'threads' },
  ];
}

function resultOf(
  entrants: readonly Entrant[],
  measured: readonly (readonly Round[])[],
  rounds: number,
  disturbances: readonly Disturbance[],
) {
  const disturbance = summarizeDisturbances(disturbances);
  const rates = measured.map((all) => all.map(({ requestsPerSecond }) => requestsPerSecond));
  const results = entrants.map(({ name }, i) => ({
    name,
    requestsPerSecond: spreadOf(rates[i]!),
    medianMs: spreadOf(measured[i]!.map(({ medianMs }) => medianMs)),
    tailMs: spreadOf(measured[i]!.map(({ tailMs }) => tailMs)),
    tailRatio: spreadOf(measured[i]!.map(({ tailMs, medianMs }) => tailMs / medianMs)),
    serverMs: spreadOf(measured[i]!.map(({ serverMs }) => serverMs)),
    ratio: ratioSpread(rates[i]!, rates[0]!)!,
  }));
  const ms = (spread: Spread): string => spreadText(spread, (value) => value.toFixed(1)).padEnd(22);
  return {
    json: { benchmark: 'serve', requests: REQUESTS, together: TOGETHER, side: SIDE, limits, results, disturbance },
    text: [
      `serve, PNG of ${SIDE} x ${SIDE}, ${REQUESTS} requests, ${TOGETHER} at a time, ${rounds} rounds in turn`,
      `${''.padEnd(12)} ${'requests/s'.padEnd(22)} ${'median, ms'.padEnd(22)} ${'99 in 100 below, ms'.padEnd(22)} ${'server’s processor, ms'.padEnd(22)} of ${entrants[0]!.name}`,
      ...results.map(({ name, requestsPerSecond, medianMs, tailMs, serverMs, ratio }) =>
        [
          name.padEnd(12),
          spreadText(requestsPerSecond).padEnd(22),
          ms(medianMs),
          ms(tailMs),
          spreadText(serverMs).padEnd(22),
          spreadText(ratio, timesText),
        ].join(' '),
      ),
      ...results
        .filter(({ tailRatio }) => tailRatio.median >= limits.tail)
        .map(({ name }) => `${name}: the slowest in a hundred take ${limits.tail} times the median or more`),
      ...disturbanceNotice(disturbance),
    ].join('\n'),
  };
}

function start(script: string, args: readonly string[]): RunningProgram {
  const program = platform.scriptCommand(new URL(script, import.meta.url));
  return platform.startProgram(program.command, [...program.args, ...args]);
}

const failed = (reason: string): SelvedgeError => new SelvedgeError('bench/serve', `Cannot measure: ${reason}`);

async function lineOf(program: RunningProgram): Promise<string> {
  const line = await program.nextLine();
  if (line !== undefined) return line;
  const { code, stderr } = await program.stop();
  throw failed(`a process ended with code ${code}; run npm run build: ${stderr.trim()}`);
}

async function measure(client: RunningProgram, server: RunningProgram, task: object): Promise<Round> {
  const used = async (): Promise<number> => {
    server.send('');
    return (JSON.parse(await lineOf(server)) as { processorMs: number }).processorMs;
  };
  const before = await used();
  client.send(JSON.stringify(task));
  const { elapsedMs, latenciesMs, answers, processorMs } = JSON.parse(await lineOf(client)) as Told;
  const serverMs = (await used()) - before;
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  return {
    requestsPerSecond: (1000 * sorted.length) / elapsedMs,
    medianMs: sorted[sorted.length >> 1]!,
    tailMs: sorted[Math.ceil(0.99 * sorted.length) - 1]!,
    answers,
    serverMs: serverMs / sorted.length,
    processorMs: processorMs + serverMs,
  };
}

function requireSameAnswers(first: Round, { answers }: Round, name: string): void {
  const differing = first.answers.findIndex((answer, i) => answer !== answers[i]);
  if (differing >= 0) throw failed(`"${name}" answers otherwise to picture ${differing}: ${answers[differing]}`);
}
