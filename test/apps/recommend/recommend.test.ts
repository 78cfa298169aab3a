// Recommendations as contracts: what counts, for how much, what is never shown, and what is said. Judging them: evaluation.test.ts.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type EventKind,
  type Recommendation,
  type RecommendOptions,
  recommend,
  type ShopEvent,
} from '../../../src/apps/recommend/index.ts';
import { sumUpTastes } from '../../../src/apps/recommend/tastes.ts';
import { type RunningBackend, startBackend } from '../../../src/backend/index.ts';
import * as tf from '../../../src/backend/tfjs.ts';
import { event, shop } from './shop.ts';

const test = suite('recommend');
let engine: RunningBackend;
test.before(async () => {
  engine = await startBackend({ threads: 1 });
});
test.after(() => engine.stop());

const idsOf = (list: readonly Recommendation[]): string => list.map(({ id }) => id).join(' ');
const list = async (events: readonly ShopEvent[], options: RecommendOptions = {}): Promise<string> =>
  idsOf(await recommend(shop, events, options));
const rejects = async (run: Promise<unknown>, code: string): Promise<void> => {
  const error = await run.then(
    () => undefined,
    (thrown: { code: string }) => thrown,
  );
  assert.is(error?.code, code);
};

test('recommend() finds what is like a purchase, never what is owned, and says why', async () => {
  const before = tf.memory().numTensors;
  const found = await recommend(shop, [event(1, 'purchase', 'boot-1')], { count: 2, diversity: 0 });
  assert.is(tf.memory().numTensors, before);
  assert.is(idsOf(found), 'boot-2 boot-3');
  const { words, item } = found[0]!.reason;
  assert.equal([words, item!.id, found[0]!.class], ['Like the ankle boot you kept', 'boot-1', 'Ankle boot']);
  assert.not.match(await list([event(1, 'purchase', 'boot-1')], { count: 8, repeats: true }), 'boot-1');
});

test('recommend() weighs what is recent more: by the half-life, or not at all', async () => {
  const events = [event(0, 'like', 'bag-1'), event(60, 'view', 'boot-1')];
  assert.match(await list(events, { count: 1 }), 'boot');
  assert.match(await list(events, { count: 1, halfLifeDays: Infinity }), 'bag');
});

test('recommend() counts a return against, and what was bought before it no more', async () => {
  const returned = [event(1, 'purchase', 'boot-1'), event(2, 'view', 'bag-1'), event(3, 'return', 'boot-1')];
  assert.match(await list(returned, { count: 1 }), 'bag');
  const ranked = (await list(returned, { count: 8, diversity: 0 })).split(' ');
  assert.ok(ranked.indexOf('boot-2') > ranked.indexOf('top-1'), ranked.join(' '));
  // It is owned no more, and comes only when asked for.
  assert.not.match(ranked.join(' '), 'boot-1');
  assert.match(await list(returned, { count: 8, repeats: true }), 'boot-1');
});

test('recommend() gives an item bought again after a return no second time', async () => {
  const again = [event(1, 'purchase', 'boot-1'), event(2, 'return', 'boot-1'), event(3, 'purchase', 'boot-1')];
  assert.not.match(await list(again, { count: 8, repeats: true }), 'boot-1');
});

test('recommend() takes a class that is preferred, in any case of letters', async () => {
  const found = await recommend(shop, [{ timeMs: 0, kind: 'prefer', class: 'bag', shopper: '' }], { count: 2 });
  assert.match(idsOf(found), /^bag-\d bag-\d$/);
  assert.is(found[0]!.reason.words, 'One of the kind you asked for: bag');
  await rejects(recommend(shop, [{ timeMs: 0, kind: 'prefer', class: 'hat', shopper: '' }]), 'recommend/unknown-class');
});

test('recommend() with diversity has something of each taste', async () => {
  const events = [event(1, 'purchase', 'boot-1'), event(1, 'like', 'bag-1')];
  assert.match(await list(events, { count: 2, diversity: 0 }), /^boot-\d boot-\d$/);
  assert.match(await list(events, { count: 2, diversity: 0.6 }), /^boot-\d bag-\d$/);
});

test('recommend() gives a new shopper what is popular, else something typical of each class', async () => {
  const others = [
    event(1, 'purchase', 'top-2', 'ada'),
    event(1, 'like', 'top-2', 'bo'),
    event(2, 'view', 'bag-3', 'bo'),
  ];
  const popular = await recommend(shop, [], { count: 3, others });
  assert.equal([popular[0]!.id, popular[0]!.reason.words], ['top-2', 'Popular with other shoppers']);
  const typical = await recommend(shop, [], { count: 3 });
  assert.is(idsOf(typical), 'boot-2 bag-2 top-1');
  assert.is(typical[0]!.reason.words, 'A typical ankle boot');
});

test('recommend() refuses unknown items, options out of range, a future, and an empty rest', async () => {
  await rejects(recommend(shop, [event(1, 'view', 'hat')]), 'catalogue/unknown-id');
  for (const options of [
    { count: 0 },
    { count: 1.5 },
    { diversity: 1 },
    { halfLifeDays: 0 },
    { halfLifeDays: Number.NaN },
  ]) {
    await rejects(recommend(shop, [], options), 'recommend/option');
  }
  await rejects(recommend(shop, [event(5, 'view', 'boot-1')], { nowMs: 0 }), 'recommend/future');
  await rejects(
    recommend(
      shop,
      shop.ids.map((id) => event(1, 'purchase', id)),
    ),
    'recommend/nothing-left',
  );
});

test('sumUpTastes() says of what was sent back and liked afterwards why it is wanted', () => {
  const day = 86_400_000;
  const tastesOf = (...kinds: EventKind[]) => {
    const events = kinds.map((kind, i) => ({ kind, item: 'boot', shopper: '', timeMs: i * 30 * day }));
    const options = { halfLifeDays: 30, nowMs: (kinds.length - 1) * 30 * day };
    return sumUpTastes({ classNames: ['Boot'] }, events, () => 0, options).items[0]!;
  };
  assert.is(tastesOf('purchase', 'return').because, 'sent back');
  assert.is(tastesOf('return', 'view').because, 'sent back');
  const again = tastesOf('return', 'like');
  assert.is(again.because, 'liked');
  assert.ok(again.weight > 0);
  assert.is(tastesOf('return', 'like', 'return').because, 'sent back');
});

test.run();
