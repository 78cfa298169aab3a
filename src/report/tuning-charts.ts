// The charts of a study of tuning: history, curves by epoch, importance, parallel coordinates.
// Invariant: layouts are fixed, not measured, so the same trials give the same bytes.
import { draw } from './charts.ts';
import { printable } from './markup.ts';
import { colours } from './palette.ts';
import { type Drawing, round, svgText } from './svg.ts';
import type { TuningReportInput, TuningTrial } from './tuning-report-input.ts';

type Spec = Parameters<typeof draw>[0];

const isKnown = (value: number | undefined): value is number => value !== undefined && Number.isFinite(value);
const quiet = { domain: false, ticks: false, labelPadding: 6 };

/** Text without the middle, if it is longer than a label may be. */
const shortened = (text: string, most: number): string =>
  text.length <= most
    ? text
    : `${text.slice(0, Math.ceil(most / 2) - 1)}…${text.slice(text.length - Math.floor(most / 2))}`;

/** Key of colours, which Vega would place by the width of texts that it cannot measure here. */
function key(entries: readonly (readonly [colour: string, text: string])[], left: number): string {
  return entries
    .map(([colour, text], i) => {
      const x = left + i * 150;
      return `<circle cx="${x + 5}" cy="12" r="4.5" fill="${colour}"/>${svgText(text, x + 16, 16)}`;
    })
    .join('');
}

/** Value of each trial, and the best of the complete ones so far. */
export async function historyChart({ trials, measure, isMaximised }: TuningReportInput): Promise<Drawing> {
  const known = trials.filter(({ value }) => isKnown(value));
  let best: number | undefined;
  const bests = trials.flatMap(({ number, state, value }) => {
    if (state === 'complete' && isKnown(value) && (best === undefined || (isMaximised ? value > best : value < best)))
      best = value;
    return best === undefined ? [] : [{ number, value: best }];
  });
  const spec = {
    width: 560,
    height: 240,
    layer: [
      {
        data: { values: bests },
        mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2, color: colours.second },
        encoding: { x: { field: 'number', type: 'quantitative' }, y: { field: 'value', type: 'quantitative' } },
      },
      {
        data: { values: known.map(({ number, state, value }) => ({ number, state, value })) },
        mark: { type: 'point', filled: true, size: 44, opacity: 1 },
        encoding: {
          x: {
            field: 'number',
            type: 'quantitative',
            axis: { title: 'Trial', grid: false, tickMinStep: 1, format: 'd', tickCount: 10 },
            scale: { domain: [-0.5, Math.max(1, trials.length) - 0.5], nice: false },
          },
          y: {
            field: 'value',
            type: 'quantitative',
            axis: { ...quiet, title: measure, tickCount: 6, titleX: -44 },
            scale: { zero: false, nice: true },
          },
          color: {
            field: 'state',
            type: 'nominal',
            scale: { domain: ['complete', 'pruned'], range: [colours.accent, colours.muted] },
            legend: null,
          },
        },
      },
    ],
  } as unknown as Spec;
  const padding = { left: 64, right: 10, top: 30, bottom: 40 };
  const drawing = await draw(spec, padding);
  const entries = [
    [colours.accent, 'Complete'],
    [colours.muted, 'Ended early'],
    [colours.second, 'Best so far'],
  ] as const;
  return { ...drawing, body: drawing.body + key(entries, padding.left) };
}

/** Values of all trials by epoch, the best in front. */
export async function curvesChart({ trials, measure, best }: TuningReportInput): Promise<Drawing> {
  const ordered = [...trials].sort((a, b) => Number(a.number === best) - Number(b.number === best));
  const values = ordered.flatMap(({ number, curve }, order) =>
    curve
      .filter(([, value]) => isKnown(value))
      .map(([step, value]) => ({ order, step, value, role: number === best ? 'best' : 'other' })),
  );
  const role = (range: readonly unknown[]) => ({
    field: 'role',
    type: 'nominal',
    scale: { domain: ['other', 'best'], range },
    legend: null,
  });
  const spec = {
    width: 560,
    height: 240,
    data: { values },
    mark: { type: 'line', point: { size: 16, filled: true } },
    encoding: {
      x: {
        field: 'step',
        type: 'quantitative',
        axis: { title: 'Epoch', grid: false, tickMinStep: 1, format: 'd', tickCount: 10 },
        scale: { nice: false, zero: false, padding: 8 },
      },
      y: {
        field: 'value',
        type: 'quantitative',
        axis: { ...quiet, title: measure, tickCount: 6, titleX: -44 },
        scale: { zero: false, nice: true },
      },
      detail: { field: 'order', type: 'ordinal' },
      color: role([colours.muted, colours.second]),
      strokeWidth: role([1, 2.5]),
      opacity: role([0.55, 1]),
    },
  } as unknown as Spec;
  return draw(spec, { left: 64, right: 10, top: 8, bottom: 40 });
}

/** Share of the variance that each parameter explains. */
export async function importanceChart(
  shares: readonly { readonly name: string; readonly share: number }[],
): Promise<Drawing> {
  const values = shares.map(({ name, share }, index) => ({
    index,
    name: printable(shortened(name, 38)),
    share,
    text: `${(100 * share).toFixed(1)}%`,
  }));
  const names = JSON.stringify(values.map(({ name }) => name)).replace(/[\u2028\u2029]/g, ' ');
  const spec = {
    width: 300,
    height: values.length * 24,
    data: { values },
    encoding: {
      y: {
        field: 'index',
        type: 'ordinal',
        axis: { ...quiet, title: null, labelColor: colours.ink, labelExpr: `${names}[datum.value]` },
        scale: { paddingInner: 0.35, paddingOuter: 0.15 },
      },
      x: { field: 'share', type: 'quantitative', axis: null, scale: { zero: true, nice: false } },
    },
    layer: [
      { mark: { type: 'bar', color: colours.accent } },
      {
        mark: { type: 'text', align: 'left', dx: 6, fontSize: 12, color: colours.muted },
        encoding: { text: { field: 'text', type: 'nominal' } },
      },
    ],
  } as unknown as Spec;
  return draw(spec, { left: 250, right: 60, top: 2, bottom: 2 });
}

const AXIS_GAP = 72;
const AXIS_HEIGHT = 260;
const AXIS_TOP = 78;
const AXIS_LEFT = 60;

/** An axis a parameter and one of the value; a line a trial. A line is broken where a trial lacks the parameter. */
export function parallelChart({ parameters, trials, measure, best, isMaximised }: TuningReportInput): Drawing {
  const known = trials.filter(({ value }) => isKnown(value));
  const values = known.map(({ value }) => value!);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const heightOf = (place: number): number => AXIS_TOP + (1 - place) * AXIS_HEIGHT;
  const xOf = (axis: number): number => AXIS_LEFT + axis * AXIS_GAP;
  const placeOfValue = (value: number): number => (high === low ? 0.5 : (value - low) / (high - low));
  const labels = [
    ...parameters.map(({ labels: texts }) => texts),
    high === low
      ? ([[0.5, shortNumber(low)]] as const)
      : ([
          [0, shortNumber(low)],
          [1, shortNumber(high)],
        ] as const),
  ];
  const names = [...parameters.map(({ name }) => name), measure];
  const axes = names.map((name, axis) => {
    const x = xOf(axis);
    const line = `<path d="M${x},${AXIS_TOP}V${AXIS_TOP + AXIS_HEIGHT}" stroke="${colours.rule}" stroke-width="1"/>`;
    const title = `<g transform="translate(${x},${AXIS_TOP - 12}) rotate(-16)">${svgText(shortened(name, 26), 0, 0, { size: 11 })}</g>`;
    const ticks = labels[axis]!.map(([place, text]) =>
      svgText(shortened(text, 10), x - 5, heightOf(place) + 4, { size: 10, fill: colours.muted, anchor: 'end' }),
    );
    return line + title + ticks.join('');
  });
  const order = (trial: TuningTrial): number =>
    trial.number === best ? Number.POSITIVE_INFINITY : placeOfValue(trial.value!);
  const lines = [...known]
    .sort((a, b) => (isMaximised ? order(a) - order(b) : order(b) - order(a)) || a.number - b.number)
    .sort((a, b) => Number(a.number === best) - Number(b.number === best))
    .map((trial) => {
      const places = [...parameters.map(({ name }) => trial.parameters[name]?.place), placeOfValue(trial.value!)];
      const goodness = isMaximised ? placeOfValue(trial.value!) : 1 - placeOfValue(trial.value!);
      const look =
        trial.number === best
          ? `stroke="${colours.second}" stroke-width="2.5"`
          : `stroke="${colours.accent}" stroke-width="1" stroke-opacity="${round(0.08 + 0.72 * goodness ** 3)}"`;
      return `<path d="${pathOf(places, xOf, heightOf)}" fill="none" ${look}/>`;
    });
  return {
    width: xOf(names.length - 1) + 110,
    height: AXIS_TOP + AXIS_HEIGHT + 14,
    body: axes.join('') + lines.join(''),
  };
}

function pathOf(
  places: readonly (number | undefined)[],
  xOf: (axis: number) => number,
  heightOf: (place: number) => number,
): string {
  return places
    .map((place, axis) => {
      if (place === undefined) return '';
      const isStart = axis === 0 || places[axis - 1] === undefined;
      const isAlone = isStart && places[axis + 1] === undefined;
      const at = `${xOf(axis)},${round(heightOf(place))}`;
      return `${isStart ? 'M' : 'L'}${at}${isAlone ? 'h3' : ''}`;
    })
    .join('');
}

const shortNumber = (value: number): string => String(Number(value.toPrecision(4)));
