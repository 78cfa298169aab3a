// Which images stand behind a model's weights: what a start has seen is no validation image.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startSawValidation, type TrainedWith, trainedWithOf } from '../../src/cli/seen-images.ts';

const test = suite('images that weights have seen');
const kept: TrainedWith = { data: ['a', 'b'], validationExamples: 12, splitSeed: 1 };
const startedFrom = (source: TrainedWith): TrainedWith => ({ ...kept, from: { trainedWith: trainedWithOf(source) } });

test('a start that kept the same images, or saw other data, or tells nothing, has not seen them', () => {
  for (const source of [kept, { ...kept, data: ['c'], validationExamples: 0 }, {}])
    assert.is(startSawValidation(startedFrom(source)), false);
  assert.is(startSawValidation(kept), false, 'no start');
});

test('a start that kept none, others, or stands on one that did, directly or as a member, has', () => {
  const all: TrainedWith = { ...kept, validationExamples: 0 };
  const average: TrainedWith = { data: ['a', 'b'], members: [{ settings: kept }, { settings: all }] };
  for (const source of [all, { ...kept, splitSeed: 2 }, startedFrom(all), average])
    assert.is(startSawValidation(startedFrom(source)), true);
  const careful: TrainedWith = { data: ['a', 'b'], members: [{ settings: kept }, { settings: kept }] };
  assert.is(startSawValidation(startedFrom(careful)), false, 'an average has no training of its own');
  const trainedOn: TrainedWith = { ...careful, validationExamples: 12, splitSeed: 2 };
  assert.is(startSawValidation(startedFrom(trainedOn)), true, 'an average that was trained on has');
  assert.is(startSawValidation({ ...startedFrom(all), validationExamples: 0 }), false, 'nothing is kept');
});

test('of settings only what tells of images is kept', () => {
  const settings = { ...kept, epochs: 3, members: [{ settings: { ...kept, seed: 1 } }] };
  assert.equal(trainedWithOf(settings), { ...kept, members: [{ settings: kept }] });
});

test.run();
