// Samplers and pruners: bounds, what is drawn from what, and who is sent home.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPhilox } from '../../src/core/philox.ts';
import {
  createSampler,
  type Direction,
  type Distribution,
  type Parameter,
  prunerDefaults,
  type SamplerSettings,
  samplerDefaults,
  shouldPrune,
  type Trial,
} from '../../src/experiments/index.ts';
import { createParzenEstimator, normalCdf } from '../../src/experiments/parzen.ts';

type Values = Trial['parameters'];

/** Trials of a function of some parameters, in memory. */
function search(
  parameters: readonly Parameter[],
  objective: (values: Values) => number,
  {
    settings,
    seed,
    count,
    direction = 'minimize',
  }: { settings: SamplerSettings; seed: number; count: number; direction?: Direction },
): Trial[] {
  const space = { resolve: () => ({}) as never };
  const sampler = createSampler(settings, { space, seed, direction });
  const trials: Trial[] = [];
  for (let number = 0; number < count; number++) {
    const proposal = sampler.propose({ number, trials });
    const values = Object.fromEntries(parameters.map((parameter) => [parameter.name, proposal(parameter)]));
    trials.push({
      id: number,
      number,
      state: 'complete',
      value: objective(values),
      parameters: values,
      distributions: Object.fromEntries(parameters.map(({ name, distribution }) => [name, distribution])),
      intermediateValues: new Map(),
      userAttributes: {},
      systemAttributes: {},
      startedAt: undefined,
      completedAt: undefined,
    });
  }
  return trials;
}

const bestOf = (trials: readonly Trial[]): number => Math.min(...trials.map(({ value }) => value!));

const anyFloat = fc.double({ min: -8e307, max: 8e307, noNaN: true });
const arbitraryDistribution: fc.Arbitrary<Distribution> = fc.oneof(
  fc
    .record({
      low: fc.double({ min: -100, max: 100, noNaN: true }),
      width: fc.double({ min: 0, max: 1000, noNaN: true }),
    })
    .map(({ low, width }) => ({ kind: 'float', low, high: low + width, log: false }) as const),
  // As near to nothing, to each other and to the ends of the floats as can be.
  fc
    .tuple(anyFloat, anyFloat, fc.boolean())
    .map(([a, b, isClose]) => [a, isClose ? a + Math.abs(a) * Number.EPSILON : b].sort((x, y) => x - y))
    .map(([low, high]) => ({ kind: 'float', low: low!, high: high!, log: low! > 0 }) as const),
  fc
    .record({
      low: fc.double({ min: 1e-8, max: 10, noNaN: true }),
      factor: fc.double({ min: 1, max: 1e6, noNaN: true }),
    })
    .map(({ low, factor }) => ({ kind: 'float', low, high: low * factor, log: true }) as const),
  fc
    .record({ low: fc.integer({ min: -50, max: 50 }), width: fc.nat(100), step: fc.integer({ min: 1, max: 9 }) })
    .map(({ low, width, step }) => ({ kind: 'integer', low, high: low + width, log: false, step }) as const),
  fc
    .uniqueArray(fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)), { minLength: 1, maxLength: 5 })
    .map((choices) => ({ kind: 'choice', choices }) as const),
);

const isAllowed = (distribution: Distribution, value: unknown): boolean => {
  if (distribution.kind === 'choice') return distribution.choices.some((choice) => Object.is(choice, value));
  const { low, high, step } = distribution;
  if (typeof value !== 'number' || !(value >= low && value <= high)) return false;
  return step === undefined || (value - low) % step === 0;
};

test('whatever the space, every sampler stays inside it', () => {
  const settings = [
    samplerDefaults.random,
    { ...samplerDefaults.tpe, startup: 3 },
    { ...samplerDefaults.tpe, startup: 3, multivariate: true },
  ];
  fc.assert(
    fc.property(
      fc.array(arbitraryDistribution, { minLength: 1, maxLength: 4 }),
      fc.nat(1000),
      (distributions, seed) => {
        const parameters = distributions.map((distribution, i) => ({ name: `p${i}`, distribution }));
        for (const sampler of settings) {
          const draws = createPhilox({ seed, stream: 77 });
          const trials = search(parameters, () => draws.nextUniform(), { settings: sampler, seed, count: 14 });
          for (const { parameters: values } of trials)
            for (const { name, distribution } of parameters)
              assert.ok(isAllowed(distribution, values[name]), `${JSON.stringify(distribution)} gave ${values[name]}`);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('tpe comes nearer than random search in the same number of trials, with logarithms and choices', () => {
  const parameters: Parameter[] = [
    { name: 'rate', distribution: { kind: 'float', low: 1e-5, high: 1, log: true } },
    { name: 'x', distribution: { kind: 'float', low: -5, high: 5, log: false } },
    { name: 'kind', distribution: { kind: 'choice', choices: ['a', 'b', 'c'] } },
    { name: 'width', distribution: { kind: 'integer', low: 8, high: 64, log: false, step: 8 } },
  ];
  const objective = ({ rate, x, kind, width }: Values): number =>
    Math.log10(Number(rate) / 0.003) ** 2 + Number(x) ** 2 + (kind === 'b' ? 0 : 1) + Math.abs(Number(width) - 40) / 16;
  const median = (settings: SamplerSettings): number => {
    const bests = Array.from({ length: 9 }, (_, seed) =>
      bestOf(search(parameters, objective, { settings, seed, count: 60 })),
    );
    return bests.sort((a, b) => a - b)[4]!;
  };
  const [random, tpe, together] = [
    median(samplerDefaults.random),
    median(samplerDefaults.tpe),
    median({ ...samplerDefaults.tpe, multivariate: true }),
  ];
  assert.ok(tpe < random / 2, `${tpe} against ${random}`);
  assert.ok(together < random / 2, `${together} against ${random}`);
});

test('to maximise a function is to minimise its negative', () => {
  const parameters: Parameter[] = [{ name: 'x', distribution: { kind: 'float', low: -5, high: 5, log: false } }];
  const options = { settings: samplerDefaults.tpe, seed: 1, count: 25 };
  const objective = ({ x }: Values): number => (Number(x) - 1) ** 2;
  const low = search(parameters, objective, options);
  const high = search(parameters, (values) => -objective(values), { ...options, direction: 'maximize' });
  assert.equal(
    low.map(({ parameters: values }) => values),
    high.map(({ parameters: values }) => values),
  );
});

test('normalCdf() keeps its relative error below 1e-13 into the tails', () => {
  // scipy.special.ndtr
  const known: [number, number][] = [
    [0, 0.5],
    [1, 0.8413447460685429],
    [-1.5, 0.06680720126885807],
    [-4.9, 4.791832765903199e-7],
    [-5.1, 1.6982674071475937e-7],
    [-10, 7.61985302416047e-24],
    [-30, 4.906713927148187e-198],
  ];
  for (const [x, expected] of known) assert.ok(Math.abs(normalCdf(x) / expected - 1) < 1e-13, `${x}: ${normalCdf(x)}`);
  assert.equal([normalCdf(-40), normalCdf(40)], [0, 1]);
});

test('densities sum to 1 over what may be drawn', () => {
  const float = { kind: 'float', low: -1, high: 2, log: false } as const;
  const values = [-1, -0.2, 0.1, 0.1, 1.9];
  const estimator = createParzenEstimator([{ distribution: float, values }]);
  const cells = 20_000;
  let sum = 0;
  for (let i = 0; i < cells; i++) sum += (Math.exp(estimator.logDensity([-1 + (3 * (i + 0.5)) / cells])) * 3) / cells;
  assert.ok(Math.abs(sum - 1) < 1e-6, String(sum));
  const steps = { kind: 'integer', low: 4, high: 20, log: false, step: 4 } as const;
  const choice = { kind: 'choice', choices: ['a', 'b'] } as const;
  const joint = createParzenEstimator([
    { distribution: steps, values: [4, 12, 12] },
    { distribution: choice, values: [0, 1, 1] },
  ]);
  let total = 0;
  for (const width of [4, 8, 12, 16, 20]) for (const kind of [0, 1]) total += Math.exp(joint.logDensity([width, kind]));
  assert.ok(Math.abs(total - 1) < 1e-12, String(total));
});

const trialWith = (number: number, values: readonly number[], state: Trial['state'] = 'complete') => ({
  number,
  state,
  intermediateValues: new Map(values.map((value, i) => [i + 1, value])),
});

test('halving: of each three that reach a rung one goes on, the first if it is the best so far, between rungs everybody', () => {
  const { halving } = prunerDefaults;
  const prunes = (values: readonly number[], others: readonly number[], direction: Direction = 'maximize') =>
    shouldPrune(
      halving,
      trialWith(99, values, 'running'),
      others.map((value, i) => trialWith(i, [value, value, value])),
      direction,
    );
  assert.is(prunes([0.5], []), false);
  assert.is(prunes([0.5], [0.6]), true);
  assert.is(prunes([0.7], [0.6, 0.65]), false);
  assert.is(prunes([0.62], [0.6, 0.65, 0.5, 0.4, 0.3]), false);
  assert.is(prunes([0.55], [0.6, 0.65, 0.5, 0.4, 0.3]), true);
  assert.is(prunes([0.9, 0.1], [0.6, 0.65]), false);
  assert.is(prunes([0.9, 0.1, 0.2], [0.6, 0.65]), true);
  assert.is(prunes([0.1], [0.6, 0.65], 'minimize'), false);
  assert.is(prunes([Number.NaN], []), true);
});

test('median: whose best is below the median of the complete ones at that epoch ends, once there are enough', () => {
  const { median } = prunerDefaults;
  const complete = [0.5, 0.6, 0.7, 0.8, 0.9].map((value, i) => trialWith(i, [value, value]));
  const prunes = (values: readonly number[], others = complete) =>
    shouldPrune(median, trialWith(99, values, 'running'), others, 'maximize');
  assert.is(prunes([0.69]), true);
  assert.is(prunes([0.7]), false);
  assert.is(prunes([0.75, 0.1]), false);
  assert.is(prunes([0.1], complete.slice(1)), false);
  assert.is(prunes([0.1, 0.2, 0.3]), false, 'nobody came that far');
  const halted = complete.map((trial) => ({ ...trial, state: 'pruned' as const }));
  assert.is(prunes([0.1], halted), false);
  assert.is(shouldPrune(prunerDefaults.none, trialWith(9, [0]), complete, 'maximize'), false);
});

test.run();
