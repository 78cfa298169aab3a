// selvedge measure anomaly: the ten one-class tasks of the data set. A task trains on the training pictures of its class alone and tells
// the test pictures of that class from all others. Stopped, it goes on with the task where it was. Not here: the model (apps/inspect).
import { fitOneClass, type OneClassScore, oneClassDefaults, oneClassScores } from '../../apps/inspect/index.ts';
import { SelvedgeError } from '../../core/errors.ts';
import { type Dataset, subsetOf } from '../../data/dataset.ts';
import { measureSeparation } from '../../evaluation/outliers.ts';
import { platform } from '../../platform/index.ts';
import type { MeasureOptions } from './index.ts';
import type { Anchor, Measured, Subject } from './subject.ts';

const scores = ['combined', ...(Object.keys(oneClassScores) as OneClassScore[])] as const;
type Scores = Readonly<Record<(typeof scores)[number], number>>;

/** What is kept of a task that is done. */
interface Task {
  readonly class: string;
  readonly good: number;
  readonly auroc: Scores;
  /** Of `combined`. */
  readonly interval95: { readonly low: number; readonly high: number };
}

const anchors: readonly Anchor[] = [
  {
    figure: 'mean AUROC: GeoTrans',
    value: 0.935,
    source: 'Golan & El-Yaniv 2018, NeurIPS, as Bergman & Hoshen 2020 cite it',
  },
  { figure: 'mean AUROC: GOAD', value: 0.941, source: 'Bergman & Hoshen 2020, ICLR' },
  { figure: 'mean AUROC: one-class SVM of pixels', value: 0.928, source: 'Golan & El-Yaniv 2018, as cited there' },
];

/** Trains a task a class, each from good pictures only. */
export async function measureAnomaly(subject: Subject, options: MeasureOptions): Promise<Measured> {
  const { train, test, source } = subject.data;
  requireGreySquares(train);
  const settings = { ...oneClassDefaults, epochs: options.epochs ?? oneClassDefaults.epochs };
  const identity = JSON.stringify([settings, source.files.map(({ sha256 }) => sha256)]);
  const tasks: Task[] = [];
  for (let label = 0; label < train.classNames.length; label++) {
    const folder = platform.files.join(options.workFolder, 'anomaly', `class-${label}`);
    const done = await readTask(folder, identity);
    tasks.push(done ?? (await runTask(subject, label, settings, folder)));
    if (!done) await platform.files.write(taskFile(folder), JSON.stringify({ identity, task: tasks.at(-1) }));
  }
  const mean = Object.fromEntries(
    scores.map((score) => [score, tasks.reduce((sum, { auroc }) => sum + auroc[score], 0) / tasks.length]),
  ) as Scores;
  const result = {
    protocol: 'a task trains on the training images of one class; test images of that class against all others',
    settings,
    chosenOn: 'held-out training images of classes 0, 4, 6 and 8 against training images of other classes',
    scores: oneClassScores,
    meanAuroc: mean,
    tasks,
    anchors,
  };
  return { result, text: describe(tasks, mean, test.count) };
}

const taskFile = (folder: string): string => platform.files.join(folder, 'task.json');

function requireGreySquares({ height, width, channels }: Dataset): void {
  if (height === width && channels === 1) return;
  throw new SelvedgeError(
    'measure/other-images',
    `Cannot measure anomaly: expected square grey images, got ${height}x${width}x${channels}`,
  );
}

async function readTask(folder: string, identity: string): Promise<Task | undefined> {
  if (!(await platform.files.status(taskFile(folder)))) return undefined;
  const kept = JSON.parse(await platform.files.readText(taskFile(folder))) as { identity: string; task: Task };
  return kept.identity === identity ? kept.task : undefined;
}

async function runTask(
  { data, context }: Subject,
  label: number,
  settings: typeof oneClassDefaults,
  folder: string,
): Promise<Task> {
  const { train, test } = data;
  const name = train.classNames[label]!;
  const good = Int32Array.from(train.labels.keys()).filter((i) => train.labels[i] === label);
  try {
    const model = await fitOneClass(subsetOf(train, good, name).images, train.width, {
      settings,
      folder: platform.files.join(folder, 'checkpoints'),
      signal: context.signal,
      onEpoch: ({ epoch, accuracy, imagesPerSecond }) =>
        context.writeError(
          `${name}, epoch ${epoch} of ${settings.epochs}: ${(100 * accuracy).toFixed(1)}% of turns told, ${Math.round(imagesPerSecond)} images/s\n`,
        ),
    });
    try {
      const found = await model.score(test.images);
      const separated = scores.map((score) => {
        const own = found[score].filter((_, i) => test.labels[i] === label);
        const others = found[score].filter((_, i) => test.labels[i] !== label);
        // What is large is strange, and told from what is not.
        return measureSeparation(others, own);
      });
      const auroc = Object.fromEntries(scores.map((score, i) => [score, separated[i]!.auroc])) as Scores;
      context.writeError(`${name}: AUROC ${auroc.combined.toFixed(4)}\n`);
      return { class: name, good: good.length, auroc, interval95: separated[0]!.aurocInterval95 };
    } finally {
      model.dispose();
    }
  } catch (error) {
    if (!(error instanceof SelvedgeError && error.code === 'inspect/interrupted')) throw error;
    throw new SelvedgeError('cli/interrupted', 'Interrupted; the same command goes on from there', { cause: error });
  }
}

function describe(tasks: readonly Task[], mean: Scores, tested: number): string {
  const width = Math.max(...tasks.map((task) => task.class.length), 4);
  const row = (name: string, auroc: Scores): string =>
    `${name.padEnd(width)}  ${scores.map((score) => auroc[score].toFixed(4).padStart(score.length)).join('  ')}`;
  return [
    `AUROC of ${tasks.length} one-class tasks over ${tested} test images; published: GeoTrans .935, GOAD .941`,
    `${''.padEnd(width)}  ${scores.join('  ')}`,
    ...tasks.map((task) => row(task.class, task.auroc)),
    row('mean', mean),
  ].join('\n');
}
