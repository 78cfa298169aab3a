import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  attributeKindOf,
  attributesOf,
  BasketCounter,
  clusterRows,
  correctCounts,
  drawBag,
  findChanges,
  findSeason,
  fitQuantifier,
  fromConfusion,
  mutualInformation,
  nameOfPeriod,
  periodOf,
  quantifierMethods,
  quantify,
  readTime,
  sharesOf,
  TimelineCounter,
} from '../../../src/apps/index.ts';
import { createPhilox } from '../../../src/core/philox.ts';

const test = suite('trends');
const near = (a: number, b: number, within: number): void => assert.ok(Math.abs(a - b) <= within, `${a} is not ${b}`);
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
};

/** Probabilities of a classifier that is right in 8 of 10, of made labels. */
function told(labels: readonly number[], seed: number): Float32Array {
  const draws = createPhilox({ seed, stream: 99 });
  return Float32Array.from(
    labels.flatMap((label) => {
      const seen = draws.nextUniform() < 0.8 ? label : 1 - label;
      return seen === 0 ? [0.8, 0.2] : [0.2, 0.8];
    }),
  );
}

test('quantify() finds the shares where counting is off, by every corrected method', () => {
  const labels = Array.from({ length: 20_000 }, (_, i) => i % 2);
  const quantifier = fitQuantifier(told(labels, 1), labels, 2);
  const others = Array.from({ length: 20_000 }, (_, i) => (i % 10 === 0 ? 1 : 0));
  const probabilities = told(others, 2);
  const found = Object.fromEntries(
    quantifierMethods.map((method) => [method, quantify(quantifier, probabilities, method)[0]!]),
  );
  near(found.cc!, 0.74, 0.01);
  near(found.pcc!, 0.644, 0.01);
  for (const method of ['acc', 'pacc', 'em']) near(found[method]!, 0.9, 0.015);
  const counts = [20_000 * found.cc!, 20_000 * (1 - found.cc!)];
  near(correctCounts(quantifier, counts)[0]!, found.acc!, 1e-3);
});

test('quantifiers refuse what cannot be corrected by', () => {
  assert.is(
    codeOf(() => fromConfusion([1, 0, 0, 0], 2)),
    'trends/quantifier',
  );
  assert.is(
    codeOf(() => fitQuantifier(Float32Array.of(1, 0), [0], 2)),
    'trends/quantifier',
  );
  assert.is(
    codeOf(() => fitQuantifier(Float32Array.of(1), [0, 1], 2)),
    'trends/quantifier',
  );
  assert.is(
    codeOf(() => quantify(fromConfusion([1, 0, 0, 1], 2), Float32Array.of(1, 0), 'pacc')),
    'trends/quantifier',
  );
  assert.is(
    codeOf(() => correctCounts(fromConfusion([1, 0, 0, 1], 2), [0, 0])),
    'trends/quantifier',
  );
});

test('drawBag() is a function of seed and number, and its shares are those of its samples', () => {
  const labels = [0, 0, 1, 2, 2, 2];
  const bag = drawBag(labels, { seed: 3, bag: 5, size: 100, classes: 3 });
  assert.equal(drawBag(labels, { seed: 3, bag: 5, size: 100, classes: 3 }), bag);
  const counts = [0, 0, 0];
  for (const sample of bag.samples) counts[labels[sample]!]!++;
  assert.equal(
    [...bag.shares],
    counts.map((count) => count / 100),
  );
});

test('readTime() takes ISO 8601 in UTC, seconds and milliseconds, and refuses the rest with its place', () => {
  const expected = Date.UTC(2025, 2, 1, 12);
  for (const value of [
    '2025-03-01T12:00',
    '2025-03-01 12:00:00Z',
    expected / 1000,
    String(expected / 1000),
    expected,
    new Date(expected),
  ]) {
    assert.is(readTime(value, 'row 1'), expected);
  }
  assert.is(readTime('2025-03-01T14:00+02:00', 'row 1'), expected);
  assert.equal(
    ['20250301', '2025', '2025-03', 20250301].map((value) => readTime(value, 'row 1')),
    [Date.UTC(2025, 2, 1), Date.UTC(2025, 0, 1), Date.UTC(2025, 2, 1), 20250301000],
  );
  const [micro, nano] = [expected * 1000, BigInt(expected) * 1_000_000n];
  for (const value of [
    '',
    undefined,
    'soon',
    '01/03/2025',
    Number.NaN,
    micro,
    String(nano),
    nano,
    '2025-02-30',
    '20251301',
  ]) {
    assert.is(
      codeOf(() => readTime(value, 'row 7')),
      'trends/time',
    );
  }
  assert.is(nameOfPeriod(periodOf(Date.UTC(2025, 0, 5, 23), 'week'), 'week'), '2024-12-30');
  assert.is(nameOfPeriod(periodOf(Date.UTC(1969, 11, 31), 'month'), 'month'), '1969-12-01');
});

test('TimelineCounter gives the same for events in any order, without gaps; sharesOf() holds the truth in its intervals', () => {
  const events: [number, string][] = [];
  for (let i = 0; i < 3000; i++) events.push([Date.UTC(2025, 0, 1 + (i % 3) * 2), i % 5 === 0 ? 'b' : 'a']);
  const count = (ordered: [number, string][]) => {
    const counter = new TimelineCounter('day');
    for (const [time, name] of ordered) counter.add(time, name, 'event');
    return counter.finish();
  };
  const timeline = count(events);
  assert.equal(count([...events].reverse()), timeline);
  assert.equal(timeline.periods.map(({ begin, counts }) => [begin, ...counts])[1], ['2025-01-02', 0, 0]);
  const shares = sharesOf(timeline);
  assert.is(shares[1], undefined);
  const { share, low, high } = shares[0]![1]!;
  assert.ok(share === 0.2 && low > 0.16 && low < 0.19 && high > 0.21 && high < 0.24, `${low} ${high}`);
  const corrected = sharesOf(timeline, {
    confusion: [
      [90, 10],
      [0, 100],
    ],
  })[0]![1]!;
  near(corrected.share, 1 / 9, 1e-3);
  assert.ok(corrected.high - corrected.low > high - low);
  assert.is(
    codeOf(() => new TimelineCounter('day').finish()),
    'trends/empty',
  );
  assert.is(
    codeOf(() => new TimelineCounter('day', ['a']).add(0, 'c', 'event 1')),
    'trends/class',
  );
  const far = new TimelineCounter('hour');
  far.add(0, 'a', 'event 1');
  far.add(Date.UTC(2025, 0, 1), 'a', 'event 2');
  assert.is(
    codeOf(() => far.finish()),
    'trends/time',
  );
});

test('findChanges() tells a change soon and by what came before alone; findSeason() finds its length and no other', () => {
  const draws = createPhilox({ seed: 5, stream: 99 });
  const values = Array.from({ length: 150 }, (_, i) => (i % 7 > 4 ? 4 : 0) + (i >= 90 ? 3 : 0) + draws.nextNormal());
  const [change, ...others] = findChanges(values, { season: 7 });
  assert.equal(others, []);
  near(change!.at, 90, 2);
  assert.ok(change!.toldAt >= 90 && change!.toldAt < 100);
  assert.equal(findChanges(values.slice(0, change!.toldAt + 1), { season: 7 }), [change]);
  assert.is(findSeason(values, [5, 7, 14, 30])!.length, 7);
  assert.is(
    findSeason(
      Array.from({ length: 150 }, () => draws.nextNormal()),
      [7, 30],
    ),
    undefined,
  );
  assert.equal([findChanges(new Float64Array(60)), findChanges([]), findSeason([], [7])], [[], [], undefined]);
  assert.is(
    codeOf(() => findChanges([1, Number.NaN])),
    'trends/series',
  );
});

test('findSeason() counts by places: a shop that is closed on Sundays has weeks all the same', () => {
  const places = Array.from({ length: 140 }, (_, i) => i).filter((place) => place % 7 !== 4);
  const values = places.map((place) => (place % 7 === 3 ? 0.3 : 0.1) + (place % 3) / 100);
  assert.is(findSeason(values, [7, 14, 30], { places })!.length, 7);
  assert.equal(findChanges(values, { season: 7, places }), []);
});

test('findSeason() finds among a thousand series what it finds in one, and nothing in noise', () => {
  const values = Array.from({ length: 140 }, (_, i) => (i % 7 === 3 ? 3 : 1) + (i % 4) / 10);
  const [one, many] = [1, 1000].map((tests) => findSeason(values, [7, 14, 30], { tests }));
  assert.equal([one!.length, many!.length], [7, 7]);
  assert.ok(one!.p < many!.p && many!.p <= 0.05);
  const draws = createPhilox({ seed: 9, stream: 99 });
  const found = Array.from({ length: 60 }, () =>
    findSeason(
      Array.from({ length: 100 }, () => draws.nextNormal()),
      [7, 14, 30],
      { tests: 60 },
    ),
  );
  assert.ok(found.filter((season) => season !== undefined).length <= 1);
});

test('BasketCounter gives support, confidence, lift and the tail of the hypergeometric distribution', () => {
  const counter = new BasketCounter();
  for (let i = 0; i < 100; i++) counter.add(i < 8 ? ['a', 'b', 'a'] : i < 10 ? ['a'] : i < 12 ? ['b', 'c'] : ['c']);
  const [pair, ...others] = counter.combinations();
  assert.equal(
    [pair!.items, pair!.count, pair!.support, pair!.confidence, others],
    [['a', 'b'], 8, 0.08, [0.8, 0.8], []],
  );
  near(pair!.lift, 8, 1e-9);
  // scipy.stats.hypergeom.sf(7, 100, 10, 10)
  near(pair!.p / 1.0492e-8, 1.0, 0.2);
  assert.is(new BasketCounter().combinations().length, 0);
});

test('clusterRows() finds what is there, and says by its stability where nothing is', () => {
  const draws = createPhilox({ seed: 6, stream: 99 });
  const three = Float32Array.from(
    { length: 600 },
    (_, i) => (i % 2 === 0 ? ((i >> 1) % 3) * 10 : 0) + draws.nextNormal(),
  );
  const found = clusterRows(three, 2, { seed: 1 });
  assert.is(found.count, 3);
  assert.ok(found.stability > 0.95);
  assert.is(
    mutualInformation(
      found.labels,
      Array.from(found.labels, (_, i) => i % 3),
    ),
    1,
  );
  assert.ok(mutualInformation([0, 0, 1, 1], [0, 1, 0, 1]) < 1e-9);
  const none = Float32Array.from({ length: 2000 }, () => draws.nextNormal());
  assert.ok(clusterRows(none, 5, { seed: 1, count: 4 }).stability < 0.6);
  assert.is(
    codeOf(() => clusterRows(new Float32Array(8), 2, { seed: 1 })),
    'trends/styles',
  );
  assert.is(
    codeOf(() => clusterRows(new Float32Array(80), 2, { seed: 1, count: 2 })),
    'trends/styles',
  );
});

test('attributesOf() tells made patterns, sleeves and shafts', () => {
  const made = (level: (x: number, y: number) => number): Uint8Array =>
    Uint8Array.from({ length: 784 }, (_, i) => level(i % 28, Math.floor(i / 28)));
  const inside = (x: number, y: number): boolean => x > 4 && x < 23 && y > 1 && y < 26;
  const pattern = (level: (x: number, y: number) => number) =>
    attributesOf(
      made((x, y) => (inside(x, y) ? level(x, y) : 0)),
      'other',
    ).pattern;
  assert.is(
    pattern(() => 200),
    'plain',
  );
  assert.is(
    pattern((_, y) => (y % 4 < 2 ? 220 : 120)),
    'striped across',
  );
  assert.is(
    pattern((x) => (x % 4 < 2 ? 220 : 120)),
    'striped along',
  );
  assert.is(
    pattern((x, y) => (x % 4 < 2 ? 60 : 0) + (y % 4 < 2 ? 60 : 0) + 100),
    'checked',
  );
  const draws = createPhilox({ seed: 7, stream: 99 });
  assert.is(
    pattern(() => 60 + draws.nextBelow(180)),
    'printed',
  );
  assert.equal(
    [attributeKindOf('Ankle boot'), attributeKindOf('T-shirt/top'), attributeKindOf('Bag')],
    ['shoe', 'top', 'other'],
  );
  const boot = made((x, y) => ((y > 18 && x > 2 && x < 25) || (x > 14 && x < 25 && y > 3) ? 200 : 0));
  const flat = made((x, y) => (y > 12 && y < 20 && x > 1 ? 200 : 0));
  assert.equal([attributesOf(boot, 'shoe').shaft, attributesOf(flat, 'shoe').shaft], ['high', 'low']);
  const long = made((x, y) => (y > 2 && y < 26 && (x < 7 || x > 20 || (x > 8 && x < 19)) && x > 2 && x < 25 ? 200 : 0));
  const short = made((x, y) =>
    (y > 3 && y < 11 && x > 2 && x < 25) || (y > 3 && y < 26 && x > 7 && x < 20) ? 200 : 0,
  );
  assert.equal(
    [attributesOf(long, 'top').sleeve, attributesOf(short, 'top').sleeve],
    ['long sleeves', 'short sleeves'],
  );
  assert.is(attributesOf(new Uint8Array(784), 'top').tone, 'light');
});

test.run();
