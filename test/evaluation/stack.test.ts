// fitStack(): the minimum of a convex loss, found whatever the members are like; and what it refuses.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPhilox } from '../../src/core/philox.ts';
import { fitStack } from '../../src/evaluation/index.ts';

const CLASSES = 3;

/** Members that know the labels more or less, some of them partial to a class. */
function makeProblem(seed: number, count: number, skills: readonly number[]) {
  const draws = createPhilox({ seed, stream: 77 });
  const labels = Array.from({ length: count }, () => Math.floor(CLASSES * draws.nextUniform()));
  const members = skills.map((skill) =>
    Float32Array.from(
      labels.flatMap((label) => {
        const logits = Array.from(
          { length: CLASSES },
          (_, c) => (c === label ? skill : 0) + (c === 0 ? 0.7 : 0) + 3 * draws.nextUniform(),
        );
        const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
        return logits.map((logit) => Math.exp(logit) / sum);
      }),
    ),
  );
  return { members, labels, classes: CLASSES };
}
type Problem = ReturnType<typeof makeProblem>;

/** Mean log loss and the pull, written down once more. */
function objective({ members, labels }: Problem, point: readonly number[], penalty: number): number {
  const origin = point.map((_, i) => (i < members.length ? 1 / members.length : 0));
  const loss = labels.reduce((total, label, sample) => {
    const logits = Array.from({ length: CLASSES }, (_, c) =>
      members.reduce(
        (sum, all, m) => sum + point[m]! * Math.log(all[sample * CLASSES + c]!),
        point[members.length + c]!,
      ),
    );
    return total + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[label]!;
  }, 0);
  const pull = point.reduce((sum, value, i) => sum + (value - origin[i]!) ** 2, 0);
  return loss / labels.length + 0.5 * penalty * pull;
}

test('fitStack() is where no step in any direction lowers the loss', () => {
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.array(fc.double({ min: -1, max: 4, noNaN: true }), { minLength: 2, maxLength: 4 }),
      (seed, skills) => {
        const problem = makeProblem(seed, 90, skills);
        const { factors, bias, penalty } = fitStack(problem);
        const point = [...factors, ...bias];
        const least = objective(problem, point, penalty);
        const [h, mean] = [1e-4, point.map((_, i) => (i < skills.length ? 1 / skills.length : 0))];
        assert.ok(least <= objective(problem, mean, penalty) + 1e-12);
        point.forEach((_, at) => {
          const moved = (by: number) => point.map((value, i) => (i === at ? value + by : value));
          const slope = (objective(problem, moved(h), penalty) - objective(problem, moved(-h), penalty)) / (2 * h);
          assert.ok(Math.abs(slope) < 1e-5, `slope ${slope} along ${at}`);
        });
      },
    ),
    { numRuns: 25 },
  );
});

test('fitStack() counts the better member more, and mends a class that all are partial to', () => {
  const problem = makeProblem(5, 600, [3, 0]);
  const { factors, bias, outOfFoldLoss, meanLoss } = fitStack(problem);
  assert.ok(factors[0]! > 2 * factors[1]!, `${factors}`);
  assert.ok(bias[0]! < Math.min(bias[1]!, bias[2]!), `${bias}`);
  assert.ok(outOfFoldLoss < meanLoss);
});

test('fitStack() takes probabilities of 0 and equal members, which have equal factors', () => {
  const sure = Float32Array.of(1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0);
  const { factors } = fitStack({ members: [sure, sure], labels: [0, 1, 0, 1, 0, 1], classes: 2 });
  assert.ok(factors.every(Number.isFinite));
  assert.ok(Math.abs(factors[0]! - factors[1]!) < 1e-9, `${factors}`);
});

test('fitStack() refuses one member, too few samples, and what are no probabilities', () => {
  const { members, labels, classes } = makeProblem(1, 10, [1, 1]);
  assert.throws(() => fitStack({ members: members.slice(1), labels, classes }), /two or more members.*got 1 and 10/);
  assert.throws(() => fitStack({ members, labels: [0, 1], classes }), /5 or more samples, got 2 and 2/);
  assert.throws(() => fitStack({ members: [members[0]!, members[1]!.map(() => Number.NaN)], labels, classes }), /NaN/);
  assert.throws(() => fitStack({ members, labels, classes: 4 }), /10 rows of 4 probabilities/);
});

test.run();
