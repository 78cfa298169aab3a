// The HTTP headers that the page wants: isolation for threads, and a policy under which nothing runs but its own files.
// Not here: the same policy for hosts without headers, which is in index.html. Invariant: a test compares the two.

/** Own files only; WebAssembly may be compiled, nothing may be evaluated; pictures may come from the user. */
export const contentSecurityPolicy =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; worker-src 'self'";

/** Cross-origin isolation gives SharedArrayBuffer, and with it the engine its threads. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
} as const;

export const pageHeaders: Readonly<Record<string, string>> = {
  ...isolationHeaders,
  'Content-Security-Policy': contentSecurityPolicy,
};
