// What the tests of the app are made of: the shipped model's app, images of the sample, files of them. Not a test.
import { readFileSync } from 'node:fs';
import type { Hono } from 'hono';
import { createImageDecoder } from '../../src/data/image-decoder.ts';
import { loadFashionMnistSample } from '../../src/data/sources.ts';
import { createWebpCodec } from '../../src/data/webp-codec.ts';
import { type Classifier, createClassifier } from '../../src/edge/index.ts';
import { type AppOptions, createApp } from '../../src/serve/index.ts';

export const moduleOf = (name: string): WebAssembly.Module =>
  new WebAssembly.Module(readFileSync(new URL(`../../build/${name}`, import.meta.url)));

export const classifier: Classifier = await createClassifier({
  model: readFileSync(new URL('../../assets/models/dropout/dropout.selvedge', import.meta.url)),
  kernels: moduleOf('edge.wasm'),
});
export const decodeImage = createImageDecoder({
  png: moduleOf('png.wasm'),
  jpeg: moduleOf('jpeg.wasm'),
  webp: createWebpCodec(moduleOf('webp.wasm')),
});

/** The app with the shipped model and all codecs. */
export const makeApp = (options: Partial<AppOptions> = {}): Hono => createApp({ classifier, decodeImage, ...options });

const { test: sample } = await loadFashionMnistSample();
export const labels: readonly number[] = [...sample.labels.subarray(0, 100)];

/** Images of the sample, `[count, 28, 28]`. */
export const sampleImages = (count: number, from = 0): Uint8Array =>
  sample.images.slice(from * 784, (from + count) * 784);

export interface Prediction {
  readonly class: string;
  readonly probability: number;
  readonly probabilities: Readonly<Record<string, number>>;
  readonly file?: string;
  readonly ground?: string;
}

export interface Answer {
  readonly status: number;
  readonly images: readonly Prediction[];
  readonly code: string | undefined;
  readonly message: string;
  readonly body: unknown;
}

/** Sends a body to /classify. */
export async function classify(
  app: Pick<Hono, 'request'>,
  type: string | undefined,
  body: BodyInit | Uint8Array | undefined,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const init: RequestInit & { duplex: 'half' } = {
    method: 'POST',
    headers: { ...(type === undefined ? {} : { 'content-type': type }), ...headers },
    duplex: 'half',
  };
  if (body !== undefined) init.body = body as BodyInit;
  const response = await app.request('/classify', init);
  const answered = (await response.json()) as { images?: Prediction[]; error?: { code: string; message: string } };
  return {
    status: response.status,
    images: answered.images ?? [],
    code: answered.error?.code,
    message: answered.error?.message ?? '',
    body: answered,
  };
}
