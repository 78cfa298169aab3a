// selvedge measure trends: how soon changes are told and how often falsely, seasons, and combinations, on streams that are made by a seed.
// Not here: the methods (src/apps/trends/). Everything is made: nobody publishes such streams with what is true of them.
import { BasketCounter, findChanges, findSeason } from '../../apps/trends/index.ts';
import { createPhilox, type Philox, randomStreams } from '../../core/philox.ts';
import { platform } from '../../platform/index.ts';
import type { Measured } from './subject.ts';

const SEED = 1;
const STREAMS = 200;
/** Days of a stream, and the one that a change comes at. */
const DAYS = 180;
const CHANGE_AT = 100;
const EVENTS_A_DAY = 500;
const SHARE = 0.1;
/** Of the share, at the weekend. */
const WEEKEND = 0.3;
const RISES = [0.02, 0.03, 0.05, 0.1];

/** A day's share of a class among events that are drawn one by one. */
function shareOfDay(chance: number, draws: Philox): number {
  let hits = 0;
  for (let i = 0; i < EVENTS_A_DAY; i++) if (draws.nextUniform() < chance) hits++;
  return hits / EVENTS_A_DAY;
}

function madeStream(number: number, { rise, isSeasonal }: { rise: number; isSeasonal: boolean }): number[] {
  const draws = createPhilox({ seed: SEED, stream: randomStreams.catalogue, substream: [6, number] });
  return Array.from({ length: DAYS }, (_, day) => {
    const season = isSeasonal && day % 7 >= 5 ? 1 + WEEKEND : 1;
    return shareOfDay((SHARE + (day >= CHANGE_AT ? rise : 0)) * season, draws);
  });
}

/** Measures made streams. */
export async function measureTrends(): Promise<Measured> {
  const kinds: ({ name: string; isSeasonal: boolean } & Awaited<ReturnType<typeof measureKind>>)[] = [];
  for (const isSeasonal of [false, true]) {
    kinds.push({ name: isSeasonal ? 'weekly season' : 'no season', isSeasonal, ...(await measureKind(isSeasonal)) });
  }
  const combinations = measureCombinations();
  const result = {
    made: true,
    seed: SEED,
    streams: STREAMS,
    days: DAYS,
    changeAt: CHANGE_AT,
    eventsADay: EVENTS_A_DAY,
    share: SHARE,
    weekend: WEEKEND,
    kinds,
    combinations,
  };
  const text = kinds.flatMap(({ name, falseAlarmsIn1000Days, seasonFound, changes }) => [
    `Made streams, ${name}: ${falseAlarmsIn1000Days.toFixed(2)} false alarms in 1000 days; season of 7 days found in ${(100 * seasonFound).toFixed(1)}%`,
    ...changes.map(
      ({ rise, told, medianDelayDays }) =>
        `  share .10 to ${(SHARE + rise).toFixed(2)}: told in ${(100 * told).toFixed(1)}%, after ${medianDelayDays} days (median)`,
    ),
  ]);
  const { planted, foundPlanted, falseDiscoveries } = combinations;
  text.push(
    `Made baskets: ${(100 * foundPlanted).toFixed(1)}% of ${planted} planted pairs found, ${(100 * falseDiscoveries).toFixed(2)}% of the found are false`,
  );
  return { result, text: text.join('\n') };
}

async function measureKind(isSeasonal: boolean) {
  const season = isSeasonal ? 7 : undefined;
  let [alarms, found] = [0, 0];
  for (let i = 0; i < STREAMS; i++) {
    if (i % 10 === 0) await platform.giveWay();
    const values = madeStream(i, { rise: 0, isSeasonal });
    alarms += findChanges(values, { season }).length;
    if (i < STREAMS / 2 && findSeason(values, [7, 10, 14, 30], { seed: SEED })?.length === 7) found++;
  }
  const changes: { rise: number; told: number; medianDelayDays: number | null; falseBefore: number }[] = [];
  for (const rise of RISES) {
    const delays: number[] = [];
    let early = 0;
    for (let i = 0; i < STREAMS; i++) {
      if (i % 10 === 0) await platform.giveWay();
      // Streams of their own, so that what is told early is no alarm counted twice.
      const told = findChanges(madeStream(1000 + i, { rise, isSeasonal }), { season });
      early += told.filter(({ toldAt }) => toldAt < CHANGE_AT).length;
      const first = told.find(({ toldAt, at }) => toldAt >= CHANGE_AT && at >= CHANGE_AT - 10);
      if (first) delays.push(first.toldAt - CHANGE_AT + 1);
    }
    delays.sort((a, b) => a - b);
    changes.push({
      rise,
      told: delays.length / STREAMS,
      medianDelayDays: delays[delays.length >> 1] ?? null,
      falseBefore: early,
    });
  }
  return { falseAlarmsIn1000Days: (1000 * alarms) / (STREAMS * DAYS), seasonFound: found / (STREAMS / 2), changes };
}

const ITEMS = 200;
const BASKETS = 20_000;
const PLANTED = 40;

/** Baskets of items by chance, and pairs that are put in together in one basket of a hundred. */
function measureCombinations() {
  const draws = createPhilox({ seed: SEED, stream: randomStreams.catalogue, substream: [7] });
  const counter = new BasketCounter();
  for (let basket = 0; basket < BASKETS; basket++) {
    const items = Array.from({ length: 1 + draws.nextBelow(5) }, () => `item ${draws.nextBelow(ITEMS)}`);
    if (draws.nextUniform() < 0.2) {
      const pair = draws.nextBelow(PLANTED);
      items.push(`item ${2 * pair}`, `item ${2 * pair + 1}`);
    }
    counter.add(items);
  }
  const found = counter.combinations();
  const isPlanted = (names: readonly string[]): boolean => {
    const [a, b] = names.map((name) => Number(name.slice(5))).sort((x, y) => x - y) as [number, number];
    return b === a + 1 && a % 2 === 0 && a < 2 * PLANTED;
  };
  const right = found.filter(({ items }) => isPlanted(items)).length;
  return {
    baskets: BASKETS,
    items: ITEMS,
    planted: PLANTED,
    found: found.length,
    foundPlanted: right / PLANTED,
    falseDiscoveries: found.length === 0 ? 0 : (found.length - right) / found.length,
  };
}
