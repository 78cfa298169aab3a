// The app where there are files: with the shipped model or another one, and with the codecs of this package.
// Not here: edge runtimes, where all of it is handed in (index.ts). Invariant: everything is read before the first request.
import type { Hono } from 'hono';
import { decodeImage } from '../data/image-codecs.ts';
import { createClassifier } from '../edge/index.ts';
import { compileEngineFile, platform } from '../platform/index.ts';
import { type AppOptions, createApp } from './app.ts';

/** A function, because bundles for the edge have no `import.meta.url`. */
const shippedModelUrl = (): URL => new URL('../../assets/models/dropout/dropout.selvedge', import.meta.url);

export interface LocalAppOptions extends Omit<AppOptions, 'classifier' | 'decodeImage'> {
  /** A model file, as `selvedge export` writes it; default: the shipped model. */
  readonly model?: Uint8Array;
}

/**
 * Makes the app of `createApp` with what is on this machine; on Node, Bun and Deno.
 *
 * @param options Another model, limits
 * @returns The app, ready to answer
 * @throws SelvedgeError `edge/…` for a model that cannot be read, `files/engine-file` in a checkout that is not built
 * @example
 * ```ts
 * import { createLocalApp } from 'selvedge/serve/local';
 * const app = await createLocalApp();
 * const answer = await app.request('/model');
 * console.assert((await answer.json()).labels[9] === 'Ankle boot');
 * ```
 */
export async function createLocalApp({ model, ...options }: LocalAppOptions = {}): Promise<Hono> {
  const classifier = await createClassifier({
    model: model ?? (await platform.readUrl(shippedModelUrl())),
    kernels: await compileEngineFile('edge.wasm'),
  });
  const { name, version } = platform.runtime;
  return createApp({ runtime: `${name} ${version}`, ...options, classifier, decodeImage });
}
