// What docs/results has of the ten recommendations is read as it is; what is missing, cut or of another shape is left out with the reason, alone.
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { gatherRecommendations } from '../../src/cli/recommendations.ts';
import { recommendationSources } from '../../src/report/recommendations.ts';
import type { RecommendationResultName } from '../../src/report/recommendations-input.ts';

type Name = RecommendationResultName;
const names = Object.keys(recommendationSources) as Name[];
const fileOf = (name: Name): URL => new URL(`../../docs/results/${recommendationSources[name].file}`, import.meta.url);
const texts = new Map(names.map((name) => [name, readFileSync(fileOf(name), 'utf8')]));
/** As docs/results has it, but for one. */
const gatherWith = (name: Name, text: string | undefined) =>
  gatherRecommendations(async (asked) => (asked === name ? text : texts.get(asked)));

test('every result that the section speaks of is in docs/results, and fits', async () => {
  for (const name of names) assert.ok(existsSync(fileOf(name)), name);
  const shipped = await gatherRecommendations();
  assert.equal(shipped.absent, {});
  assert.equal(Object.keys(shipped.results).sort(), [...names].sort());
  assert.equal(shipped, await gatherRecommendations(async (name) => texts.get(name)));
  const { record, classification } = shipped.results;
  const { mean, low, high } = shipped.recordGain!;
  assert.is(mean, record!.seeds[0]!.accuracy - classification!.accuracy);
  assert.ok(low < mean && mean < high);
  assert.is(shipped.distilledGain!.mean, shipped.results.distilled!.accuracy - classification!.accuracy);
});

test('a result that is missing, cut or of another shape is left out, and no other', async () => {
  for (const name of names) {
    const text = texts.get(name)!;
    const broken: readonly (readonly [string | undefined, RegExp])[] = [
      [undefined, /^is not here$/],
      [text.slice(0, Math.floor(text.length / 2)), /^cannot be read: /],
      ['{}', /^cannot be read: /],
      ['[]', /^cannot be read: /],
      ['null', /^cannot be read: /],
      ['', /^cannot be read: /],
    ];
    for (const [given, reason] of broken) {
      const { results, absent } = await gatherWith(name, given);
      assert.equal(Object.keys(absent), [name], String(given).slice(0, 40));
      assert.match(absent[name]!, reason);
      assert.equal(Object.keys(results).length, names.length - 1);
    }
  }
});

test('a gain whose mean is outside its interval does not fit, and the reason names the place', async () => {
  const { absent } = await gatherWith('muon', '{"gain": {"mean": 0.5, "low": 0.1, "high": 0.2}}');
  assert.match(absent.muon!, 'gain: expected low <= mean <= high');
  const { absent: other } = await gatherWith('imbalance', '{"results": [{"ratio": 10, "remedy": 3}]}');
  assert.match(other.imbalance!, 'results.0.remedy: expected string, got 3');
});

test('a record without its views does not fit', async () => {
  const record = JSON.parse(texts.get('record')!);
  const seeds = record.seeds.map(({ views: _, ...rest }: { views: string }) => rest);
  const { absent } = await gatherWith('record', JSON.stringify({ ...record, seeds }));
  assert.match(absent.record!, 'seeds.0.views: expected');
});

test('fields and arms may come: a longer training, an interval, arms without and with a gain', async () => {
  const record = JSON.parse(texts.get('record')!);
  const long = { ...record.seeds[0], seed: 5, views: 'shifted' };
  const meanInterval95 = { low: 0, high: 1 };
  const { results } = await gatherWith('record', JSON.stringify({ ...record, meanInterval95, long, later: [1] }));
  assert.is(results.record!.long!.seed, 5);
  assert.equal(results.record!.meanInterval95, meanInterval95);
  const ensembles = JSON.parse(texts.get('ensembles')!);
  const gain = { mean: 0.1, low: 0, high: 0.2 };
  const more = { ...ensembles, results: [...ensembles.results, { arm: 'new', gain, later: true }, { arm: 'bare' }] };
  const { results: grown, absent } = await gatherWith('ensembles', JSON.stringify(more));
  assert.equal(absent, {});
  assert.is(grown.ensembles!.results.length, ensembles.results.length + 2);
});

test.run();
