// The contract suite as a worker of an edge runtime, asked over HTTP: GET /contract answers with the report, GET /fingerprint with a digest
// of weights. Not an example of serving. Invariant: it needs no eval, no files, no threads and no compiler of WebAssembly.
import { kernelsDigest, startBackend } from '../../src/backend/index.ts';
import { loadFashionMnist, loadFashionMnistSample } from '../../src/data/index.ts';
import { type ProvidedFiles, platform, provideFiles } from '../../src/platform/index.ts';
import { fingerprintTraining } from '../../src/training/index.ts';
import { problemOf, runContract } from './contract.ts';

/** What GET /fingerprint answers. */
export interface EdgeFingerprint {
  readonly runtime: { readonly name: string; readonly version: string };
  readonly weights: string;
  readonly kernels: string;
}

/** What GET /limits answers: what the edge must refuse, or else the suite has shown nothing of it. */
export interface EdgeLimits {
  readonly evaluates: boolean;
  readonly compiles: boolean;
}

/** The smallest module: a magic number and a version. */
const EMPTY_MODULE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);

async function findLimits(): Promise<EdgeLimits> {
  const succeeds = (run: () => unknown): Promise<boolean> =>
    Promise.resolve()
      .then(run)
      .then(
        () => true,
        () => false,
      );
  return {
    evaluates: await succeeds(() => new Function('return 1')()),
    compiles: await succeeds(() => WebAssembly.compile(EMPTY_MODULE)),
  };
}

/** @param folder Address of the whole data set; without it the sample is taken */
async function takeFingerprint(model: string, images: number, folder: string | null): Promise<EdgeFingerprint> {
  const engine = await startBackend();
  try {
    const { train } = folder === null ? await loadFashionMnistSample() : await loadFashionMnist({ folder });
    const { weights } = await fingerprintTraining({ model, dataset: train, images });
    return { runtime: platform.runtime, weights, kernels: await kernelsDigest() };
  } finally {
    await engine.stop();
  }
}

/**
 * Answers a request.
 *
 * @param modules The engine's WebAssembly, compiled before
 * @returns JSON; of what went wrong the status is 500 and the body the text of the error
 */
export async function answer(request: Request, modules: ProvidedFiles): Promise<Response> {
  provideFiles(modules);
  const { pathname, searchParams } = new URL(request.url);
  try {
    // Threads that are asked for are refused here with the reason: only that start stands for all.
    if (pathname === '/contract') return Response.json(await runContract({ starts: [{}] }));
    if (pathname === '/limits') return Response.json(await findLimits());
    if (pathname !== '/fingerprint') return new Response(`Unknown path "${pathname}"`, { status: 404 });
    const [model, images] = [searchParams.get('model')!, Number(searchParams.get('images'))];
    return Response.json(await takeFingerprint(model, images, searchParams.get('data')));
  } catch (error) {
    return new Response(problemOf(error), { status: 500 });
  }
}
