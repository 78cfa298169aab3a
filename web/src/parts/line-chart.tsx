// A small line chart of one quantity over epochs, as SVG. Not here: what is drawn. Invariant: every line is named beside its end and by
// its dashes, not by colour alone, and a text says what is to be seen; the figures themselves stand in a table elsewhere.
import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export interface Series {
  readonly name: string;
  /** Epoch and value, ascending. */
  readonly points: readonly (readonly [number, number])[];
  readonly tone: 'first' | 'second';
  /** Points of the running epoch; the last one still moves. */
  readonly trace?: readonly (readonly [number, number])[] | undefined;
}

interface Props {
  readonly title: string;
  readonly series: readonly Series[];
  readonly epochs: number;
  readonly format: (value: number) => string;
  /** Of the numbers on the axis, which are round. */
  readonly formatTick: (value: number, step: number) => string;
  /** The quantity is never above it. */
  readonly most?: number;
}

/** Until the chart has been measured. */
const USUAL_WIDTH = 440;
const HEIGHT = 200;
const TOP = 10;
const LEFT = 46;
const BOTTOM = 166;
/** Room for half of the last epoch's number. */
const RIGHT_MARGIN = 10;

/** Three to six round numbers that enclose some values, and a tenth of the greatest at least. */
function roundTicks(values: readonly number[], most: number): number[] {
  if (values.length === 0) return [0, 1];
  const greatest = Math.max(...values);
  const span = Math.max(greatest - Math.min(...values), greatest / 10, 1e-3);
  const high = Math.min(most, (greatest + Math.min(...values) + span) / 2);
  const low = high - span;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => span / size <= 5)!;
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

function epochTicks(epochs: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200].find((size) => epochs / size <= 8) ?? Math.ceil(epochs / 8);
  return Array.from({ length: Math.floor(epochs / step) + 1 }, (_, i) => i * step);
}

export function LineChart({ title, series, epochs, format, formatTick, most = Number.POSITIVE_INFINITY }: Props) {
  const figure = useRef<HTMLElement>(null);
  const width = useWidth(figure);
  const right = width - RIGHT_MARGIN;
  const everything = series.flatMap(({ points, trace = [] }) => [...points, ...trace]);
  const values = everything.map(([, value]) => value);
  const ticks = roundTicks(values, most);
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const step = (high - low) / (ticks.length - 1);
  const x = (epoch: number): number => LEFT + ((right - LEFT) * epoch) / Math.max(1, epochs);
  const y = (value: number): number => BOTTOM - ((BOTTOM - TOP) * (value - low)) / (high - low || 1);
  const said = series.flatMap(({ name, points, trace }) => {
    const last = trace?.at(-1) ?? points.at(-1);
    return last ? [`${name} ${format(last[1])}`] : [];
  });
  const summary = `${title} over ${epochs} epochs: ${said.length === 0 ? 'nothing yet' : `now ${said.join(', ')}`}`;
  return (
    <figure class="chart" ref={figure}>
      <figcaption>
        <span class="chart-title">{title}</span>
        <ul class="legend">
          {series.map(({ name, tone, points, trace }) => {
            const last = trace?.at(-1) ?? points.at(-1);
            return (
              <li key={name}>
                <svg viewBox="0 0 22 8" width="22" height="8" aria-hidden="true">
                  <path d="M1 4H21" class={`line ${tone}`} />
                </svg>
                {name} <b>{last ? format(last[1]) : '–'}</b>
              </li>
            );
          })}
        </ul>
      </figcaption>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={summary}>
        {ticks.map((tick) => (
          <g key={tick}>
            <path d={`M${LEFT} ${y(tick)}H${right}`} class="grid" />
            <text x={LEFT - 8} y={y(tick) + 4} text-anchor="end">
              {formatTick(tick, step)}
            </text>
          </g>
        ))}
        {epochTicks(epochs).map((tick) => (
          <text key={tick} x={x(tick)} y={BOTTOM + 18} text-anchor="middle">
            {tick}
          </text>
        ))}
        <text x={right} y={HEIGHT - 2} text-anchor="end" class="axis">
          epoch
        </text>
        {series.map(({ name, tone, points, trace }) => {
          const now = trace?.at(-1);
          return (
            <g key={name} class={tone}>
              <path d={pathOf(points, x, y)} class={`line ${tone}`} />
              {points.length <= DOTS &&
                points.map(([epoch, value]) => <circle key={epoch} cx={x(epoch)} cy={y(value)} r="2.5" />)}
              {trace && <path d={pathOf(trace, x, y)} class={`line ${tone} moving`} />}
              {now && <circle cx={x(now[0])} cy={y(now[1])} r="4" class="now" />}
            </g>
          );
        })}
      </svg>
    </figure>
  );
}

/** More epochs than that are a line without dots. */
const DOTS = 30;

/** Width of an element in CSS pixels, so that numbers are as large on a phone as on a desk. */
function useWidth(element: RefObject<HTMLElement | null>): number {
  const width = useSignal(USUAL_WIDTH);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry && entry.contentRect.width > 0) width.value = Math.round(entry.contentRect.width);
    });
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  return width.value;
}

type Scale = (value: number) => number;

const pathOf = (points: readonly (readonly [number, number])[], x: Scale, y: Scale): string =>
  points.map(([epoch, value], i) => `${i === 0 ? 'M' : 'L'}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`).join('');
