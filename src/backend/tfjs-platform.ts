// What tfjs must know of a runtime that it does not know: it finds its way about in browsers and Node alone, and elsewhere (Vercel's edge)
// stops at the first tensor. Not our own platform, of which tfjs knows nothing. Invariant: where tfjs has chosen, nothing is changed.
import { env } from '@tensorflow/tfjs-core';

const TENSOR_VALUES = new Set(['Float32Array', 'Int32Array', 'Uint8Array', 'Uint8ClampedArray']);

/** Gives tfjs the web's own functions where it has none. */
export function providePlatform(): void {
  const environment = env();
  if (environment.platform !== undefined) return;
  environment.setPlatform('web', {
    fetch: (path, init) => fetch(path, init),
    now: () => performance.now(),
    encode: (text) => new TextEncoder().encode(text),
    decode: (bytes, encoding) => new TextDecoder(encoding).decode(bytes),
    // By name: what a host hands into another realm is no instance of that realm's classes.
    isTypedArray: (value): value is Float32Array =>
      ArrayBuffer.isView(value) && TENSOR_VALUES.has(Object.prototype.toString.call(value).slice(8, -1)),
  });
}
