// Which view is shown: the fragment of the address. Links are links, and the browser's own buttons work.
import { signal } from '@preact/signals';
import { type Route, routes } from './routes.ts';

function current(): Route {
  const name = location.hash.slice(1);
  return routes.find((route) => route === name) ?? 'classify';
}

export const route = signal<Route>(current());

window.addEventListener('hashchange', () => {
  // Other fragments, such as that of the link past the navigation, are places in the view.
  if (location.hash !== '' && !routes.some((name) => `#${name}` === location.hash)) return;
  route.value = current();
  scrollTo({ top: 0 });
  // A screen reader begins to read at the new view, as it would on a new page.
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main')?.focus());
});
