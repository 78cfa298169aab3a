// Threads that read pictures beside the event loop, and the queue before them. Not here: what a thread does (picture-worker.ts), and
// reading pictures where there are no threads (picture-reader.ts). Invariant: every file that is taken is answered, also where a
// thread dies, hangs or the pool is closed; a file that a thread died of ends no more than that one.
import { type ErrorCode, messageOf, SelvedgeError } from '../core/errors.ts';
import { type ConnectedWorker, compileEngineFile, platform } from '../platform/index.ts';
import type { DecodeOptions } from './image-decoder.ts';
import type { ReadOptions, ReadPicture } from './picture-reader.ts';
import type { PictureAnswer, PictureJob, PictureWorkerData } from './picture-worker.ts';

/** For who has no more files open than threads need: nothing that it asks for is too much. */
export const unlimitedWaiting = { maximumWaiting: Infinity, maximumWaitingBytes: Infinity } as const;

export interface PicturePoolOptions {
  /** Threads; default: one a core. */
  readonly workers?: number;
  /** Pictures that may wait for a thread; default 256. */
  readonly maximumWaiting?: number;
  /** Bytes that those may have together, unless it is one alone; default 64 MiB. */
  readonly maximumWaitingBytes?: number;
  /** What a picture may take before its thread is given up; default 30 seconds. */
  readonly limitMs?: number;
  /** What threads run, such as what finds something else in pictures; it answers as picture-worker.ts does. */
  readonly script?: URL;
}

/** What is no fault of a picture. */
export type PoolErrorCode = 'pictures/busy' | 'pictures/stopped' | 'pictures/worker';

/** Compiled, whatever asks for it: threads are started without a loader. */
const workerUrl = (): URL => new URL('../../dist/data/picture-worker.js', import.meta.url);

/** Files that a thread has at once: the next is there when one is done. */
const FILES_AT_ONCE = 2;
/** A thread that has not said by then that it is ready never will. */
const START_LIMIT_MS = 10_000;

interface Job<Options extends DecodeOptions, Picture> extends PictureJob<Options> {
  resolve(picture: Picture): void;
  reject(error: unknown): void;
}

/** The place of a thread, which may be empty until there is work. */
interface Seat<Options extends DecodeOptions, Picture> {
  worker: ConnectedWorker | undefined;
  /** What it was given, in this order; the first is being read. */
  jobs: Job<Options, Picture>[];
  watchdog: ReturnType<typeof setTimeout> | undefined;
}

/** Owns its threads: `close` it. Options and answers are those of its script. */
export class PicturePool<Options extends DecodeOptions = ReadOptions, Picture = ReadPicture> {
  readonly #options: Required<PicturePoolOptions>;
  readonly #data: PictureWorkerData;
  readonly #seats: Seat<Options, Picture>[];
  #waiting: Job<Options, Picture>[] = [];
  #waitingBytes = 0;
  #isClosed = false;

  /** Threads that it has. */
  get threads(): number {
    return this.#seats.length;
  }

  private constructor(options: Required<PicturePoolOptions>, data: PictureWorkerData) {
    this.#options = options;
    this.#data = data;
    this.#seats = Array.from({ length: options.workers }, () => ({ worker: undefined, jobs: [], watchdog: undefined }));
  }

  /**
   * Starts a pool and waits until every thread is ready.
   *
   * @throws SelvedgeError `pictures/worker-start` where threads cannot be had; `files/engine-file` in a checkout that is not built
   */
  static async start<Options extends DecodeOptions = ReadOptions, Picture = ReadPicture>(
    options: PicturePoolOptions = {},
  ): Promise<PicturePool<Options, Picture>> {
    const [png, jpeg, webp] = await Promise.all([
      compileEngineFile('png.wasm'),
      compileEngineFile('jpeg.wasm'),
      compileEngineFile('webp.wasm'),
    ]);
    const all: Required<PicturePoolOptions> = {
      workers: coresHere(),
      maximumWaiting: 256,
      maximumWaitingBytes: 64 * 1024 * 1024,
      limitMs: 30_000,
      script: workerUrl(),
      ...options,
    };
    const pool = new PicturePool<Options, Picture>(all, { png, jpeg, webp });
    try {
      await Promise.all(pool.#seats.map((seat) => pool.#startWorker(seat)));
      return pool;
    } catch (cause) {
      await pool.close();
      const message = `Cannot start ${all.workers} threads that read pictures: ${messageOf(cause)}`;
      throw new SelvedgeError('pictures/worker-start', message, { cause });
    }
  }

  /**
   * Reads a picture on a thread.
   *
   * @throws SelvedgeError as `PictureReader`; `pictures/busy`, `pictures/stopped`, `pictures/worker`
   */
  readonly read = (bytes: Uint8Array, options: Options): Promise<Picture> =>
    new Promise((resolve, reject) => {
      if (this.#isClosed) throw stopped();
      if (!this.#freeSeat() && this.#isFull(bytes.length)) {
        throw failure('pictures/busy', `Cannot take "${options.name}": ${this.#waiting.length} pictures wait already`);
      }
      this.#waiting.push({ bytes, options, resolve, reject });
      this.#waitingBytes += bytes.length;
      this.#assign();
    });

  /** Ends the threads; what waits or is being read is rejected as `pictures/stopped`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const jobs = [...this.#seats.flatMap((seat) => seat.jobs), ...this.#waiting];
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const job of jobs) job.reject(stopped());
    const workers = this.#seats.map(({ worker }) => worker);
    for (const seat of this.#seats) {
      clearTimeout(seat.watchdog);
      seat.worker = undefined;
      seat.jobs = [];
    }
    await Promise.all(workers.map((worker) => worker?.terminate()));
  }

  /** Resolves when the thread is ready. */
  #startWorker(seat: Seat<Options, Picture>): Promise<void> {
    const worker = platform.connectWorker!(this.#options.script, this.#data);
    seat.worker = worker;
    return new Promise((resolve, reject) => {
      worker.hold(true);
      const late = setTimeout(() => end(`it was not ready within ${START_LIMIT_MS} ms`), START_LIMIT_MS);
      const end = (reason: string): void => {
        clearTimeout(late);
        reject(new Error(reason));
        if (seat.worker === worker) this.#ended(seat, reason);
      };
      worker.onEnd(end);
      worker.onMessage((message) => {
        const answer = message as PictureAnswer<Picture>;
        if (answer.picture || answer.error) {
          if (seat.worker === worker) this.#answered(seat, answer);
          return;
        }
        clearTimeout(late);
        if (seat.jobs.length === 0) worker.hold(false);
        resolve();
      });
    });
  }

  #isFull(bytes: number): boolean {
    const { maximumWaiting, maximumWaitingBytes } = this.#options;
    if (this.#waiting.length >= maximumWaiting) return true;
    return this.#waiting.length > 0 && this.#waitingBytes + bytes > maximumWaitingBytes;
  }

  #freeSeat(): Seat<Options, Picture> | undefined {
    let free: Seat<Options, Picture> | undefined;
    for (const seat of this.#seats) {
      if (seat.jobs.length < FILES_AT_ONCE && (!free || seat.jobs.length < free.jobs.length)) free = seat;
    }
    return free;
  }

  /** Gives what waits to the threads that have least. */
  #assign(): void {
    for (let seat = this.#freeSeat(); seat && this.#waiting.length > 0; seat = this.#freeSeat()) {
      const job = this.#waiting.shift()!;
      this.#waitingBytes -= job.bytes.length;
      try {
        // One that ends before it is ready has ended its first file.
        if (!seat.worker) this.#startWorker(seat).catch(() => {});
      } catch (cause) {
        job.reject(threadError(job, 'no thread could be started to read it', cause));
        continue;
      }
      seat.jobs.push(job);
      // A copy of its own: the bytes may lie in a buffer that others read from.
      const bytes = job.bytes.slice();
      seat.worker!.post({ bytes, options: job.options } satisfies PictureJob<Options>, [bytes.buffer]);
      if (seat.jobs.length === 1) this.#begin(seat);
    }
  }

  /** Watches over the first of a thread's files. */
  #begin(seat: Seat<Options, Picture>): void {
    const { worker } = seat;
    const { limitMs } = this.#options;
    worker!.hold(true);
    seat.watchdog = setTimeout(() => {
      if (seat.worker === worker) this.#ended(seat, `it took longer than ${limitMs} ms`);
      worker!.terminate().catch(() => {});
    }, limitMs);
  }

  #answered(seat: Seat<Options, Picture>, { picture, error }: PictureAnswer<Picture>): void {
    clearTimeout(seat.watchdog);
    const job = seat.jobs.shift();
    if (picture) job?.resolve(picture);
    else if (error) job?.reject(error.code ? new SelvedgeError(error.code, error.message) : new Error(error.message));
    if (seat.jobs.length > 0) this.#begin(seat);
    else seat.worker?.hold(false);
    this.#assign();
  }

  /** The file that was being read is answered with an error; those behind it go to other threads. */
  #ended(seat: Seat<Options, Picture>, reason: string): void {
    clearTimeout(seat.watchdog);
    seat.worker = undefined;
    const [culprit, ...others] = seat.jobs;
    seat.jobs = [];
    this.#waiting.unshift(...others);
    this.#waitingBytes += others.reduce((sum, { bytes }) => sum + bytes.length, 0);
    culprit?.reject(threadError(culprit, 'the thread that read it ended', new Error(reason)));
    this.#assign();
  }
}

/** Deno asks for a permission before it tells of the machine, and for none before it tells this. */
function coresHere(): number {
  try {
    return platform.machine().cores;
  } catch {
    return Math.max(1, globalThis.navigator?.hardwareConcurrency ?? 1);
  }
}

const failure = (code: PoolErrorCode & ErrorCode, message: string, cause?: unknown): SelvedgeError =>
  new SelvedgeError(code, message, { cause });

const stopped = (): SelvedgeError =>
  failure('pictures/stopped', 'Cannot answer: the threads that read pictures are ended');

const threadError = ({ options }: PictureJob<DecodeOptions>, reason: string, cause: unknown): SelvedgeError =>
  failure('pictures/worker', `Cannot read "${options.name}": ${reason}`, cause);
