// The HTTP app: what a trained model answers to whoever asks over the web, the same on every runtime. Not here: listening on a port
// (`selvedge serve`, or the runtime), finding model and codecs (local.ts). Invariant: whatever is sent, the app answers and goes on.
import { type Context, Hono } from 'hono';
import { SelvedgeError } from '../core/errors.ts';
import { version } from '../core/version.ts';
import type { ImageDecoder } from '../data/image-decoder.ts';
import { createPictureReader, type PictureReader } from '../data/picture-reader.ts';
import { type Preparation, preparationOf } from '../data/preparation.ts';
import type { Classifier } from '../edge/index.ts';
import { answerError, requestError } from './answer-error.ts';
import { addDetectRoute, type DetectorService, detectPath } from './detect-routes.ts';
import { addGenerateRoute, type DesignService, generatePath } from './generate-routes.ts';
import { addInspectRoute, type InspectionService, inspectPath } from './inspect-routes.ts';
import { openApiDocument } from './openapi.ts';
import {
  type ImageForm,
  type PictureDetails,
  type RequestImages,
  type RequestLimits,
  readRequestImages,
} from './request-images.ts';
import { addShopRoutes, type ShopService, shopPaths } from './shop-routes.ts';

/** A model that answers at once, as a `Classifier` does, or later. */
export interface AnyClassifier {
  readonly model: Classifier['model'];
  classify(images: Uint8Array): Float32Array | PromiseLike<Float32Array>;
}

export interface AppOptions {
  /** A model that is ready, or soon will be; while it cannot be had, every answer is 503. */
  readonly classifier: AnyClassifier | PromiseLike<AnyClassifier>;
  /** Of `createImageDecoder`; without it PNG, JPEG and WebP are answered with 415. */
  readonly decodeImage?: ImageDecoder;
  /** Reads pictures in place of `decodeImage`, elsewhere than on this thread. */
  readonly readPicture?: PictureReader;
  /** Default: 10 MiB a body, 256 images, 16 million pixels of pictures a request. */
  readonly limits?: Partial<RequestLimits>;
  /** A catalogue to search, such as of shop.ts: then there are `POST /similar` and `POST /recommend`, too. */
  readonly shop?: ShopService;
  /** Finds items in pictures of any size: then there is `POST /detect`, too. `createLocalApp` has the detector that ships. */
  readonly detector?: DetectorService;
  /** Tells what deviates from good pictures, such as of inspection.ts: then there is `POST /inspect`, too. */
  readonly inspection?: InspectionService;
  /** Makes designs: then there is `POST /generate`, too. `createLocalApp` has the generator that ships. */
  readonly designer?: DesignService;
  /** What `/health` says of where it runs. */
  readonly runtime?: string;
  /** Hears of what went wrong on this side; the client does not. */
  readonly onError?: (error: unknown) => void;
}

const defaultLimits: RequestLimits = {
  maximumBodyBytes: 10 * 1024 * 1024,
  maximumImages: 256,
  maximumPixels: 16_000_000,
};

const paths = { classify: '/classify', health: '/health', model: '/model', openapi: '/openapi.json' } as const;

/**
 * Makes the app. It is a Hono app: its `fetch` is what Bun, Deno, Cloudflare and Vercel call, and it can be mounted in another one.
 *
 * @param options The model, codecs and limits
 * @returns `POST /classify`, `GET /health`, `GET /model`, `GET /openapi.json`; every error is JSON, `{error: {code, message}}`
 * @example
 * ```ts
 * import { type Classifier, createApp } from 'selvedge/serve';
 * const classifier: Classifier = {
 *   model: {
 *     name: 'dark or light', labels: ['dark', 'light'], inputShape: [28, 28, 1], settings: {}, fingerprint: '',
 *     formatVersion: 1, kernels: '',
 *   },
 *   classify: (images) => Float32Array.of(1 - images[0]! / 255, images[0]! / 255),
 * };
 * const app = createApp({ classifier });
 * const body = new Uint8Array(784).fill(255, 0, 300);
 * const headers = { 'content-type': 'application/octet-stream' };
 * const answer = await app.request('/classify', { method: 'POST', body, headers });
 * console.assert((await answer.json()).images[0].class === 'light');
 * ```
 */
export function createApp(options: AppOptions): Hono {
  const limits = { ...defaultLimits, ...options.limits };
  const { decodeImage, onError, runtime, shop, detector, inspection, designer } = options;
  const readPicture = options.readPicture ?? (decodeImage && createPictureReader(decodeImage));
  const classifier = settled(options.classifier, onError);
  const app = new Hono();

  // Where no picture becomes such an image, pixels are taken alone.
  const readImagesAs = (request: Request, form: ImageForm): Promise<RequestImages> =>
    readRequestImages(request, { ...limits, form, readPicture: form.preparation && readPicture });
  const readImages = (request: Request, { model }: AnyClassifier): Promise<RequestImages> =>
    readImagesAs(request, formOf(model));
  app.post(paths.classify, async (context) => {
    const ready = await classifier();
    const { model } = ready;
    const { pixels, details } = await readImages(context.req.raw, ready);
    const probabilities = await ready.classify(pixels);
    return context.json({
      model: { name: model.name, fingerprint: model.fingerprint },
      images: details.map((found, i) => prediction(model.labels, probabilities, i, found)),
    });
  });
  if (shop) {
    addShopRoutes(app, shop, {
      readImages: (request) => readImagesAs(request, shop.form),
      maximumBodyBytes: limits.maximumBodyBytes,
    });
  }
  if (detector) addDetectRoute(app, detector, limits);
  if (inspection) {
    addInspectRoute(app, inspection, (request, preparation) => readImagesAs(request, inspectedForm(preparation)));
  }
  if (designer) addGenerateRoute(app, designer, limits);
  app.get(paths.health, async (context) =>
    context.json({ status: 'ok', version, runtime, model: (await classifier()).model.name }),
  );
  app.get(paths.model, async (context) => context.json((await classifier()).model));
  app.get(paths.openapi, async (context) => {
    const { model } = await classifier();
    const form = formOf(model);
    const hasCodecs = readPicture !== undefined && form.preparation !== undefined;
    return context.json(
      openApiDocument({
        model,
        form,
        limits,
        hasCodecs,
        ...(shop && { shopForm: shop.form }),
        hasDetector: detector !== undefined,
        ...(inspection && { inspectors: inspection.inspectors }),
        hasDesigner: designer !== undefined,
      }),
    );
  });
  const known = [
    ...Object.values(paths),
    ...(shop ? shopPaths : []),
    ...(detector ? [detectPath] : []),
    ...(inspection ? [inspectPath] : []),
    ...(designer ? [generatePath] : []),
  ];
  for (const path of known) app.all(path, (context) => methodNotAllowed(context, path));
  app.notFound((context) =>
    answer(
      context,
      requestError('request/not-found', `Cannot find "${context.req.path}": expected ${known.join(', ')}`),
    ),
  );
  app.onError((error, context) => {
    if (answerError(error).status === 500) onError?.(error);
    return answer(context, error);
  });
  return app;
}

/** Asks for the model when it is needed, and says 503 while it cannot be had. */
function settled(classifier: AppOptions['classifier'], onError: AppOptions['onError']): () => Promise<AnyClassifier> {
  const ready = Promise.resolve(classifier).then(checkShape);
  // A rejection is told to whoever asks; until then it must not end the process.
  ready.catch((error: unknown) => onError?.(error));
  return async () => {
    try {
      return await ready;
    } catch (cause) {
      throw requestError('serve/no-model', 'Cannot answer: the model could not be loaded', cause);
    }
  };
}

/** What a model says of its images, checked. */
const formOf = ({ inputShape, settings }: AnyClassifier['model']): ImageForm => ({
  shape: inputShape,
  preparation: preparationOf(inputShape, settings),
});

const inspectedForm = (preparation: Preparation): ImageForm => ({
  shape: [preparation.side, preparation.side, preparation.channels],
  preparation,
});

function checkShape(classifier: AnyClassifier): AnyClassifier {
  const { inputShape } = classifier.model;
  const [height, width, channels] = inputShape;
  if (height > 0 && width > 0 && (channels === 1 || channels === 3)) {
    formOf(classifier.model);
    return classifier;
  }
  throw new SelvedgeError(
    'serve/model-shape',
    `Cannot serve the model: expected images of one or three channels, got ${inputShape.join(' x ')}`,
  );
}

function prediction(
  labels: readonly string[],
  probabilities: Float32Array,
  index: number,
  details: PictureDetails | undefined,
): object {
  const own = probabilities.subarray(index * labels.length, (index + 1) * labels.length);
  const best = own.reduce((at, value, label) => (value > own[at]! ? label : at), 0);
  return {
    class: labels[best],
    probability: own[best],
    probabilities: Object.fromEntries(labels.map((label, i) => [label, own[i]])),
    ...details,
  };
}

function methodNotAllowed(context: Context, path: string): Response {
  const posts: readonly string[] = [paths.classify, detectPath, inspectPath, generatePath, ...shopPaths];
  const allowed = posts.includes(path) ? 'POST' : 'GET, HEAD';
  context.header('allow', allowed);
  return answer(
    context,
    requestError('request/method', `Cannot ${context.req.method} "${path}": expected ${allowed.replace(',', ' or')}`),
  );
}

function answer(context: Context, error: unknown): Response {
  const { status, body } = answerError(error);
  if (body.error.code === 'serve/busy') context.header('retry-after', '1');
  return context.json(body, status);
}
