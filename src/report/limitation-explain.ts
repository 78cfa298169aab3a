// What was found of a model's explanations: deletion and insertion of each order of places, and whether maps change with the weights.
// Not here: the maps of single images (explanation-figure.ts). Invariant: every mean of an area has its interval.
import { formatCount, formatPercent } from './format.ts';
import type { LimitationResults } from './limitations-input.ts';
import { type Markup, markup, table } from './page.ts';
import type { ReportEstimate } from './result-schemas.ts';

/** Orders that know nothing of the model, in words. */
const blind: Readonly<Record<string, string>> = { random: 'at random', brightness: 'brightest first' };

/** Words and tables, or nothing where it was not measured. */
export function explainPart(explain: LimitationResults['explain']): Markup[] {
  if (!explain) return [];
  const { images, orders, completeness, randomisation } = explain;
  const three = (value: number): string => value.toFixed(3);
  const area = ({ mean, low, high }: ReportEstimate): string => `${three(mean)} (${three(low)} to ${three(high)})`;
  const rows = [...orders]
    .sort((a, b) => a.deletionArea.mean - b.deletionArea.mean)
    .map(({ order, deletionArea, insertionArea, betterThanRandom: { deletion, insertion } }) => [
      blind[order] ?? order,
      area(deletionArea),
      order === 'random' ? '–' : formatPercent(deletion, 0),
      area(insertionArea),
      order === 'random' ? '–' : formatPercent(insertion, 0),
    ]);
  const columns = ['Order of places', 'Deletion, area', 'better', 'Insertion, area', 'better'];
  return [
    table(
      `The probability of the class while places turn black (less is better) and come back (more is better), means of ${formatCount(images)} images with 95% intervals; better: share of the images in which the order beats places at random`,
      columns.map((title, i) => ({ title, numeric: i > 0 })),
      rows,
    ),
    ...(completeness
      ? [
          markup`<p>Integrated gradients of ${completeness.steps} points add up to within ${formatPercent(completeness.meanError, 1)} in the mean, ${formatPercent(completeness.largestError, 1)} at most.</p>`,
        ]
      : []),
    ...randomisationTable(randomisation),
  ];
}

function randomisationTable({ images, methods }: NonNullable<LimitationResults['explain']>['randomisation']): Markup[] {
  const two = (value: number | null): string => (value === null ? '–' : value.toFixed(2));
  const rows = methods.flatMap(({ method, stages }) => {
    const [first, last] = [stages[0], stages.at(-1)];
    if (!first || !last) return [];
    const cells = [first, last].map(
      ({ correlation, correlationOnObject }) => `${two(correlation)} (${two(correlationOnObject)})`,
    );
    return [[method, ...cells]];
  });
  if (rows.length === 0) return [];
  const columns = [
    { title: 'Method' },
    { title: 'Last layer fresh', numeric: true },
    { title: 'All layers fresh', numeric: true },
  ];
  return [
    table(
      `Rank correlation with the maps of fresh weights, over ${formatCount(images)} images, in brackets on the object: a map that shows what was learnt changes`,
      columns,
      rows,
    ),
  ];
}
