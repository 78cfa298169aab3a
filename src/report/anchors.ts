// Published figures beside ours. Invariant: where none is known, that is said.
import { type Markup, markup } from './page.ts';
import type { ReportAnchor } from './uses-input.ts';

/** Published values of what a pattern names, the least to the most where they are numbers. */
export function publishedOf(anchors: readonly ReportAnchor[], pattern = /./): string | undefined {
  const values = anchors.filter(({ figure }) => pattern.test(figure)).map(({ value }) => value);
  const numbers = values.filter((value) => typeof value === 'number');
  if (numbers.length < 2) return values.length === 0 ? undefined : values.join('; ');
  return `${Math.min(...numbers)} to ${Math.max(...numbers)}`;
}

/** All of them with their sources. */
export function publishedFigures(anchors: readonly ReportAnchor[]): Markup {
  if (anchors.length === 0) return markup`<p>No published figure of this is known.</p>`;
  const entries = anchors.map(({ figure, value, source }) => markup`<li>${figure}: ${String(value)} (${source})</li>`);
  return markup`<details><summary>Published figures and their sources</summary><ul>${entries}</ul></details>`;
}
