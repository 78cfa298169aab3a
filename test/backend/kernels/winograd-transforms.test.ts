// The one-dimensional transforms of assembly/simd/winograd.ts in double precision, against the definition of minimal filtering:
// the source itself runs here, over numbers in place of vectors. Rounding in single precision is winograd.test.ts's.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** The transforms of one m. Each takes and gives one line: values `step` addresses apart. */
interface Transforms {
  input(from: number, fromStep: number, to: number, toStep: number): void;
  filter(from: number, fromStep: number, to: number, toStep: number): void;
  output(from: number, fromStep: number, to: number, toStep: number): void;
  inputGradient(adds: boolean, from: number, fromStep: number, to: number, toStep: number): void;
  filterGradient(from: number, fromStep: number, to: number, toStep: number): void;
  outputGradient(from: number, fromStep: number, to: number, toStep: number): void;
}

/** What stands for AssemblyScript's vectors and memory. */
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
  },
};

const bundle = await build({
  stdin: {
    contents: "export * from './winograd-f2-f4'; export * from './winograd-f5-f6';",
    resolveDir: fileURLToPath(new URL('../../../assembly/simd', import.meta.url)),
  },
  bundle: true,
  write: false,
  format: 'cjs',
  plugins: [
    {
      name: 'without-decorators',
      setup({ onLoad }) {
        onLoad({ filter: /assembly.simd.[\w-]+\.ts$/ }, ({ path }) => ({
          contents: readFileSync(path, 'utf8').replaceAll(/@(inline|unmanaged)\b/g, ''),
          loader: 'ts',
        }));
      },
    },
  ],
});
const module = { exports: {} as Record<`F${number}`, new () => Transforms> };
runInNewContext(bundle.outputFiles[0]!.text, { ...globals, module });

/** Points of each tile in the order of its positions; infinity is the last. */
const POINTS: [m: number, points: number[]][] = [
  [2, [0, 1, -1]],
  [3, [0, 1, -1, 1 / 2]],
  [4, [0, 3 / 4, -3 / 4, 3 / 2, -3 / 2]],
  [5, [0, 1, -1, 1 / 2, -1 / 2, 2]],
  [6, [0, 1, -1, 1 / 2, -1 / 2, 2, -2]],
];

type Kind = Exclude<keyof Transforms, 'inputGradient'>;
type Transform = (values: readonly number[]) => number[];

/** Runs a transform on values two addresses apart, to results three apart. */
function run(values: readonly number[], transform: (from: number, to: number) => void): number[] {
  memory.length = 0;
  values.forEach((value, i) => {
    memory[2 * i] = value;
  });
  transform(0, 100);
  return memory.slice(100).filter((_, i) => i % 3 === 0);
}

const unit = (length: number, index: number): number[] => Array.from({ length }, (_, i) => (i === index ? 1 : 0));

/** The matrix of a transform: [outputs][inputs]. */
function matrixOf(transform: Transform, inputs: number): number[][] {
  return transpose(Array.from({ length: inputs }, (_, index) => transform(unit(inputs, index))));
}

const transpose = (matrix: number[][]): number[][] => matrix[0]!.map((_, column) => matrix.map((row) => row[column]!));

function assertClose(actual: readonly number[], expected: readonly number[], tolerance: number, what: string): void {
  assert.is(actual.length, expected.length, what);
  actual.forEach((value, i) => {
    const wanted = expected[i]!;
    assert.ok(Math.abs(value - wanted) <= tolerance, `${what}, element ${i}: got ${value}, expected ${wanted}`);
  });
}

for (const [m, points] of POINTS) {
  const transforms = new module.exports[`F${m}`]!();
  const of =
    (kind: Kind): Transform =>
    (values) =>
      run(values, (from, to) => transforms[kind](from, 2, to, 3));
  const inputGradient: Transform = (values) =>
    run(values, (from, to) => transforms.inputGradient(false, from, 2, to, 3));

  test(`F${m}: A^T [(G g) * (B^T d)] is the correlation of d with g`, () => {
    // Bilinear in d and g: what holds for all unit vectors holds for all values.
    for (let tap = 0; tap < 3; tap++) {
      const u = of('filter')(unit(3, tap));
      for (let at = 0; at < m + 2; at++) {
        const v = of('input')(unit(m + 2, at));
        const products = u.map((value, position) => value * v[position]!);
        const expected = Array.from({ length: m }, (_, i) => (i + tap === at ? 1 : 0));
        assertClose(of('output')(products), expected, 1e-14, `d${at}, g${tap}`);
      }
    }
  });

  test(`F${m}: A and G are powers of its points, a row of G divided by one number`, () => {
    const a = matrixOf(of('outputGradient'), m);
    const g = matrixOf(of('filter'), 3);
    for (const [position, point] of points.entries()) {
      const powers = Array.from({ length: m }, (_, i) => point ** i);
      assert.equal(a[position], powers, `A at ${point}`);
      const [first, ...others] = g[position]!;
      const ratios = others.map((value) => value / first!);
      assertClose(ratios, [point, point * point], 1e-15, `G at ${point}`);
    }
    assert.equal(a[m + 1], unit(m, m - 1));
    assert.equal(g[m + 1], [0, 0, 1]);
  });

  test(`F${m}: the gradients are the transposed transforms`, () => {
    const pairs: [name: string, matrix: number[][], gradient: number[][]][] = [
      ['input', matrixOf(of('input'), m + 2), matrixOf(inputGradient, m + 2)],
      ['filter', matrixOf(of('filter'), 3), matrixOf(of('filterGradient'), m + 2)],
      ['output', matrixOf(of('output'), m + 2), matrixOf(of('outputGradient'), m)],
    ];
    for (const [name, matrix, gradient] of pairs) {
      for (const [i, row] of transpose(matrix).entries()) assertClose(gradient[i]!, row, 1e-15, `${name}, row ${i}`);
    }
  });

  test(`F${m}: inputGradient() adds to what is there where it is told to`, () => {
    const values = Array.from({ length: m + 2 }, (_, i) => ((i * 5) % 7) - 3);
    const sums = run(values, (from, to) => {
      for (let i = 0; i < m + 2; i++) memory[to + 3 * i] = i;
      transforms.inputGradient(true, from, 2, to, 3);
    });
    assertClose(
      sums,
      inputGradient(values).map((value, i) => value + i),
      1e-13,
      'sums',
    );
  });

  test(`F${m}: output() may work in place`, () => {
    const values = Array.from({ length: m + 2 }, (_, i) => ((i * 5) % 7) - 3);
    const results = of('output')(values);
    memory.length = 0;
    memory.push(...values);
    transforms.output(0, 1, 0, 1);
    assert.equal(memory, [...results, ...values.slice(m)]);
  });
}

test.run();
