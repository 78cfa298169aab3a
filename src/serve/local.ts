// The app where there are files and threads: with the shipped model or another one, with the codecs of this package, reading pictures on
// threads of its own and classifying what waits together. Not here: edge runtimes, where all of it is handed in (index.ts).
// Invariant: everything is read before the first request; where there are no threads, answers are the same.
import type { Hono } from 'hono';
import { SelvedgeError } from '../core/errors.ts';
import { decodeImage } from '../data/image-codecs.ts';
import { PicturePool, type PoolErrorCode } from '../data/picture-pool.ts';
import type { PictureReader } from '../data/picture-reader.ts';
import { createClassifier } from '../edge/index.ts';
import { readShippedFile } from '../models/shipped.ts';
import { compileEngineFile, platform } from '../platform/index.ts';
import { requestError } from './answer-error.ts';
import { type AppOptions, createApp } from './app.ts';
import { batchedClassifier } from './batched-classifier.ts';
import type { FindRequest, PictureItems } from './detect-routes.ts';
import type { DesignOrder, MadeDesigns } from './generate-routes.ts';
import { onOwnThread } from './own-thread.ts';

export interface LocalAppOptions extends Omit<AppOptions, 'classifier' | 'decodeImage' | 'readPicture'> {
  /** A model file, as `selvedge export` writes it; default: `best` of the shipped ones. */
  readonly model?: Uint8Array;
  /** Threads that read pictures; default: one a core. 0: none, pictures are read where requests are answered. */
  readonly workers?: number;
  /** Pictures that may wait for a thread before more are answered with 503, `serve/busy`; default 256. */
  readonly maximumWaiting?: number;
}

/** The app, which owns its threads. */
export type LocalApp = Hono & {
  /** Ends the threads; who still waits is answered with 503, `serve/stopped`. They keep no process alive that has nothing to read. */
  close(): Promise<void>;
};

/**
 * Makes the app of `createApp` with what is on this machine; on Node, Bun and Deno.
 *
 * @param options Another model, limits, how many threads
 * @returns The app, ready to answer
 * @throws SelvedgeError `edge/…` for a model that cannot be read, `files/engine-file` in a checkout that is not built
 * @example
 * ```ts
 * import { createLocalApp } from 'selvedge/serve/local';
 * const app = await createLocalApp();
 * const answer = await app.request('/model');
 * console.assert((await answer.json()).labels[9] === 'Ankle boot');
 * await app.close();
 * ```
 */
export async function createLocalApp({
  model,
  workers,
  maximumWaiting,
  ...options
}: LocalAppOptions = {}): Promise<LocalApp> {
  const classifier = await createClassifier({
    model: model ?? (await readShippedFile('best')),
    kernels: await compileEngineFile('edge.wasm'),
  });
  const pool = await startPool({
    ...(workers === undefined ? {} : { workers }),
    ...(maximumWaiting === undefined ? {} : { maximumWaiting }),
    onError: options.onError,
  });
  const threads = { hasThreads: pool !== undefined, ...(maximumWaiting === undefined ? {} : { maximumWaiting }) };
  const detector = onOwnThread<FindRequest, PictureItems>({
    ...threads,
    script: new URL('../../dist/serve/detector-worker.js', import.meta.url),
    openHere: async () => (await import('./picture-items.ts')).createItemFinder(decodeImage),
  });
  const designer = onOwnThread<DesignOrder, MadeDesigns>({
    ...threads,
    script: new URL('../../dist/serve/generator-worker.js', import.meta.url),
    openHere: async () => (await import('./made-designs.ts')).createDesigner(decodeImage),
  });
  const { name, version } = platform.runtime;
  const app = createApp({
    runtime: `${name} ${version}`,
    detector: { find: (bytes, request) => fromPool(detector.answer(bytes, request)) },
    designer: { make: (picture, order) => fromPool(designer.answer(picture, order)) },
    ...options,
    classifier: batchedClassifier(classifier, platform),
    decodeImage,
    ...(pool && { readPicture: readBy(pool) }),
  });
  return Object.assign(app, {
    close: async () => void (await Promise.all([pool?.close(), detector.close(), designer.close()])),
  });
}

/** What clients are told where the threads are at fault. */
const codes = {
  'pictures/busy': 'serve/busy',
  'pictures/stopped': 'serve/stopped',
  'pictures/worker': 'serve/picture-worker',
} as const satisfies Record<PoolErrorCode, string>;

const readBy =
  (pool: PicturePool): PictureReader =>
  (bytes, options) =>
    fromPool(pool.read(bytes, options));

async function fromPool<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof SelvedgeError) || !Object.hasOwn(codes, error.code)) throw error;
    throw requestError(codes[error.code as PoolErrorCode], error.message, error.cause);
  }
}

/** Undefined where there are to be no threads, or where none can be had: that is told, and pictures are read all the same. */
async function startPool({
  onError,
  ...options
}: {
  readonly workers?: number;
  readonly maximumWaiting?: number;
  readonly onError: AppOptions['onError'];
}): Promise<PicturePool | undefined> {
  if (options.workers === 0 || !platform.connectWorker) return undefined;
  try {
    return await PicturePool.start(options);
  } catch (error) {
    onError?.(error);
    return undefined;
  }
}
