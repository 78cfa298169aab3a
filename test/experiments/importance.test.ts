// Importance: known shares of known functions, and studies that say nothing.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPhilox } from '../../src/core/philox.ts';
import { explainVariance } from '../../src/experiments/importance.ts';
import { importanceOf, type Trial } from '../../src/experiments/index.ts';

const draws = createPhilox({ seed: 5, stream: 50 });
const points = Array.from({ length: 400 }, () => [draws.nextUniform(), draws.nextUniform(), draws.nextUniform()]);
const isNear = (got: number, expected: number, name: string): void =>
  assert.ok(Math.abs(got - expected) < 0.06, `${name}: ${got}, not ${expected}`);

test('explainVariance() finds the shares of a sum, and nothing in a product of signs', () => {
  // Variances 9, 1 and 0 in 10 parts.
  const [first, second, third] = explainVariance(
    points,
    points.map(([a, b]) => 3 * a! + b!),
  );
  isNear(first!, 0.9, 'first');
  isNear(second!, 0.1, 'second');
  isNear(third!, 0, 'third');
  const signs = explainVariance(
    points,
    points.map(([a, b]) => Math.sign(a! - 0.5) * Math.sign(b! - 0.5)),
  );
  for (const share of signs) isNear(share, 0, 'interaction');
});

function trialOf(number: number, parameters: Trial['parameters'], values: readonly number[]): Trial {
  const x = { kind: 'float', low: 0, high: 1, log: false } as const;
  return {
    id: number,
    number,
    state: 'complete',
    value: values.at(-1),
    parameters,
    distributions: Object.fromEntries(Object.keys(parameters).map((name) => [name, x])),
    intermediateValues: new Map(values.map((value, i) => [i + 1, value])),
    userAttributes: {},
    systemAttributes: {},
    startedAt: undefined,
    completedAt: undefined,
  };
}

test('importanceOf() explains the latest step that half of the trials reached, lacking parameters or not', () => {
  const trials = points
    .slice(0, 60)
    .map(([a, b], i) => trialOf(i, i % 2 === 0 ? { a: a!, b: b! } : { a: a! }, i < 35 ? [0, a!] : [0]));
  const { shares, step, trials: count } = importanceOf(trials)!;
  assert.equal([shares[0]!.name, step, count], ['a', 2, 35]);
  assert.ok(shares[0]!.share > 0.85);
});

test('importanceOf() says nothing of too few trials, equal values or none', () => {
  assert.is(importanceOf([]), undefined);
  assert.is(importanceOf(points.slice(0, 7).map(([a], i) => trialOf(i, { a: a! }, [a!]))), undefined);
  assert.is(importanceOf(points.map(([a], i) => trialOf(i, { a: a! }, [0.5]))), undefined);
});

test.run();
