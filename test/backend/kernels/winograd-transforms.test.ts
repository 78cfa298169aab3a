// The one-dimensional transforms of assembly/simd/winograd.ts in double precision, against the definition of minimal filtering:
// the source itself runs here, over numbers in place of vectors. Rounding in single precision is winograd.test.ts's.
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { transformSync } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** What AssemblyScript gives, with one number for a vector: values lie one address apart. */
const memory: number[] = [];
const globals = {
  v128: {
    load: (at: number) => memory[at]!,
    store: (at: number, value: number) => {
      memory[at] = value;
    },
  },
  f32x4: {
    splat: (value: number) => value,
    neg: (a: number) => -a,
    add: (a: number, b: number) => a + b,
    sub: (a: number, b: number) => a - b,
    mul: (a: number, b: number) => a * b,
    pmin: Math.min,
    pmax: Math.max,
  },
};

interface Transforms {
  readonly INPUT: number;
  readonly FILTER: number;
  readonly OUTPUT: number;
  readonly INPUT_GRADIENT: number;
  readonly FILTER_GRADIENT: number;
  readonly OUTPUT_GRADIENT: number;
  readonly REPLACE: number;
  readonly ADD: number;
  readonly FINISH: number;
  inputsOf(kind: number, m: number): number;
  outputsOf(kind: number, m: number): number;
  transformLine(...args: number[]): void;
}

const source = readFileSync(new URL('../../../assembly/simd/winograd.ts', import.meta.url), 'utf8');
const { code } = transformSync(source.replaceAll('@inline', ''), { loader: 'ts', format: 'cjs' });
const module = { exports: {} as Transforms };
runInNewContext(code, { ...globals, module });

const transforms = module.exports;
const { INPUT, FILTER, OUTPUT, INPUT_GRADIENT, FILTER_GRADIENT, OUTPUT_GRADIENT, REPLACE, ADD, FINISH } = transforms;

const TILES = [2, 3, 4, 5];
/** Points of each tile, in the order of the positions; the last one is infinity. */
const POINTS: Record<number, number[]> = {
  2: [0, 1, -1],
  3: [0, 1, -1, 1 / 2],
  4: [0, 3 / 4, -3 / 4, 3 / 2, -3 / 2],
  5: [0, 1, -1, 1 / 2, -1 / 2, 2],
};

function apply(kind: number, m: number, values: readonly number[], into: readonly number[] = [], mode = REPLACE) {
  assert.is(values.length, transforms.inputsOf(kind, m));
  const count = transforms.outputsOf(kind, m);
  memory.splice(0, memory.length, ...values, ...into);
  const [bias, low, high] = [0.25, -1, 1];
  transforms.transformLine(kind, m, mode, 0, 1, values.length, 1, bias, low, high);
  assert.is(memory.length, values.length + count, 'writes its results and nothing else');
  return memory.slice(values.length);
}

const unit = (length: number, index: number): number[] => Array.from({ length }, (_, i) => (i === index ? 1 : 0));

/** The matrix of a transform: [outputs][inputs]. */
function matrixOf(kind: number, m: number): number[][] {
  const inputs = transforms.inputsOf(kind, m);
  const columns = Array.from({ length: inputs }, (_, index) => apply(kind, m, unit(inputs, index)));
  return columns[0]!.map((_, row) => columns.map((column) => column[row]!));
}

const transpose = (matrix: number[][]): number[][] => matrix[0]!.map((_, column) => matrix.map((row) => row[column]!));

function assertClose(actual: number[], expected: number[], tolerance: number, what: string): void {
  assert.is(actual.length, expected.length, what);
  actual.forEach((value, i) => {
    const wanted = expected[i]!;
    assert.ok(Math.abs(value - wanted) <= tolerance, `${what}, element ${i}: got ${value}, expected ${wanted}`);
  });
}

for (const m of TILES) {
  test(`transformLine() for F(${m}, 3): A^T [(G g) * (B^T d)] is the correlation of d with g`, () => {
    // Bilinear in d and g: true of all unit vectors, true of all values.
    for (let tap = 0; tap < 3; tap++) {
      const u = apply(FILTER, m, unit(3, tap));
      for (let at = 0; at < m + 2; at++) {
        const v = apply(INPUT, m, unit(m + 2, at));
        const products = u.map((value, position) => value * v[position]!);
        const expected = Array.from({ length: m }, (_, i) => (i + tap === at ? 1 : 0));
        assertClose(apply(OUTPUT, m, products), expected, 1e-14, `d${at}, g${tap}`);
      }
    }
  });

  test(`transformLine() for F(${m}, 3): A and G are powers of the points, G divided by a number each`, () => {
    const points = POINTS[m]!;
    const a = matrixOf(OUTPUT_GRADIENT, m);
    const g = matrixOf(FILTER, m);
    points.forEach((point, position) => {
      const powers = Array.from({ length: m }, (_, i) => point ** i);
      assert.equal(a[position], powers, `A at ${point}`);
      const scaled = powers
        .slice(0, 3)
        .concat(point ** 2)
        .slice(0, 3);
      assertClose(
        g[position]!.map((value) => value / g[position]![0]!),
        scaled,
        1e-15,
        `G at ${point}`,
      );
    });
    assert.equal(a[m + 1], unit(m, m - 1));
    assert.equal(g[m + 1], [0, 0, 1]);
  });

  test(`transformLine() for F(${m}, 3): the gradients are the transposed transforms`, () => {
    const pairs: [number, number][] = [
      [INPUT, INPUT_GRADIENT],
      [FILTER, FILTER_GRADIENT],
      [OUTPUT, OUTPUT_GRADIENT],
    ];
    for (const [kind, gradient] of pairs) {
      const expected = transpose(matrixOf(kind, m));
      for (const [i, row] of matrixOf(gradient, m).entries()) {
        assertClose(row, expected[i]!, 1e-15, `kind ${gradient}, row ${i}`);
      }
    }
  });

  test(`transformLine() for F(${m}, 3): linear, and ADD and FINISH do to its results what they say`, () => {
    for (const kind of [INPUT, FILTER, OUTPUT, INPUT_GRADIENT, FILTER_GRADIENT, OUTPUT_GRADIENT]) {
      const matrix = matrixOf(kind, m);
      const values = Array.from({ length: transforms.inputsOf(kind, m) }, (_, i) => ((i * 5) % 7) - 3);
      const into = Array.from({ length: transforms.outputsOf(kind, m) }, (_, i) => i - 2);
      const products = matrix.map((row) => row.reduce((sum, factor, i) => sum + factor * values[i]!, 0));
      assertClose(apply(kind, m, values), products, 1e-12, `kind ${kind}`);
      const sums = products.map((value, i) => value + into[i]!);
      assertClose(apply(kind, m, values, into, ADD), sums, 1e-12, `kind ${kind}, ADD`);
      const finished = products.map((value) => Math.min(Math.max(value + 0.25, -1), 1));
      assertClose(apply(kind, m, values, into, FINISH), finished, 1e-12, `kind ${kind}, FINISH`);
    }
  });
}

test.run();
