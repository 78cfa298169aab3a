// A service worker that adds the headers of cross-origin isolation to every answer, for hosts that cannot send them. It caches nothing.
// Built into the site by `npm run web:build -- --isolate`, and registered by the page where it is not isolated already.
// Invariant: answers are those of the host, but for three headers; what is of another origin is left alone.
/// <reference lib="webworker" />
const scope = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

scope.addEventListener('install', () => {
  void scope.skipWaiting();
});

scope.addEventListener('activate', (event) => {
  event.waitUntil(scope.clients.claim());
});

/** @param {Request} request */
async function isolated(request) {
  const response = await fetch(request);
  // An opaque answer has no headers to change.
  if (response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  const { status, statusText } = response;
  const body = [101, 204, 205, 304].includes(status) ? null : response.body;
  return new Response(body, { status, statusText, headers });
}

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  if (new URL(request.url).origin !== scope.location.origin) return;
  // A browser refuses to have these fetched by anyone but itself.
  if (request.cache === 'only-if-cached' && request.mode !== 'same-origin') return;
  event.respondWith(isolated(request));
});
