// Answers over HTTP on Vercel's edge what pictures show. `?module` has WebAssembly compiled when the function is deployed.
import { createClassifier } from 'selvedge/edge';
import { createApp, createImageDecoder } from 'selvedge/serve';
import kernels from '../lib/edge.wasm?module';
import jpeg from '../lib/jpeg.wasm?module';
import model from '../lib/model.js';
import png from '../lib/png.wasm?module';

export const config = { runtime: 'edge' };

const app = createApp({
  classifier: createClassifier({ model, kernels }),
  decodeImage: createImageDecoder({ png, jpeg }),
  limits: { maximumPixels: 6_000_000 },
  runtime: globalThis.EdgeRuntime,
  onError: console.error,
});

export default (request) => app.fetch(request);
