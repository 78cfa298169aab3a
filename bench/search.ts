// Exact search among vectors: ours, a plain loop, and usearch where it is installed, exact and by its graph: `selvedge bench search`.
// Invariant: all answer the same queries with ten items each; rounds take turns; of approximate ones the recall stands beside the speed.
import { encodeHalf, searchCatalogue } from '../src/apps/recommend/index.ts';
import { createRanking } from '../src/apps/recommend/ranking.ts';
import { createPhilox } from '../src/core/philox.ts';
import { alternate, type Entrant, valuesOf } from './alternation.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { importPeer } from './peers/serve.ts';
import { ratioSpread, spreadOf, spreadText, timesText } from './statistics.ts';

const QUERIES = 16;
const COUNT = 10;

/** Rows and numbers a row: a shop by the best model, a large one, a million by `dropout`. */
const cases = [
  { name: '10,000 x 394', rows: 10_000, dimension: 394 },
  { name: '100,000 x 394', rows: 100_000, dimension: 394 },
  { name: '1,000,000 x 138', rows: 1_000_000, dimension: 138 },
] as const;
/** A graph of more takes minutes to make. */
const MOST_GRAPH_ROWS = 10_000;

export const search: Benchmark = {
  name: 'search',
  description: `The ten nearest of many vectors for ${QUERIES} queries: ours, a plain loop, and usearch`,
  usesModel: false,
  async run({ rounds = 5, only, engine, onProgress }) {
    const results: object[] = [];
    const lines: string[] = [];
    for (const { name, rows, dimension } of wantedOf(cases, only)) {
      onProgress?.(name);
      const vectors = directions(rows, dimension);
      const queries = vectors.slice(0, QUERIES * dimension);
      const catalogue = { vectors: encodeHalf(vectors), dimension, count: rows };
      const exact = plainSearch(vectors, queries, dimension);
      const entrants: Entrant[] = [
        timed('Selvedge', () => searchCatalogue(catalogue, queries, { count: COUNT })),
        timed('Selvedge, one query', () =>
          searchCatalogue(catalogue, queries.subarray(0, dimension), { count: COUNT }),
        ),
        timed('plain loop', async () => plainSearch(vectors, queries, dimension)),
      ];
      const found = await searchCatalogue(catalogue, queries, { count: COUNT });
      const recalls: Record<string, number> = {
        Selvedge: recallOf(
          found.map((list) => list.map(({ row }) => row)),
          exact,
        ),
      };
      const peer = await loadUsearch();
      if (peer === undefined) lines.push(`${name}: usearch is absent: npm --prefix bench/peers ci`);
      else {
        const exactly = exactSearchOf(peer, { vectors, dimension, threads: engine.threads });
        recalls['usearch, exact'] = recallOf(exactly(queries), exact);
        entrants.push(timed('usearch, exact', async () => exactly(queries)));
        if (rows > MOST_GRAPH_ROWS) lines.push(`${name}: no graph is made of more than ${MOST_GRAPH_ROWS} rows`);
        else {
          const graph = graphOf(peer, { vectors, dimension, threads: engine.threads });
          recalls['usearch, graph'] = recallOf(graph(queries), exact);
          entrants.push(timed('usearch, graph', async () => graph(queries)));
        }
      }
      for (const entrant of entrants) await entrant.round();
      const measured = await alternate(entrants, { rounds });
      const ours = measured[0]!;
      for (const each of measured) {
        const spread = spreadOf(valuesOf(each));
        const ratio = ratioSpread(each.values, ours.values)!;
        const recall = recalls[each.name];
        results.push({ case: name, entrant: each.name, milliseconds: spread, timesOurs: ratio, recall });
        lines.push(
          `${name}  ${each.name.padEnd(19)}  ${spreadText(spread)} ms, ${timesText(ratio.median)} the time of Selvedge` +
            (recall === undefined ? '' : `, recall ${recall.toFixed(3)}`),
        );
      }
    }
    return {
      json: { benchmark: 'search', engine, queries: QUERIES, count: COUNT, rounds, results },
      text: lines.join('\n'),
    };
  },
};

const timed = (name: string, run: () => Promise<unknown>): Entrant => ({
  name,
  async round() {
    const start = performance.now();
    await run();
    return { value: performance.now() - start };
  },
});

/** At random, of length 1. */
function directions(rows: number, dimension: number): Float32Array {
  const draws = createPhilox({ seed: 1, stream: 99 });
  const found = new Float32Array(rows * dimension);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let at = row * dimension; at < (row + 1) * dimension; at++) {
      const value = draws.nextUniform() - 0.5;
      found[at] = value;
      sum += value * value;
    }
    const length = Math.sqrt(sum);
    for (let at = row * dimension; at < (row + 1) * dimension; at++) found[at]! /= length;
  }
  return found;
}

/** What anybody would write. */
function plainSearch(vectors: Float32Array, queries: Float32Array, dimension: number): number[][] {
  const rows = vectors.length / dimension;
  return Array.from({ length: queries.length / dimension }, (_, query) => {
    const own = queries.subarray(query * dimension, (query + 1) * dimension);
    const ranking = createRanking(COUNT);
    for (let row = 0; row < rows; row++) {
      const start = row * dimension;
      let sum = 0;
      for (let i = 0; i < dimension; i++) sum += vectors[start + i]! * own[i]!;
      ranking.offer(row, sum);
    }
    return ranking.list().map(({ row }) => row);
  });
}

/** Share of the nearest that were found. */
function recallOf(found: readonly (readonly number[])[], exact: readonly (readonly number[])[]): number {
  const hits = exact.flatMap((list, query) => list.filter((row) => found[query]!.includes(row))).length;
  return hits / exact.flat().length;
}

interface Matches {
  readonly keys: BigUint64Array;
}

interface Usearch {
  readonly Index: new (
    options: object,
  ) => {
    add(keys: BigUint64Array, vectors: Float32Array, threads: number): void;
    search(queries: Float32Array, count: number, threads: number): Matches;
  };
  exactSearch(
    vectors: Float32Array,
    queries: Float32Array,
    dimension: number,
    count: number,
    metric: string,
    threads: number,
  ): Matches;
}

interface Rows {
  readonly vectors: Float32Array;
  readonly dimension: number;
  readonly threads: number;
}

async function loadUsearch(): Promise<Usearch | undefined> {
  try {
    const loaded = await importPeer<Usearch & { readonly default: Usearch }>('usearch');
    return loaded.Index ? loaded : loaded.default;
  } catch {
    return undefined;
  }
}

const rowsOf = ({ keys }: Matches): number[][] =>
  Array.from({ length: keys.length / COUNT }, (_, i) => Array.from(keys.subarray(i * COUNT, (i + 1) * COUNT), Number));

const exactSearchOf =
  ({ exactSearch }: Usearch, { vectors, dimension, threads }: Rows) =>
  (queries: Float32Array): number[][] =>
    rowsOf(exactSearch(vectors, queries, dimension, COUNT, 'ip', threads));

/** With its defaults. Made here, which takes longer than all searches. */
function graphOf({ Index }: Usearch, { vectors, dimension, threads }: Rows): (queries: Float32Array) => number[][] {
  const index = new Index({ metric: 'ip', dimensions: dimension, quantization: 'f32' });
  const keys = BigUint64Array.from({ length: vectors.length / dimension }, (_, row) => BigInt(row));
  index.add(keys, vectors, threads);
  return (queries) => rowsOf(index.search(queries, COUNT, threads));
}
