// Exact search among vectors: ours, a plain loop, and usearch's graph where it is installed: `selvedge bench search`.
// Invariant: all answer the same queries with ten items each; rounds take turns; of approximate ones the recall stands beside the speed.
import { encodeHalf, searchCatalogue } from '../src/apps/recommend/index.ts';
import { createRanking } from '../src/apps/recommend/search.ts';
import { createPhilox } from '../src/core/philox.ts';
import { alternate, type Entrant, valuesOf } from './alternation.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { ratioSpread, spreadOf, spreadText, timesText } from './statistics.ts';

const QUERIES = 16;
const COUNT = 10;

/** Rows and numbers a row: a shop by the best model, the data set, a million by the small model. */
const cases = [
  { name: '10,000 x 394', rows: 10_000, dimension: 394 },
  { name: '70,000 x 394', rows: 70_000, dimension: 394 },
  { name: '1,000,000 x 138', rows: 1_000_000, dimension: 138 },
] as const;
/** A graph of more takes minutes to make. */
const MOST_GRAPH_ROWS = 70_000;

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
      const graph =
        rows > MOST_GRAPH_ROWS ? `not measured above ${MOST_GRAPH_ROWS} rows` : await openGraph(vectors, dimension);
      if (typeof graph === 'string') lines.push(`${name}: usearch ${graph}`);
      else {
        recalls.usearch = recallOf(graph(queries), exact);
        entrants.push(timed('usearch', async () => graph(queries)));
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

interface GraphModule {
  readonly Index: new (
    options: object,
  ) => {
    add(keys: BigUint64Array, vectors: Float32Array): void;
    search(queries: Float32Array, count: number, threads: number): { readonly keys: BigUint64Array };
  };
}

/** A graph of usearch, or why there is none. */
async function openGraph(
  vectors: Float32Array,
  dimension: number,
): Promise<string | ((queries: Float32Array) => number[][])> {
  // Not a dependency: who wants the comparison installs it.
  const name = 'usearch';
  let module: GraphModule;
  try {
    const loaded = await import(name);
    module = loaded.Index ? loaded : loaded.default;
  } catch {
    return 'is absent: npm install --no-save usearch';
  }
  const index = new module.Index({ metric: 'ip', dimensions: dimension, quantization: 'f32' });
  index.add(
    BigUint64Array.from({ length: vectors.length / dimension }, (_, row) => BigInt(row)),
    vectors,
  );
  return (queries) =>
    Array.from({ length: queries.length / dimension }, (_, query) =>
      Array.from(index.search(queries.slice(query * dimension, (query + 1) * dimension), COUNT, 1).keys, Number),
    );
}
