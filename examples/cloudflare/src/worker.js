// Answers over HTTP on Cloudflare Workers what pictures show. Modules are compiled when the worker is deployed.

import model from 'selvedge/assets/models/dropout/dropout.selvedge';
import kernels from 'selvedge/build/edge.wasm';
import jpeg from 'selvedge/build/jpeg.wasm';
import png from 'selvedge/build/png.wasm';
import { createClassifier } from 'selvedge/edge';
import { createApp, createImageDecoder } from 'selvedge/serve';

export default createApp({
  classifier: createClassifier({ model, kernels }),
  decodeImage: createImageDecoder({ png, jpeg }),
  // A worker has 128 MB; a decoded picture is held twice, at four bytes a pixel.
  limits: { maximumPixels: 6_000_000 },
  runtime: navigator.userAgent,
  onError: console.error,
});
