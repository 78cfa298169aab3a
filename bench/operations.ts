// Every kernel of our backend against the same kernel of stock tfjs-backend-wasm, in one process: `selvedge bench operations`.
// Ratio: least time of ours over least time of stock. The least of all calls of several rounds, since what disturbs a call, be it other
// processes or the collection of garbage, only ever adds to it.
// Not a check of results. Invariant: both get the same values, and are timed in the same rounds.
import * as tf from '@tensorflow/tfjs';
import { alternate, type Entrant, sampleCalls, valuesOf } from './alternation.ts';
import { type Benchmark, wantedOf } from './benchmark.ts';
import { type Disturbance, disturbanceNotice, summarizeDisturbances, watch } from './disturbance.ts';
import { type OperationCase, type Outputs, operationCases } from './operation-cases/index.ts';
import { addStockBackend, STOCK } from './stock-backend.ts';

const ROUNDS = 7;
const ROUND_MS = 6;
/** How often a case is measured at most. */
const ATTEMPTS = 4;
/** Ratios above are marked. */
const SLOWER = 1.1;

interface OperationResult {
  readonly name: string;
  readonly kernel: string;
  readonly oursMs: number;
  /** Undefined where stock has no such kernel. */
  readonly stockMs?: number;
  /** Ours over stock. */
  readonly ratio?: number;
  /** Others had the processors each time that it was measured. */
  readonly isDisturbed: boolean;
}

export const operations: Benchmark = {
  name: 'operations',
  description: 'Every registered kernel against the one of stock tfjs-backend-wasm',
  usesModel: false,
  async run({ engine, rounds = ROUNDS, only, onProgress }) {
    const cases = wantedOf(operationCases(), only);
    const removeStock = await addStockBackend();
    try {
      const results: OperationResult[] = [];
      const disturbances: Disturbance[] = [];
      for (const each of cases) {
        onProgress?.(each.name);
        const { result, disturbance } = await measureUndisturbed(each, rounds);
        results.push({ ...result, isDisturbed: disturbance.isDisturbed });
        disturbances.push(disturbance);
      }
      const disturbance = summarizeDisturbances(disturbances);
      const { threads, sharedMemory } = engine;
      const compared = results.filter(({ ratio }) => ratio !== undefined);
      const slower = compared.filter(({ ratio }) => ratio! > SLOWER);
      return {
        json: { benchmark: 'operations', threads, sharedMemory, rounds, slower: slower.length, results, disturbance },
        text: [
          `operations, ${threads} threads, ${sharedMemory ? '' : 'un'}shared memory: ` +
            `${slower.length} of ${compared.length} slower than stock (ratio above ${SLOWER})`,
          ...results.map(lineOf),
          ...disturbanceNotice(disturbance),
        ].join('\n'),
      };
    } finally {
      await tf.setBackend('wasm');
      removeStock();
    }
  },
};

/** Again where others had the processors: a pool with too few of them waits for its last thread. */
async function measureUndisturbed(each: OperationCase, rounds: number) {
  for (let attempt = 1; ; attempt++) {
    // Around all rounds: one is shorter than what the counters of the machine can tell.
    const watched = await watch(() => measureCase(each, rounds));
    if (!watched.disturbance.isDisturbed || attempt === ATTEMPTS) return watched;
  }
}

async function measureCase(each: OperationCase, rounds: number): Promise<Omit<OperationResult, 'isDisturbed'>> {
  const hasStock = tf.getKernel(each.kernel, STOCK) !== undefined;
  tf.engine().startScope(each.name);
  try {
    const entrants: Entrant[] = [];
    for (const backend of hasStock ? ['wasm', STOCK] : ['wasm']) entrants.push(await entrantOf(each, backend));
    const measured = await alternate(entrants, { rounds });
    const [oursMs, stockMs] = measured.map((own) => Math.min(...valuesOf(own)));
    const { name, kernel } = each;
    const against = stockMs === undefined ? {} : { stockMs, ratio: oursMs! / stockMs };
    return { name, kernel, oursMs: oursMs!, ...against };
  } finally {
    // Inputs of either are freed by the backend that holds them.
    tf.engine().endScope();
  }
}

/** A round is the least of calls for a while, in milliseconds. */
async function entrantOf(each: OperationCase, backend: string): Promise<Entrant> {
  await tf.setBackend(backend);
  const compute = each.prepare();
  const call = () => tf.tidy(() => settle(compute()));
  call();
  await sampleCalls(call, ROUND_MS);
  return {
    name: backend,
    round: async () => {
      await tf.setBackend(backend);
      return { value: (await sampleCalls(call, ROUND_MS)).reduce((least, ms) => Math.min(least, ms)) };
    },
  };
}

/** Sees that every output is there: ours computes some when they are looked at. */
function settle(outputs: Outputs): void {
  const { backend } = tf.engine() as unknown as {
    backend: { dataIdMap: { get(id: object): { memoryOffset: unknown } } };
  };
  const list = 'dataId' in outputs ? [outputs] : Object.values(outputs);
  for (const { dataId } of list as tf.TensorInfo[]) void backend.dataIdMap.get(dataId).memoryOffset;
}

function lineOf({ name, oursMs, stockMs, ratio, isDisturbed }: OperationResult): string {
  const ours = `${name.padEnd(54)} ${oursMs.toFixed(4).padStart(10)} ms`;
  const note = isDisturbed ? '  disturbed' : '';
  if (ratio === undefined) return `${ours}  not in stock${note}`;
  return `${ours}  stock ${stockMs!.toFixed(4).padStart(10)} ms  ${ratio.toFixed(2).padStart(6)}${ratio > SLOWER ? '  SLOWER' : ''}${note}`;
}
