// Drawings of what limits a model: reliability diagram, risk over coverage, heat map of corruptions, likely label errors, nearest pairs.
// Plain SVG by hand: axes from 0 to 1 need no library. Not here: what is said about them (limitations.ts).
// Invariant: the same numbers give the same bytes; colour never carries meaning alone.
import { confidenceText, picture } from './image-grid.ts';
import type { ReportLimitations } from './limitations-input.ts';
import { colours } from './palette.ts';
import { type Drawing, round, svgText } from './svg.ts';

const SIDE = 240;
const LEFT = 44;
const TOP = 12;

interface Axis {
  readonly title: string;
  readonly low: number;
  readonly high: number;
  /** Values with a mark. */
  readonly ticks: readonly number[];
}

/** A square plot with its axes; `inside` is given the way from values to pixels. */
function plot(
  across: Axis,
  up: Axis,
  inside: (x: (value: number) => number, y: (value: number) => number) => string,
): Drawing {
  const x = (value: number): number => LEFT + (SIDE * (value - across.low)) / (across.high - across.low);
  const y = (value: number): number => TOP + SIDE - (SIDE * (value - up.low)) / (up.high - up.low);
  const text = (value: number): string => `${Math.round(1000 * value) / 10}%`;
  const grid = [
    ...across.ticks.map((tick) =>
      svgText(text(tick), x(tick), TOP + SIDE + 18, { anchor: 'middle', fill: colours.muted }),
    ),
    ...up.ticks.flatMap((tick) => [
      `<path d="M${LEFT},${round(y(tick))}H${LEFT + SIDE}" stroke="${colours.rule}"/>`,
      svgText(text(tick), LEFT - 6, y(tick) + 4, { anchor: 'end', fill: colours.muted }),
    ]),
    svgText(across.title, LEFT + SIDE / 2, TOP + SIDE + 38, { anchor: 'middle', fill: colours.muted }),
    svgText(up.title, LEFT, TOP - 1, { fill: colours.muted }),
  ];
  return { width: LEFT + SIDE + 24, height: TOP + SIDE + 46, body: grid.join('') + inside(x, y) };
}

const FIFTHS = [0, 0.2, 0.4, 0.6, 0.8, 1] as const;

/**
 * Bars of accuracy over confidence, their 95% intervals, and the diagonal on which a calibrated model lies.
 *
 * @param bins Bins of confidence; empty ones are left out
 */
export function reliabilityDiagram(
  bins: NonNullable<ReportLimitations['calibration']>['uncalibrated']['bins'],
): Drawing {
  const axis = { low: 0, high: 1, ticks: FIFTHS };
  return plot({ ...axis, title: 'Confidence' }, { ...axis, title: 'Accuracy' }, (x, y) =>
    [
      ...bins
        .filter(({ count }) => count > 0)
        .map(({ low, high, accuracy, accuracyInterval95: interval }) => {
          const middle = round(x((low + high) / 2));
          return (
            `<rect x="${round(x(low) + 1)}" y="${round(y(accuracy))}" width="${round(x(high) - x(low) - 2)}" height="${round(y(0) - y(accuracy))}" fill="${colours.accent}"/>` +
            `<path d="M${middle},${round(y(interval.low))}V${round(y(interval.high))}" stroke="${colours.ink}"/>`
          );
        }),
      `<path d="M${round(x(0))},${round(y(0))}L${round(x(1))},${round(y(1))}" stroke="${colours.second}" stroke-dasharray="5,3" fill="none"/>`,
    ].join(''),
  );
}

/**
 * Share of wrong answers over the share of samples that are answered.
 *
 * @param points By ascending coverage
 */
export function riskCoverageChart(
  points: readonly { readonly coverage: number; readonly accuracy: number }[],
): Drawing {
  const worst = points.reduce((most, { accuracy }) => Math.max(most, 1 - accuracy), 0.01);
  const high = Math.ceil(50 * worst) / 50;
  const ticks = Array.from({ length: 5 }, (_, i) => (i * high) / 4);
  const across = { title: 'Coverage: share that is answered', low: 0, high: 1, ticks: FIFTHS };
  return plot(across, { title: 'Risk: share of the answers that are wrong', low: 0, high, ticks }, (x, y) => {
    const line = points.map(({ coverage, accuracy }) => `${round(x(coverage))},${round(y(1 - accuracy))}`).join('L');
    const dots = points.map(
      ({ coverage, accuracy }) =>
        `<circle cx="${round(x(coverage))}" cy="${round(y(1 - accuracy))}" r="2.5" fill="${colours.accent}"/>`,
    );
    return `<path d="M${line}" stroke="${colours.accent}" stroke-width="2" fill="none"/>${dots.join('')}`;
  });
}

const CELL_WIDTH = 58;
const CELL_HEIGHT = 24;
const NAMES = 112;

/**
 * Accuracy by kind of corruption and strength; darker where more is lost.
 *
 * @param robustness Kinds in the order to be shown
 */
export function robustnessHeatMap({ clean, kinds }: NonNullable<ReportLimitations['robustness']>): Drawing {
  const columns = Math.max(...kinds.map(({ strengths }) => strengths.length));
  const head = Array.from({ length: columns }, (_, i) =>
    svgText(`strength ${i + 1}`, NAMES + (i + 0.5) * CELL_WIDTH, 14, {
      anchor: 'middle',
      fill: colours.muted,
      size: 11,
    }),
  );
  const rows = kinds.flatMap(({ kind, strengths }, row) => {
    const top = 22 + row * CELL_HEIGHT;
    return [
      svgText(kind, NAMES - 8, top + 16, { anchor: 'end' }),
      ...strengths.map(({ accuracy }, column) => {
        const lost = Math.min(1, Math.max(0, (clean.accuracy - accuracy) / clean.accuracy));
        const left = NAMES + column * CELL_WIDTH;
        return (
          `<rect x="${left + 1}" y="${top + 1}" width="${CELL_WIDTH - 2}" height="${CELL_HEIGHT - 2}" fill="${colours.accent}" fill-opacity="${round(lost)}"/>` +
          svgText(`${(100 * accuracy).toFixed(1)}%`, left + CELL_WIDTH / 2, top + 16, {
            anchor: 'middle',
            fill: lost > 0.5 ? colours.onAccent : colours.ink,
          })
        );
      }),
    ];
  });
  return {
    width: NAMES + columns * CELL_WIDTH + 4,
    height: 26 + kinds.length * CELL_HEIGHT,
    body: head.join('') + rows.join(''),
  };
}

const WIDTH = 520;

/**
 * Training images whose labels are likely wrong, ten a row: below each its label, and what it seems to be.
 *
 * @param issues The likeliest first
 */
export function labelErrorGrid(issues: NonNullable<ReportLimitations['labels']>['likeliest']): Drawing {
  const columns = 5;
  const cell = WIDTH / columns;
  const side = 56;
  const rowHeight = side + 46;
  const parts = issues.flatMap(({ picture: image, label, suggested, probability }, index) => {
    const centre = ((index % columns) + 0.5) * cell;
    const top = Math.floor(index / columns) * rowHeight;
    return [
      picture(image, centre - side / 2, top, side),
      svgText(label, centre, top + side + 13, { anchor: 'middle', size: 10, fill: colours.bad }),
      svgText(`→ ${suggested} ${confidenceText(probability)}`, centre, top + side + 26, { anchor: 'middle', size: 10 }),
    ];
  });
  const rows = Math.ceil(issues.length / columns);
  return { width: WIDTH, height: Math.max(1, rows * rowHeight - 8), body: parts.join('') };
}

/**
 * Pairs of images side by side, four a row, with what they are and how far apart.
 *
 * @param pairs The nearest first
 */
export function nearestPairGrid(
  pairs: NonNullable<ReportLimitations['duplicates']>['pairs'][number]['nearest'],
): Drawing {
  const columns = 4;
  const cell = WIDTH / columns;
  const side = 56;
  const rowHeight = side + 48;
  const parts = pairs.flatMap(({ pictures, firstLabel, secondLabel, levels }, index) => {
    const centre = ((index % columns) + 0.5) * cell;
    const top = Math.floor(index / columns) * rowHeight;
    const names = firstLabel === secondLabel ? firstLabel : `${firstLabel} / ${secondLabel}`;
    return [
      picture(pictures[0], centre - side - 1, top, side),
      picture(pictures[1], centre + 1, top, side),
      svgText(names, centre, top + side + 13, { anchor: 'middle', size: 10 }),
      svgText(`${levels.toFixed(1)} levels apart`, centre, top + side + 26, {
        anchor: 'middle',
        size: 10,
        fill: colours.muted,
      }),
    ];
  });
  const rows = Math.ceil(pairs.length / columns);
  return { width: WIDTH, height: Math.max(1, rows * rowHeight - 8), body: parts.join('') };
}
