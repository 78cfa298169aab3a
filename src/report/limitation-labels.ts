// What was found of the training set's labels: suspects, labels that others have published as wrong, and labels that were flipped on purpose.
// Not here: the pictures (limitation-figures.ts). Invariant: ranks are those of the whole training set, from 1.
import { formatCount, formatPercent, formatShare } from './format.ts';
import type { ReportLabels } from './limitations-input.ts';
import { type Markup, markup, table } from './page.ts';
import type { ReportInterval } from './result-schemas.ts';
import type { FigureFinder } from './study-evaluation.ts';

/** Words, tables and the figure, or nothing where it was not measured. */
export function labelsPart(labels: ReportLabels | undefined, find: FigureFinder): Markup[] {
  if (!labels) return [];
  const { count, issues, flips } = labels;
  return [
    markup`<p>By confident learning ${formatCount(issues)} of ${formatCount(count)} training labels are suspect. Of ${formatCount(flips.flipped)} labels that were flipped on purpose it finds ${shareText(flips.recall, flips.recall95)}; ${shareText(flips.precision, flips.precision95)} of what it suspects then was flipped.</p>`,
    ...knownErrorsPart(labels),
    ...flipsPart(labels),
    ...find('label-errors'),
  ];
}

const shareText = (share: number, interval: ReportInterval | undefined): string =>
  interval ? formatShare(share, interval, 1) : formatPercent(share, 1);

function knownErrorsPart({ knownErrors }: ReportLabels): Markup[] {
  // Of other data nothing was published.
  if (!knownErrors || knownErrors.of === 0) return [];
  const { lookedAt, found, of, images } = knownErrors;
  const columns = [
    { title: 'Training image' },
    { title: 'Its label' },
    { title: 'Rank among suspects', numeric: true },
  ];
  const rows = [...images]
    .sort((a, b) => a.rank - b.rank)
    .map(({ image, label, rank }) => [String(image), label, formatCount(rank)]);
  return [
    table(
      `Training images published as mislabelled: ${found} of ${of} are among the first ${formatCount(lookedAt)} suspects`,
      columns,
      rows,
    ),
  ];
}

function flipsPart({ flips }: ReportLabels): Markup[] {
  if (flips.pairs.length === 0) return [];
  const columns = [
    { title: 'From' },
    { title: 'To' },
    { title: 'Flipped', numeric: true },
    { title: 'Precision', numeric: true },
    { title: 'Recall', numeric: true },
  ];
  const rows = flips.pairs.map(({ from, to, flipped, precision, recall, precision95, recall95 }) => [
    from,
    to,
    formatCount(flipped),
    shareText(precision, precision95),
    shareText(recall, recall95),
  ]);
  return [
    markup`<details><summary>Labels flipped on purpose, by pair of classes</summary>${table('Precision and recall of what was flipped', columns, rows)}</details>`,
  ];
}
