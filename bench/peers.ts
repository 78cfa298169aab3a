// The same network and work side by side in one run, in turn, for us and for everybody else who can do it:
// `selvedge bench peers`. Training and inference at batch 128, and inference of single images.
// Not here: who the peers are (peers/catalog.ts) and what is asked of them (peers/contest.ts).
// Invariant: a ratio is of two rounds of the same turn.
import { loadFashionMnist } from '../src/data/index.ts';
import { disturbanceOf, valuesOf } from './alternation.ts';
import { type Benchmark, type BenchmarkOptions, wantedOf } from './benchmark.ts';
import { barChart } from './charts.ts';
import { type DisturbanceSummary, disturbanceNotice } from './disturbance.ts';
import { peers as everybody, requirePython, selvedge } from './peers/catalog.ts';
import {
  type Contest,
  type ContestEntry,
  holdContest,
  type Skipped,
  type TriedSettings,
  type Verification,
} from './peers/contest.ts';
import type { Settings, Task } from './peers/protocol.ts';
import { writeWorkload } from './peers/workload.ts';
import { ratioSpread, type Spread, shortNumber, spreadOf, spreadText, timesText } from './statistics.ts';

const ROUNDS = 9;

interface Section {
  readonly task: Task;
  readonly batchSize: number;
}

const SECTIONS: readonly Section[] = [
  { task: 'training', batchSize: 128 },
  { task: 'inference', batchSize: 128 },
  { task: 'inference', batchSize: 1 },
];

interface EntryResult {
  readonly name: string;
  readonly isOurs: boolean;
  readonly version: string;
  /** The best of `tried`. */
  readonly settings: Settings;
  readonly tried: readonly TriedSettings[];
  readonly imagesPerSecond: Spread;
  readonly msACall: Spread;
  /** How many times as fast ours is, in the same rounds; undefined for ours, or where ours is not wanted. */
  readonly ratio?: Spread;
  readonly verification: Verification;
}

interface SectionResult extends Section {
  readonly entries: readonly EntryResult[];
  readonly skipped: readonly Skipped[];
  readonly disturbance: DisturbanceSummary;
}

export const peers: Benchmark = {
  name: 'peers',
  description: 'Training and inference beside tfjs, PyTorch, Keras, ONNX Runtime and jax-js',
  usesModel: true,
  async run(options) {
    const { engine, model = 'dropout', data, rounds = ROUNDS, only, python, onProgress = () => {} } = options;
    const wanted = wantedOf(everybody, only).map((peer) => ({ ...peer, find: () => peer.find(python) }));
    if (python !== undefined) await requirePython(python);
    const loaded = await loadFashionMnist({ folder: data });
    onProgress('writing the workload');
    const written = await writeWorkload(model, loaded);
    try {
      const results: SectionResult[] = [];
      for (const section of sectionsOf(options)) {
        const invited = wanted.filter(({ tasks }) => tasks.includes(section.task));
        const title = `${section.task}, batch ${section.batchSize}`;
        const contest = await holdContest(invited, written, {
          ...section,
          threads: engine.threads,
          rounds,
          onProgress: (line) => onProgress(`${title}: ${line}`),
        });
        results.push(resultOf(section, contest));
      }
      return {
        json: { benchmark: 'peers', model, threads: engine.threads, data: loaded.source.kind, sections: results },
        text: [`peers, ${model}, up to ${engine.threads} threads`, ...results.flatMap(linesOf)].join('\n'),
        figures: await Promise.all(
          results.filter(({ entries }) => entries.length > 0).map((section) => pictureOf(model, section)),
        ),
      };
    } finally {
      await written.remove();
    }
  },
};

function sectionsOf({ task, batchSize }: BenchmarkOptions): Section[] {
  const wanted = SECTIONS.filter((section) => task === undefined || section.task === task);
  if (batchSize === undefined) return wanted;
  return [...new Set(wanted.map((section) => section.task))].map((each) => ({ task: each, batchSize }));
}

function resultOf(section: Section, { entries, skipped }: Contest): SectionResult {
  const ours = entries.find(({ peer }) => peer.name === selvedge.name);
  return {
    ...section,
    entries: entries.map((entry) => entryResult(entry, ours)),
    skipped,
    disturbance: disturbanceOf(entries.map(({ measured }) => measured)),
  };
}

function entryResult(entry: ContestEntry, ours: ContestEntry | undefined): EntryResult {
  const { peer, version, settings, tried, measured, callMs, verification } = entry;
  const ratio = ours && ours !== entry ? ratioSpread(ours.measured.values, measured.values) : undefined;
  return {
    name: peer.name,
    isOurs: peer.isOurs,
    version,
    settings,
    tried,
    imagesPerSecond: spreadOf(valuesOf(measured)),
    msACall: spreadOf(callMs),
    ...(ratio ? { ratio } : {}),
    verification,
  };
}

const nameOf = ({ name, version }: EntryResult): string => `${name} ${version.split(' ')[0]}`;

/** `threads 2, channelsLast`: flags by name, what is false not at all. */
export function settingsText(settings: Settings): string {
  return Object.entries(settings)
    .filter(([name, value]) => value !== false && name !== 'package' && name !== 'backend')
    .map(([name, value]) => (value === true ? name : `${name} ${value}`))
    .join(', ');
}

function linesOf({ task, batchSize, entries, skipped, disturbance }: SectionResult): string[] {
  return [
    '',
    `${task}, batch ${batchSize}`,
    ...entries.map((entry) => {
      const { imagesPerSecond, msACall, ratio, verification, settings } = entry;
      const speed = `${spreadText(imagesPerSecond).padEnd(28)} images/s  ${shortNumber(msACall.median).padStart(6)} ms a call`;
      const ours = ratio ? `  ours ${spreadText(ratio, timesText)}` : '';
      const wrong = verification.isRight ? '' : '  ITS LOSS DOES NOT FALL';
      return `  ${nameOf(entry).padEnd(34)} ${speed}${ours}  ${settingsText(settings)}${wrong}`;
    }),
    ...skipped.map(({ name, reason }) => `  ${name}: skipped, ${reason}`),
    ...disturbanceNotice(disturbance).map((line) => `  ${line}`),
  ];
}

function pictureOf(model: string, { task, batchSize, entries }: SectionResult) {
  return barChart({
    name: `${task}-${batchSize}`,
    title: `${task === 'training' ? 'Training' : 'Inference'} of ${model}, batch ${batchSize}`,
    unit: 'images/s',
    bars: [...entries]
      .sort((a, b) => b.imagesPerSecond.median - a.imagesPerSecond.median)
      .map((entry) => ({
        label: [nameOf(entry), settingsText(entry.settings)].filter(Boolean).join(', '),
        spread: entry.imagesPerSecond,
        isOurs: entry.isOurs,
        ...(entry.ratio ? { note: `ours ${timesText(entry.ratio.median)}` } : {}),
      })),
  });
}
