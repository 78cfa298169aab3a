// The contract suite, the fingerprint and the engine's own words in a browser, asked by messages: of a worker or of a page's main thread.
// Not here: who asks. Invariant: an answer is plain data, and what went wrong is one too.
import { type BackendInfo, type BackendOptions, kernelsDigest, startBackend } from '../../src/backend/index.ts';
import { loadFashionMnist, loadFashionMnistSample } from '../../src/data/index.ts';
import { platform } from '../../src/platform/index.ts';
import { type FitState, fingerprintTraining, openCheckpoints } from '../../src/training/index.ts';
import { type ContractReport, problemOf, runContract } from './contract.ts';

/** A fingerprint to take. */
export interface BrowserFingerprintRequest {
  readonly model: string;
  readonly images: number;
  readonly start: BackendOptions;
  /** Address of the folder of the whole data set; default: the sample. */
  readonly data?: string;
  /** Folder of the origin's own files. */
  readonly checkpoints?: string;
  readonly checkpointEvery: number;
}

export interface BrowserFingerprint {
  readonly runtime: { readonly name: string; readonly version: string };
  readonly engine: BackendInfo;
  readonly weights: string;
  readonly kernels: string;
  readonly updates: number;
  /** Fewer than all of them where it went on from a checkpoint. */
  readonly updatesNow: number;
}

/** What may be asked, and the answer to it. */
export interface BrowserAnswers {
  readonly contract: { request: { folder: string; starts: readonly BackendOptions[] }; answer: ContractReport };
  readonly engine: { request: BackendOptions; answer: BackendInfo };
  /** The engine goes on: whoever asks ends it. */
  readonly start: { request: BackendOptions; answer: BackendInfo };
  readonly fingerprint: { request: BrowserFingerprintRequest; answer: BrowserFingerprint };
  /** Files that are there, of folders and names of the origin's own. */
  readonly status: { request: { path: string }; answer: number | null };
}

export interface BrowserRequest<K extends keyof BrowserAnswers = keyof BrowserAnswers> {
  readonly kind: K;
  readonly request: BrowserAnswers[K]['request'];
}

export type BrowserAnswer<T = unknown> = { readonly value: T } | { readonly problem: string };

async function engineOf(start: BackendOptions): Promise<BackendInfo> {
  const { info, stop } = await startBackend(start);
  await stop();
  return info;
}

async function takeFingerprint(request: BrowserFingerprintRequest): Promise<BrowserFingerprint> {
  const { model, images, start, data, checkpoints, checkpointEvery } = request;
  const engine = await startBackend(start);
  try {
    const { train } = await (data === undefined
      ? loadFashionMnistSample()
      : loadFashionMnist({ folder: data, allowSample: false }));
    const { weights, updates, updatesNow } = await fingerprintTraining({
      model,
      dataset: train,
      images,
      ...(checkpoints === undefined ? {} : { checkpoints: openCheckpoints<FitState>(checkpoints), checkpointEvery }),
    });
    const { runtime } = platform;
    return { runtime, engine: engine.info, weights, kernels: await kernelsDigest(), updates, updatesNow };
  } finally {
    await engine.stop();
  }
}

const answers: { readonly [K in keyof BrowserAnswers]: (request: BrowserAnswers[K]['request']) => Promise<unknown> } = {
  contract: runContract,
  engine: engineOf,
  start: async (start) => (await startBackend(start)).info,
  fingerprint: takeFingerprint,
  status: async ({ path }) => (await platform.files.status(path))?.bytes ?? null,
};

/** Answers on the thread that it is called on. */
export async function answer({ kind, request }: BrowserRequest): Promise<BrowserAnswer> {
  try {
    return { value: await answers[kind](request as never) };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}
