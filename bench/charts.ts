// The pictures of the benchmarks: bars with quartiles, and a roofline. Drawn as the report draws its charts.
// Not here: numbers. Invariant: layouts are fixed; the same results give the same bytes.
import { draw, heading } from '../src/report/charts.ts';
import { type Figure, frame } from '../src/report/index.ts';
import { printable } from '../src/report/markup.ts';
import { colours } from '../src/report/palette.ts';
import { svgText } from '../src/report/svg.ts';
import { type Spread, shortNumber } from './statistics.ts';

type Spec = Parameters<typeof draw>[0];

/** One bar. */
export interface Bar {
  readonly label: string;
  readonly spread: Spread;
  /** Drawn in the accent colour. */
  readonly isOurs: boolean;
  /** Behind the value, such as a ratio. */
  readonly note?: string;
}

const BAR_HEIGHT = 30;
const LABEL_WIDTH = 330;

/**
 * Horizontal bars of medians, with a line from the first to the third quartile.
 *
 * @param options.unit Of the values, in the title
 */
export async function barChart(options: {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}): Promise<Figure> {
  const { name, unit, bars } = options;
  const values = bars.map(({ label, spread, isOurs, note }, index) => ({
    index,
    label: printable(label),
    low: spread.firstQuartile,
    median: spread.median,
    high: spread.thirdQuartile,
    kind: isOurs ? 'ours' : 'peer',
    text: `${shortNumber(spread.median)}${note ? ` (${note})` : ''}`,
  }));
  const y = {
    field: 'index',
    type: 'ordinal',
    axis: {
      title: null,
      domain: false,
      ticks: false,
      labelPadding: 8,
      labelColor: colours.ink,
      labelExpr: `${JSON.stringify(values.map(({ label }) => label))}[datum.value]`,
    },
    scale: { paddingInner: 0.4, paddingOuter: 0.2 },
  };
  const x = { type: 'quantitative', axis: null, scale: { zero: true, nice: false } };
  const spec = {
    width: 380,
    height: Math.max(1, values.length) * BAR_HEIGHT,
    data: { values },
    encoding: { y },
    layer: [
      {
        mark: { type: 'bar' },
        encoding: {
          x: { ...x, field: 'median' },
          color: {
            field: 'kind',
            type: 'nominal',
            scale: { domain: ['ours', 'peer'], range: [colours.accent, colours.muted] },
            legend: null,
          },
        },
      },
      {
        mark: { type: 'rule', strokeWidth: 2, color: colours.second },
        encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' } },
      },
      {
        mark: { type: 'text', align: 'left', dx: 8, fontSize: 12, color: colours.ink },
        encoding: { x: { ...x, field: 'high' }, text: { field: 'text', type: 'nominal' } },
      },
    ],
  } as unknown as Spec;
  const padding = { left: LABEL_WIDTH, right: 150, top: 34, bottom: 4 };
  const drawing = await draw(spec, padding);
  const title = `${options.title}, ${unit}`;
  const description = bars
    .map(({ label, spread, note }) => `${label}: ${shortNumber(spread.median)}${note ? `, ${note}` : ''}`)
    .join('; ');
  const body = drawing.body + heading(title, 8);
  return frame({ ...drawing, body }, { name, title, description: `${description}. Lines are quartiles.` });
}

/** A kernel in the roofline. */
export interface RooflinePoint {
  readonly name: string;
  /** Its colour. */
  readonly group: string;
  /** Drawn as a disc, else as a ring. */
  readonly isFilled: boolean;
  readonly flopsPerByte: number;
  readonly gflops: number;
}

const POWERS_OF_TEN = [0.01, 0.1, 1, 10, 100, 1_000, 10_000];
const POINT_COLOURS = [colours.accent, colours.second, colours.good];
const LEGEND_STEP = 112;

/** Both axes are logarithmic; the roofs are the measured peak and the measured memory bandwidth. */
export async function rooflineChart(options: {
  readonly title: string;
  readonly peakGflops: number;
  readonly gigabytesPerSecond: number;
  readonly points: readonly RooflinePoint[];
  /** What discs and rings stand for. */
  readonly filledMeans: string;
  readonly openMeans: string;
}): Promise<Figure> {
  const { title, peakGflops, gigabytesPerSecond, points } = options;
  const ridge = peakGflops / gigabytesPerSecond;
  const intensities = [ridge, ...points.map(({ flopsPerByte }) => flopsPerByte)];
  const lowest = Math.min(...intensities) / 2;
  const highest = Math.max(...intensities) * 2;
  const speeds = [lowest * gigabytesPerSecond, peakGflops, ...points.map(({ gflops }) => gflops)];
  const roof = [lowest, ridge, highest].map((intensity) => ({
    intensity,
    gflops: Math.min(peakGflops, intensity * gigabytesPerSecond),
  }));
  const groups = [...new Set(points.map(({ group }) => group))].sort();
  const range = groups.map((_, index) => POINT_COLOURS[index % POINT_COLOURS.length]!);
  const axis = { grid: true, domain: false, ticks: false, labelPadding: 6, format: '~g', values: POWERS_OF_TEN };
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    axis: { ...axis, title: 'Operations a byte' },
    scale: { type: 'log', domain: [lowest, highest], nice: false },
  });
  const y = (field: string) => ({
    field,
    type: 'quantitative',
    axis: { ...axis, title: 'GFLOP/s' },
    scale: { type: 'log', domain: [Math.min(...speeds) / 1.5, Math.max(...speeds) * 1.5], nice: false },
  });
  const colour = { field: 'group', type: 'nominal', scale: { domain: groups, range }, legend: null };
  const spec = {
    width: 560,
    height: 320,
    layer: [
      {
        data: { values: roof },
        mark: { type: 'line', color: colours.muted, strokeWidth: 2, interpolate: 'linear' },
        encoding: { x: x('intensity'), y: y('gflops') },
      },
      {
        data: { values: points },
        mark: { type: 'point', size: 60, strokeWidth: 2 },
        encoding: {
          x: x('flopsPerByte'),
          y: y('gflops'),
          stroke: colour,
          fill: { condition: { test: 'datum.isFilled', ...colour }, value: 'transparent' },
        },
      },
    ],
  } as unknown as Spec;
  const padding = { left: 60, right: 20, top: 56, bottom: 44 };
  const drawing = await draw(spec, padding);
  const keys = [
    ...groups.map((group, index) => ({ text: group, stroke: range[index]!, fill: range[index]! })),
    { text: options.filledMeans, stroke: colours.muted, fill: colours.muted },
    { text: options.openMeans, stroke: colours.muted, fill: 'none' },
  ];
  const legend = keys.map(({ text, stroke, fill }, index) => {
    const left = padding.left + index * LEGEND_STEP;
    const disc = `<circle cx="${left + 5}" cy="36" r="4" stroke="${stroke}" stroke-width="2" fill="${fill}"/>`;
    return disc + svgText(text, left + 15, 40);
  });
  const best = [...points].sort((a, b) => b.gflops - a.gflops)[0];
  const description =
    `Roofs: ${shortNumber(peakGflops)} GFLOP/s and ${shortNumber(gigabytesPerSecond)} GB/s. ` +
    (best ? `Fastest of ${points.length} kernels: ${best.name}, ${shortNumber(best.gflops)} GFLOP/s` : 'No kernels');
  const body = drawing.body + heading(title, padding.left) + legend.join('');
  return frame({ ...drawing, body }, { name: 'roofline', title, description });
}
