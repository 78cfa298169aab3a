// selvedge categorise: the class of any number of pictures as a table, and which of them to ask a person about.
// Not here: shards, thresholds (src/apps/categorise/), the page of what to ask (src/report/).
// Invariant: a run that was ended goes on where it was, and its table is that of an undisturbed one; a file under the name of --out is whole.
import type { CategoriseSummary, ChosenThresholds, RunProgress, Shard } from '../apps/categorise/index.ts';
import type { TableFormat } from '../apps/tables/index.ts';
import { SelvedgeError } from '../core/errors.ts';
import { decodeImage } from '../data/image-codecs.ts';
import { PicturePool, unlimitedWaiting } from '../data/picture-pool.ts';
import { createPictureReader, type PictureReader } from '../data/picture-reader.ts';
import { platform } from '../platform/index.ts';
import { usageError } from './arguments.ts';
import type { ChosenCategoriser } from './chosen-categoriser.ts';
import { chosenModelOptions } from './chosen-model.ts';
import { type CommandContext, command, exitCodes } from './command.ts';
import { checkThreads, dataOption, numberFromZero, threadsOption, wholeNumber } from './options.ts';
import { againOption, checkQueueOptions, queueOptions, verifyOption } from './queue-options.ts';
import { showWork } from './work-progress.ts';

export const categorise = command({
  name: 'categorise',
  description: 'Sort any number of pictures into classes: a table, and which of them to ask a person about',
  takesList: true,
  endsItself: true,
  args: {
    source: {
      type: 'positional',
      required: true,
      description: 'Folders, tables with a column path (.csv, .jsonl, .parquet), IDX files (plain or .gz), pictures',
    },
    out: { type: 'string', valueHint: 'file', description: 'Where the table goes: .csv, .jsonl or .parquet' },
    'error-rate': {
      type: 'string',
      valueHint: 'share',
      description: 'Share of the answers that are taken unasked that may be wrong (default: 0.02)',
    },
    threshold: { type: 'string', valueHint: 'confidence', description: 'Ask below this confidence instead, 0 to 1' },
    'false-alarms': {
      type: 'string',
      valueHint: 'share',
      description: 'Share of clothing that may be called not clothing (default: 0.01)',
    },
    review: { type: 'string', valueHint: 'file', description: 'Write a page (.html) of what to ask' },
    'review-count': { type: 'string', valueHint: 'count', description: 'Pictures of each kind on it (default: 300)' },
    sort: { type: 'string', valueHint: 'folder', description: 'Copy pictures into a folder a class in this folder' },
    work: {
      type: 'string',
      valueHint: 'folder',
      description: 'Where shards are kept until the table is whole (default: beside it, .work)',
    },
    'shard-size': {
      type: 'string',
      valueHint: 'count',
      description: 'Pictures of a shard (default: 10000, files 1000)',
    },
    ...chosenModelOptions,
    model: {
      type: 'string',
      valueHint: 'name',
      description: 'One that ships (best, distilled, dropout; default: dropout), or of the run',
    },
    ...dataOption,
    ...threadsOption,
    ...queueOptions,
    ...verifyOption,
    ...againOption,
  },
  async run(args, context) {
    const request = readRequest(args, context);
    checkThreads(args.threads);
    checkQueueOptions(args, ['again']);
    const { openChosenCategoriser } = await import('./chosen-categoriser.ts');
    const { chooseThresholds, outlierThreshold } = await import('../apps/categorise/index.ts');
    await requireSources(args._, context);
    const chosen = await openChosenCategoriser(args, request.threshold === undefined, context);
    try {
      const { calibration, name } = chosen;
      const { errorRate, falseAlarms, threshold } = request;
      const thresholds: ChosenThresholds | { confidence: number; outlier?: number | undefined } =
        threshold === undefined
          ? chooseThresholds(requireCalibration(calibration), { errorRate, falseAlarms })
          : { confidence: threshold, outlier: outlierOf(calibration, falseAlarms, outlierThreshold) };
      const found = await categoriseAll(args._, request, chosen, thresholds, context);
      const { classNames } = chosen.categoriser;
      const { summary } = found;
      return {
        json: {
          model: { name, digest: chosen.categoriser.digest },
          thresholds: {
            ...thresholds,
            ...('reason' in calibration || threshold !== undefined
              ? {}
              : { errorRate, falseAlarms, on: calibration.on }),
          },
          pictures: summary.pictures,
          read: summary.read,
          classes: Object.fromEntries(classNames.map((className, label) => [className, summary.sure[label]!])),
          ask: { unsure: summary.unsure, notClothing: summary.strange },
          unread: summary.unread,
          failures: summary.unreadListed.map(({ name: file, error }) => ({ file, ...error })),
          out: request.out,
          ...(request.review === undefined ? {} : { review: request.review }),
          ...(request.sort === undefined ? {} : { sort: request.sort }),
          resumed: found.resumed,
        },
        text: describe(summary, classNames, request),
        exitCode: summary.unread > 0 ? exitCodes.failure : exitCodes.ok,
      };
    } finally {
      chosen.dispose();
    }
  },
});

interface CategoriseArguments {
  readonly out?: string | undefined;
  readonly 'error-rate'?: string | undefined;
  readonly threshold?: string | undefined;
  readonly 'false-alarms'?: string | undefined;
  readonly review?: string | undefined;
  readonly 'review-count'?: string | undefined;
  readonly sort?: string | undefined;
  readonly work?: string | undefined;
  readonly 'shard-size'?: string | undefined;
  readonly queue?: string | undefined;
  readonly verify?: string | undefined;
  readonly artefacts?: string | undefined;
  readonly threads?: string | undefined;
  readonly again?: boolean | undefined;
}

interface Request {
  readonly out: string;
  readonly format: TableFormat;
  readonly errorRate: number;
  readonly falseAlarms: number;
  readonly threshold: number | undefined;
  readonly review: string | undefined;
  readonly reviewCount: number;
  readonly sort: string | undefined;
  readonly workFolder: string;
  readonly shardSize: number | undefined;
  readonly queue: Pick<CategoriseArguments, 'queue' | 'artefacts' | 'verify' | 'threads' | 'again'>;
}

function readRequest(args: CategoriseArguments, { cwd }: CommandContext): Request {
  const { out, review, sort, work } = args;
  const [, format] = /\.(csv|jsonl|parquet)$/i.exec(out ?? '') ?? [];
  if (out === undefined || format === undefined) {
    throw usageError(`Option "--out" got "${out ?? 'nothing'}": expected a file that ends in .csv, .jsonl or .parquet`);
  }
  if (review !== undefined && !/\.html?$/i.test(review)) {
    throw usageError(`Option "--review" got "${review}": expected a file that ends in .html`);
  }
  if (args.threshold !== undefined && args['error-rate'] !== undefined) {
    throw usageError('Options "--threshold" and "--error-rate" exclude each other');
  }
  const resolve = (path: string): string => platform.files.resolve(cwd, path);
  const share = (option: 'error-rate' | 'false-alarms', usual: number): number => {
    const value = numberFromZero(option, args[option], 1) ?? usual;
    if (value > 0) return value;
    throw usageError(`Option "--${option}" got "${args[option]}": expected a number above 0 and below 1`);
  };
  const threshold = numberFromZero('threshold', args.threshold, 1.000001);
  return {
    out: resolve(out),
    format: format.toLowerCase() as TableFormat,
    errorRate: share('error-rate', 0.02),
    falseAlarms: share('false-alarms', 0.01),
    threshold,
    review: review && resolve(review),
    reviewCount: wholeNumber('review-count', args['review-count'], 1, 5000) ?? 300,
    sort: sort && resolve(sort),
    workFolder: resolve(work ?? `${out}.work`),
    shardSize: wholeNumber('shard-size', args['shard-size'], 1, 1_000_000),
    queue: args,
  };
}

/** Before anything is started: a name that is wrong is told at once. */
async function requireSources(sources: readonly string[], { cwd }: CommandContext): Promise<void> {
  for (const source of sources) {
    if (await platform.files.status(platform.files.resolve(cwd, source))) continue;
    throw new SelvedgeError('categorise/no-source', `Cannot categorise "${source}": there is no such file or folder`);
  }
}

function requireCalibration(calibration: ChosenCategoriser['calibration']) {
  if (!('reason' in calibration)) return calibration;
  throw new SelvedgeError('categorise/calibration', `Cannot choose thresholds: ${calibration.reason}`);
}

/** Strangeness is told beside a threshold that was given, too. */
function outlierOf(
  calibration: ChosenCategoriser['calibration'],
  falseAlarms: number,
  thresholdOf: typeof import('../apps/categorise/index.ts').outlierThreshold,
): number | undefined {
  return 'gate' in calibration && calibration.gate ? thresholdOf(calibration.gate, falseAlarms) : undefined;
}

async function categoriseAll(
  sources: readonly string[],
  request: Request,
  { categoriser, name }: ChosenCategoriser,
  thresholds: { readonly confidence: number; readonly outlier?: number | undefined },
  context: CommandContext,
): Promise<{ readonly summary: CategoriseSummary; readonly resumed: number }> {
  const { clearWork, createSorter, mergeShards, planShards, runShards } = await import('../apps/categorise/index.ts');
  const { out, format, workFolder, shardSize, reviewCount, sort, review } = request;
  const plan = (): AsyncGenerator<Shard> =>
    planShards(sources, {
      cwd: context.cwd,
      workFolder,
      imagesPerShard: shardSize,
      picturesPerShard: shardSize,
      except: [out, `${out}.part`, workFolder, ...(sort ? [sort] : []), ...(review ? [review] : [])],
    });
  let [total, files] = [0, 0];
  for await (const { count, images } of interruptible(plan(), context.signal)) {
    total += count;
    if (images.kind === 'pictures') files += count;
  }
  const pool = files < WORTH_THREADS ? undefined : await startPool();
  const readPicture = pool?.read ?? createPictureReader(decodeImage);
  const display = await showWork('pictures', total, context);
  let resumed = 0;
  let current: Shard | undefined;
  const onShard = (shard: Shard): void => {
    current = shard;
  };
  const tapped = async function* (): AsyncGenerator<Shard> {
    for await (const shard of plan()) {
      onShard(shard);
      yield shard;
    }
  };
  const { classNames } = categoriser;
  const { encodeGrayPng } = await import('../report/index.ts');
  const sorter =
    sort === undefined
      ? undefined
      : createSorter({
          folder: sort,
          classNames,
          encode: (pixels, [height, width, channels]) => encodeGrayPng({ width, height, channels, pixels }),
        });
  try {
    const onProgress = (progress: RunProgress): void => {
      resumed = progress.resumed;
      display.update(progress.done, progress.resumed);
    };
    const openFiles = pool ? pool.threads * OPEN_A_THREAD : 1;
    const here = { workFolder, categoriser, readPicture, openFiles, signal: context.signal, onProgress };
    const byQueue = request.queue.queue === undefined ? undefined : await import('./categorise-queue.ts');
    const results = byQueue
      ? byQueue.shardsByQueue(
          plan(),
          { ...request.queue, name, digest: categoriser.digest, onProgress, onShard },
          context,
        )
      : runShards(tapped(), here);
    const summary = await mergeShards(results, {
      classNames,
      thresholds,
      out: { path: out, format },
      listed: reviewCount,
      ...(sorter ? { onPicture: (picture) => sorter(current!, picture) } : {}),
    });
    if (review !== undefined) await writeReview(review, summary, { plan, categoriser, readPicture, thresholds });
    await clearWork(workFolder);
    return { summary, resumed };
  } catch (error) {
    if (error instanceof SelvedgeError && /^(?:categorise|queue)\/interrupted$/.test(error.code)) {
      throw new SelvedgeError('cli/interrupted', 'Interrupted; the same command goes on where it was');
    }
    throw error;
  } finally {
    display.stop();
    await pool?.close();
  }
}

async function* interruptible<T>(values: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const value of values) {
    if (signal.aborted) throw new SelvedgeError('cli/interrupted', 'Interrupted');
    yield value;
  }
}

/** Below, threads take longer to start than pictures to be read. */
const WORTH_THREADS = 64;
/** Files that are open for each thread: one is read from the disk while others are decoded. */
const OPEN_A_THREAD = 4;

/** Undefined where there are no threads: then the one that asks reads. */
async function startPool(): Promise<PicturePool | undefined> {
  if (!platform.connectWorker) return undefined;
  try {
    return await PicturePool.start(unlimitedWaiting);
  } catch (error) {
    if (error instanceof SelvedgeError && error.code === 'pictures/worker-start') return undefined;
    throw error;
  }
}

interface ReviewOptions {
  readonly plan: () => AsyncIterable<Shard>;
  readonly categoriser: ChosenCategoriser['categoriser'];
  readonly readPicture: PictureReader;
  readonly thresholds: { readonly confidence: number; readonly outlier?: number | undefined };
}

async function writeReview(
  path: string,
  summary: CategoriseSummary,
  { plan, categoriser, readPicture, thresholds }: ReviewOptions,
): Promise<void> {
  const { readListed } = await import('../apps/categorise/index.ts');
  const { renderReviewPage } = await import('../report/index.ts');
  const { classNames, preparation } = categoriser;
  const { side, channels } = preparation;
  const { unsureListed, strangeListed, unreadListed, unsure, strange, unread, pictures } = summary;
  const pixels = await readListed([...unsureListed, ...strangeListed], plan(), { readPicture, preparation });
  const shown = ({ name, label, confidence, number }: CategoriseSummary['unsureListed'][number]) => {
    const image = pixels.get(number);
    return {
      name,
      className: classNames[label!]!,
      confidence: confidence!,
      image: image && { width: side, height: side, channels, pixels: image },
    };
  };
  const page = await renderReviewPage({
    classNames,
    facts: [
      ['Pictures', pictures.toLocaleString('en-US')],
      ['Answered without asking', summary.sure.reduce((sum, count) => sum + count, 0).toLocaleString('en-US')],
      ['Asked below a confidence of', thresholds.confidence.toFixed(3)],
      ['Not read', unread.toLocaleString('en-US')],
    ],
    unsure: { total: unsure, pictures: unsureListed.map(shown) },
    strange: { total: strange, pictures: strangeListed.map(shown) },
    unread: { total: unread, files: unreadListed.map(({ name, error }) => ({ name, reason: error!.reason })) },
  });
  await platform.files.write(path, page);
}

function describe(summary: CategoriseSummary, classNames: readonly string[], request: Request): string {
  const { pictures, unsure, strange, unread, sure, unreadListed } = summary;
  const width = Math.max(...classNames.map(({ length }) => length), 14);
  const line = (name: string, count: number): string =>
    `${name.padEnd(width)}  ${count.toLocaleString('en-US').padStart(10)}  ${((100 * count) / pictures).toFixed(1).padStart(5)}%`;
  return [
    `${pictures.toLocaleString('en-US')} pictures: ${request.out}`,
    ...classNames.map((name, label) => line(name, sure[label]!)),
    line('ask: unsure', unsure),
    line('ask: strange', strange),
    line('not read', unread),
    ...unreadListed.slice(0, 10).map(({ name, error }) => `  ${name}: ${error!.reason}`),
    ...(unread > 10 ? [`  and ${unread - 10} more, see the column error`] : []),
    ...(request.review === undefined ? [] : [`What to ask: ${request.review}`]),
    ...(request.sort === undefined ? [] : [`Sorted: ${request.sort}`]),
  ].join('\n');
}
