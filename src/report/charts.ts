// The charts of the study, drawn by Vega-Lite without a page: specification → Vega → SVG text.
// Expressions run in Vega's interpreter, since a strict content security policy forbids its compiler.
// Invariant: layouts are fixed, not measured, so the same numbers give the same bytes.
import type { TopLevelSpec } from 'vega-lite';
import { printable } from './markup.ts';
import { colours } from './palette.ts';
import { type Drawing, round, svgText } from './svg.ts';

/** What Vega has to remark about a specification is for its author, not for the terminal of a run. */
const silent = {
  level: () => silent,
  error: () => silent,
  warn: () => silent,
  info: () => silent,
  debug: () => silent,
};

/** Space around the plot, for axes. */
export interface Padding {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const config: TopLevelSpec['config'] = {
  // The figure is one image with a title and a description; its parts need none.
  aria: false,
  view: { stroke: null },
  axis: {
    labelColor: colours.muted,
    labelFontSize: 12,
    titleColor: colours.muted,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    gridColor: colours.rule,
    domainColor: colours.rule,
    tickColor: colours.rule,
    labelLimit: 0,
  },
};

/** Loaded by the first chart: the libraries take as long to load as the rest of the program. */
async function loadVega() {
  const [{ parse, View }, { expressionInterpreter }, { compile }] = await Promise.all([
    import('vega'),
    import('vega-interpreter'),
    import('vega-lite'),
  ]);
  return { parse, View, expressionInterpreter, compile };
}

/**
 * Draws a Vega-Lite specification in the colours and type of the report.
 *
 * @param spec Data, marks and encodings; width and height of the plot in pixels
 * @param padding Space for axes, which is not measured
 */
export async function draw(
  spec: Omit<TopLevelSpec, 'width'> & { width: number; height: number },
  padding: Padding,
): Promise<Drawing> {
  const whole = { ...spec, padding, autosize: 'none', background: null, config } as unknown as TopLevelSpec;
  const { parse, View, expressionInterpreter, compile } = await loadVega();
  const runtime = parse(compile(whole, { logger: silent as never }).spec, {}, { ast: true });
  const view = new View(runtime, { renderer: 'none', expr: expressionInterpreter } as ConstructorParameters<
    typeof View
  >[1]);
  try {
    return {
      width: spec.width + padding.left + padding.right,
      height: spec.height + padding.top + padding.bottom,
      body: slim(await view.toSVG()),
    };
  } finally {
    view.finalize();
  }
}

/** Drops what a figure does not need from Vega's SVG (a third of it) and rounds coordinates. */
function slim(svg: string): string {
  const inner = svg.slice(svg.indexOf('>') + 1, svg.lastIndexOf('</svg>'));
  return inner.replace(/<[^>]*>/g, (tag) =>
    tag
      .replace(/ (?:class|role|aria-[a-z]+|pointer-events|font-family)="[^"]*"| opacity="1"/g, '')
      .replace(/ (transform|d|x2|y2)="([^"]*)"/g, (_, name: string, value: string) => {
        return ` ${name}="${value.replace(/-?\d+\.\d+(?:e-\d+)?/g, (number) => String(round(Number(number))))}"`;
      }),
  );
}

/** Letters that fit beside a chart. */
const LONGEST_LABEL = 16;

/** A name beside a chart: cut where it is long, since layouts are fixed. */
function axisLabel(name: string): string {
  const letters = [...printable(name)];
  return letters.length <= LONGEST_LABEL ? letters.join('') : `${letters.slice(0, LONGEST_LABEL - 1).join('')}…`;
}

const thousands = new Intl.NumberFormat('en-US');

/**
 * Bars of the number of samples of each class.
 *
 * @param classNames Names, top to bottom
 * @param counts Samples of each class
 */
export function labelCountChart(classNames: readonly string[], counts: readonly number[]): Promise<Drawing> {
  const values = classNames.map((name, label) => ({
    label,
    name: axisLabel(name),
    count: counts[label] ?? 0,
    text: thousands.format(counts[label] ?? 0),
  }));
  const names = Object.fromEntries(values.map(({ label, name }) => [label, name]));
  const spec = {
    width: 360,
    height: values.length * 26,
    data: { values },
    encoding: {
      y: {
        field: 'label',
        type: 'ordinal',
        axis: {
          title: null,
          domain: false,
          ticks: false,
          labelPadding: 8,
          labelColor: colours.ink,
          labelExpr: labelLookup(names),
        },
        scale: { paddingInner: 0.35, paddingOuter: 0.15 },
      },
      x: { field: 'count', type: 'quantitative', axis: null, scale: { zero: true, nice: false } },
    },
    layer: [
      { mark: { type: 'bar', color: colours.accent } },
      {
        mark: { type: 'text', align: 'left', dx: 6, fontSize: 12, color: colours.muted },
        encoding: { text: { field: 'text', type: 'nominal' } },
      },
    ],
  } as unknown as Parameters<typeof draw>[0];
  return draw(spec, { left: 104, right: 56, top: 2, bottom: 2 });
}

/** Vega expression from a numeric label to its name. Two classes of one name stay two bars. */
function labelLookup(names: Readonly<Record<string, string>>): string {
  // JSON leaves the two line separators as they are; in an expression they would end the string.
  const literal = JSON.stringify(names).replace(/[\u2028\u2029]/g, (character) =>
    character === '\u2028' ? '\\u2028' : '\\u2029',
  );
  return `${literal}[datum.value]`;
}

/** The title of a chart, above its plot. */
export const heading = (text: string, left: number): string => svgText(text, left, 16, { size: 13, weight: 600 });

/** One line of a chart over epochs. */
export interface EpochSeries {
  readonly name: 'Training' | 'Validation';
  /** A value each epoch, from epoch 1. */
  readonly values: readonly number[];
}

const seriesLooks = {
  Training: { colour: colours.accent, dash: [1, 0] },
  Validation: { colour: colours.second, dash: [5, 3] },
} as const;

/**
 * Curves over the epochs.
 *
 * @param title Above the plot
 * @param series One or two lines; values that are not finite are left out
 */
export async function epochChart(title: string, series: readonly EpochSeries[]): Promise<Drawing> {
  const epochs = Math.max(1, ...series.map(({ values }) => values.length));
  const values = series.flatMap(({ name, values: ofSeries }) =>
    ofSeries
      .map((value, index) => ({ series: name, epoch: index + 1, value }))
      .filter(({ value }) => Number.isFinite(value)),
  );
  const look = (key: 'colour' | 'dash') => ({
    domain: series.map(({ name }) => name),
    range: series.map(({ name }) => seriesLooks[name][key]),
  });
  const spec = {
    width: 276,
    height: 190,
    data: { values },
    mark: { type: 'line', strokeWidth: 2, point: epochs <= 15 ? { size: 22, filled: true } : false },
    encoding: {
      x: {
        field: 'epoch',
        type: 'quantitative',
        axis: { title: 'Epoch', grid: false, tickMinStep: 1, format: 'd', tickCount: 6, labelFlush: false },
        scale: { domain: epochs === 1 ? [0.5, 1.5] : [1, epochs], nice: false },
      },
      y: {
        field: 'value',
        type: 'quantitative',
        axis: { title: null, domain: false, ticks: false, tickCount: 5, labelPadding: 6 },
        scale: { zero: false, nice: true },
      },
      color: { field: 'series', type: 'nominal', scale: look('colour'), legend: null },
      strokeDash: { field: 'series', type: 'nominal', scale: look('dash'), legend: null },
    },
  } as unknown as Parameters<typeof draw>[0];
  const padding = { left: 46, right: 14, top: 56, bottom: 40 };
  const drawing = await draw(spec, padding);
  return { ...drawing, body: drawing.body + heading(title, padding.left) + seriesLegend(series, padding.left) };
}

/** Vega would place a legend by the width of texts, which it cannot measure here. */
function seriesLegend(series: readonly EpochSeries[], left: number): string {
  return series
    .map(({ name }, index) => {
      const x = left + index * 96;
      const { colour, dash } = seriesLooks[name];
      const line = `<path d="M${x},36H${x + 18}" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash.join(',')}"/>`;
      return line + svgText(name, x + 24, 40);
    })
    .join('');
}

/** Classes whose counts are written into a confusion matrix. */
const MOST_COUNTED = 30;

const countTexts = {
  mark: { type: 'text', fontSize: 12 },
  encoding: {
    text: { field: 'count', type: 'quantitative' },
    color: {
      condition: [
        { test: 'datum.share > 0.3', value: colours.onAccent },
        { test: 'datum.count === 0', value: colours.muted },
      ],
      value: colours.ink,
    },
  },
};

/**
 * Heat map of a confusion matrix: counts, coloured by their share of the row (square root, so that small shares show).
 *
 * @param title Above the matrix
 * @param confusion Counts `[true class][predicted class]`
 * @param classNames One name for each row
 */
export async function confusionHeatMap(
  title: string,
  confusion: readonly (readonly number[])[],
  classNames: readonly string[],
): Promise<Drawing> {
  const values = confusion.flatMap((row, truth) => {
    const support = row.reduce((sum, value) => sum + value, 0);
    return row.map((count, predicted) => ({ truth, predicted, count, share: support === 0 ? 0 : count / support }));
  });
  const names = Object.fromEntries(classNames.map((name, label) => [label, axisLabel(name)]));
  const axis = { domain: false, ticks: false, labelColor: colours.ink, labelExpr: labelLookup(names), labelPadding: 6 };
  // Of many classes the matrix shows its pattern; the counts would not be read.
  const hasCounts = classNames.length <= MOST_COUNTED;
  const side = classNames.length * (hasCounts ? 40 : 14);
  const scale = { paddingInner: 0.04, paddingOuter: 0 };
  const spec = {
    width: side,
    height: side,
    data: { values },
    encoding: {
      x: {
        field: 'predicted',
        type: 'ordinal',
        scale,
        axis: { ...axis, title: 'Predicted class', labelAngle: -40, titleY: 76 },
      },
      y: { field: 'truth', type: 'ordinal', scale, axis: { ...axis, title: 'True class', titleX: -96 } },
    },
    layer: [
      {
        mark: { type: 'rect', color: colours.accent },
        encoding: {
          fillOpacity: {
            field: 'share',
            type: 'quantitative',
            scale: { type: 'sqrt', domain: [0, 1], range: [0, 1] },
            legend: null,
          },
        },
      },
      ...(hasCounts ? [countTexts] : []),
    ],
  } as unknown as Parameters<typeof draw>[0];
  const padding = { left: 112, right: 8, top: 28, bottom: 88 };
  const drawing = await draw(spec, padding);
  return { ...drawing, body: drawing.body + heading(title, padding.left) };
}
