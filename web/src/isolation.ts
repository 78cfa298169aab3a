// Registers the service worker that adds COOP and COEP, where the site was built with it and the host sends none.
// Invariant: it reloads the page once at most, and never where it would not help.

const TRIED = 'selvedge:isolation-tried';

/** True if the page is about to be loaded anew, isolated. */
export async function isolate(): Promise<boolean> {
  if (!__HAS_ISOLATING_WORKER__ || globalThis.crossOriginIsolated || !('serviceWorker' in navigator)) return false;
  if (sessionStorage.getItem(TRIED)) return false;
  sessionStorage.setItem(TRIED, 'yes');
  try {
    await navigator.serviceWorker.register(new URL('isolate.js', document.baseURI));
    await navigator.serviceWorker.ready;
  } catch {
    return false;
  }
  location.reload();
  return true;
}
