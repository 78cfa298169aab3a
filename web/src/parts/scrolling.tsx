// A box that scrolls by itself where the screen is too narrow, by keys too. Invariant: the page itself never scrolls sideways.
import type { ComponentChildren } from 'preact';

export function Scrolling({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys (WCAG 2.1.1)
    <section class="scrolling" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
