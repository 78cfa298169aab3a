// Which kernels a model file was made for, and how a compiled module says that it is those.
// Not here: what they compute, see assembly/edge.ts. Invariant: a module that was not built by `selvedge build` is refused.
import { SelvedgeError } from '../core/errors.ts';

/** Custom section of build/edge.wasm that holds the sha256 of the module before it was added. */
export const KERNELS_SECTION = 'selvedge.kernels';

const DIGEST_BYTES = 32;

/**
 * The digest of the kernels in a compiled module.
 *
 * @param kernels build/edge.wasm, compiled
 * @returns 64 lower-case hexadecimal digits
 * @throws SelvedgeError `edge/kernels` for a module of another origin
 */
export function edgeKernelsDigest(kernels: WebAssembly.Module): string {
  const section = sectionOf(kernels);
  if (section?.byteLength === DIGEST_BYTES) return hexadecimal(new Uint8Array(section));
  throw new SelvedgeError(
    'edge/kernels',
    'Cannot run a model on these kernels: expected build/edge.wasm of this package as a WebAssembly.Module, got another module',
  );
}

function sectionOf(kernels: WebAssembly.Module): ArrayBuffer | undefined {
  try {
    return WebAssembly.Module.customSections(kernels, KERNELS_SECTION)[0];
  } catch {
    // Asked of what is no module. Where modules come from another realm, `instanceof` would say so of modules too.
    return undefined;
  }
}

export const hexadecimal = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
