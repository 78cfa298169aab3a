// A small line chart of one quantity over epochs, as SVG. Not here: what is drawn. Invariant: every line is named beside its end and by
// its dashes, not by colour alone, and a text says what is to be seen; the figures themselves stand in a table elsewhere.

export interface Series {
  readonly name: string;
  /** Epoch and value, ascending. */
  readonly points: readonly (readonly [number, number])[];
  readonly tone: 'first' | 'second';
  /** A point that still moves. */
  readonly live?: readonly [number, number] | undefined;
}

interface Props {
  readonly title: string;
  readonly series: readonly Series[];
  readonly epochs: number;
  readonly format: (value: number) => string;
  /** Of the numbers on the axis, which are round. */
  readonly formatTick: (value: number, step: number) => string;
}

const WIDTH = 440;
const HEIGHT = 230;
const PLOT = { left: 46, right: 432, top: 12, bottom: 198 };

/** Three to six round numbers that enclose a range. */
function roundTicks(low: number, high: number): number[] {
  const span = Math.max(high - low, 1e-3);
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

export function LineChart({ title, series, epochs, format, formatTick }: Props) {
  const everything = series.flatMap(({ points, live }) => [...points, ...(live ? [live] : [])]);
  const values = everything.map(([, value]) => value);
  const ticks = values.length === 0 ? [0, 1] : roundTicks(Math.min(...values), Math.max(...values));
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const step = (high - low) / (ticks.length - 1);
  const x = (epoch: number): number => PLOT.left + ((PLOT.right - PLOT.left) * epoch) / Math.max(1, epochs);
  const y = (value: number): number => PLOT.bottom - ((PLOT.bottom - PLOT.top) * (value - low)) / (high - low || 1);
  const said = series.flatMap(({ name, points, live }) => {
    const last = live ?? points.at(-1);
    return last ? [`${name} ${format(last[1])}`] : [];
  });
  const summary = `${title} over ${epochs} epochs: ${said.length === 0 ? 'nothing yet' : `now ${said.join(', ')}`}`;
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <ul class="legend">
          {series.map(({ name, tone, points, live }) => {
            const last = live ?? points.at(-1);
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
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={summary}>
        {ticks.map((tick) => (
          <g key={tick}>
            <path d={`M${PLOT.left} ${y(tick)}H${PLOT.right}`} class="grid" />
            <text x={PLOT.left - 8} y={y(tick) + 4} text-anchor="end">
              {formatTick(tick, step)}
            </text>
          </g>
        ))}
        {epochTicks(epochs).map((tick) => (
          <text key={tick} x={x(tick)} y={PLOT.bottom + 18} text-anchor="middle">
            {tick}
          </text>
        ))}
        <text x={PLOT.right} y={HEIGHT - 2} text-anchor="end" class="axis">
          epoch
        </text>
        {series.map(({ name, tone, points, live }) => (
          <g key={name} class={tone}>
            <path d={pathOf(points, x, y)} class={`line ${tone}`} />
            {points.length <= 30 &&
              points.map(([epoch, value]) => <circle key={epoch} cx={x(epoch)} cy={y(value)} r="2.5" />)}
            {live && points.length > 0 && (
              <path d={pathOf([points.at(-1)!, live], x, y)} class={`line ${tone} moving`} />
            )}
            {live && <circle cx={x(live[0])} cy={y(live[1])} r="4" class="now" />}
          </g>
        ))}
      </svg>
    </figure>
  );
}

type Scale = (value: number) => number;

const pathOf = (points: readonly (readonly [number, number])[], x: Scale, y: Scale): string =>
  points.map(([epoch, value], i) => `${i === 0 ? 'M' : 'L'}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`).join('');
