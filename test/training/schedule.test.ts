// Golden values: PyTorch 1.13, `CosineAnnealingLR`, `LinearLR`, `MultiStepLR` and `SequentialLR` of torch.optim.lr_scheduler.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  dependsOnLength,
  describeSchedule,
  type Schedule,
  scheduleDefaults,
  scheduleFactor,
  scheduleRules,
} from '../../src/training/schedule.ts';

const { constant, linear, cosine, steps } = scheduleDefaults;
const course = (schedule: Schedule, updates: number): number[] =>
  Array.from({ length: updates }, (_, update) => scheduleFactor(schedule, update, updates));

test('scheduleFactor() is within 1e-14 of the schedulers of PyTorch', () => {
  const golden: [Schedule, number[]][] = [
    [
      { ...cosine, warmUp: 0, final: 0.1 },
      [
        1, 0.9779754323328191, 0.9140576474687263, 0.8145033635316129, 0.6890576474687263, 0.55, 0.41094235253127376,
        0.2854966364683872, 0.18594235253127372, 0.12202456766718092,
      ],
    ],
    [
      { ...cosine, warmUp: 0.4, start: 0.1 },
      [0.1, 0.325, 0.55, 0.775, 1, 0.9330127018922194, 0.75, 0.5, 0.25, 0.06698729810778065],
    ],
    [
      { ...linear, warmUp: 0.2, start: 0.2, final: 0.05 },
      [0.2, 0.6, 1, 0.88125, 0.7625, 0.64375, 0.525, 0.40625, 0.2875, 0.16875],
    ],
    [{ ...steps, at: [0.5, 0.8] }, [1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]],
    [constant, Array.from({ length: 10 }, () => 1)],
  ];
  for (const [schedule, expected] of golden) {
    course(schedule, 10).forEach((factor, update) => {
      assert.ok(Math.abs(factor - expected[update]!) < 1e-14, `${schedule.name}, update ${update}: ${factor}`);
    });
  }
});

test('scheduleFactor() stays between 0 and 1, rises in the warm-up and never after it', () => {
  for (const schedule of [
    linear,
    cosine,
    steps,
    { ...constant, warmUp: 0.3 },
    { ...linear, warmUp: 1 },
  ] as Schedule[]) {
    for (const updates of [1, 2, 3, 7, 1000]) {
      const factors = course(schedule, updates);
      assert.ok(factors.every((factor) => factor >= 0 && factor <= 1));
      factors.slice(1).forEach((factor, i) => {
        const isRising = (i + 1) / updates < schedule.warmUp;
        assert.ok(isRising ? factor > factors[i]! : i / updates < schedule.warmUp || factor <= factors[i]!);
      });
    }
  }
});

test('scheduleFactor() begins each cycle of a cosine anew, with the same factors', () => {
  const cycles = course({ ...cosine, warmUp: 0, cycles: 3 }, 30);
  const one = course({ ...cosine, warmUp: 0 }, 10);
  cycles.forEach((factor, update) => {
    assert.ok(Math.abs(factor - one[update % 10]!) < 1e-15, `update ${update}: ${factor}`);
  });
  assert.is(cycles[20], 1);
});

test('dependsOnLength() says that every schedule but a constant rate without warm-up does', () => {
  assert.equal([constant, linear, cosine, steps, { ...constant, warmUp: 0.1 }].map(dependsOnLength), [
    false,
    true,
    true,
    true,
    true,
  ]);
});

test('scheduleRules() accepts the defaults and has words for each setting out of range', () => {
  const broken = (schedule: Schedule): string[] =>
    scheduleRules(schedule)
      .filter(([holds]) => !holds)
      .map(([, message]) => message);
  for (const schedule of Object.values(scheduleDefaults)) assert.equal(broken(schedule), []);
  assert.match(broken({ ...cosine, warmUp: 1.5 }).join(), /^a warm-up over 1.5 of the training: expected from 0 to 1$/);
  assert.match(broken({ ...cosine, start: -1 }).join(), /^a warm-up from -1 of the learning rate/);
  assert.match(broken({ ...linear, final: Number.NaN }).join(), /^a learning rate that falls to NaN/);
  for (const at of [[], [0.5, 0.5], [0.7, 0.5], [0], [1], [Number.NaN]]) {
    assert.match(broken({ ...steps, at }).join(), /expected rising shares between 0 and 1$/);
  }
  assert.match(broken({ ...steps, factor: 0 }).join(), /^steps by a factor of 0/);
  assert.match(broken({ ...cosine, cycles: 2 }).join(), /^2 cycles and a warm-up: expected one of both$/);
  assert.match(broken({ ...cosine, warmUp: 0, cycles: 1.5 }).join(), /^1.5 cycles of the learning rate/);
  assert.equal(broken({ ...cosine, warmUp: 0, cycles: 4 }), []);
  assert.match(broken({ ...constant, name: 'cyclic' as 'constant' }).join(), /^schedule "cyclic": expected one of/);
});

test('describeSchedule() says in words what the learning rate does, and nothing where it stays', () => {
  assert.is(describeSchedule(constant), '');
  assert.is(
    describeSchedule(linear),
    'learning rate rising from 20% over the first 20%, falling to 0% in a straight line',
  );
  assert.is(describeSchedule(steps), 'learning rate times 0.1 after 50%, 75%');
});

test.run();
