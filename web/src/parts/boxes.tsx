// A picture with boxes over it, numbered as in the list beside it. Invariant: what it shows stands in words elsewhere, too.
import { useEffect, useRef } from 'preact/hooks';
import type { FindAnswer, PictureItem } from '../engine/protocol.ts';
import { percent } from './format.ts';

interface Props {
  readonly answer: FindAnswer;
  readonly items: readonly PictureItem[];
  /** Place of the one that stands out. */
  readonly pointed: number | undefined;
  readonly label: string;
}

/** Width of a letter over the size of the type, a little above what most have. */
const LETTER = 0.6;

export function Boxes({ answer: { width, height, shown }, items, pointed, label }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => canvas.current?.getContext('2d')?.putImageData(shown, 0, 0), [shown]);
  const unit = Math.max(width, height) / 34;
  // What is pointed at is drawn last, over the others.
  const order = items.map((_, i) => i).sort((a, b) => Number(a === pointed) - Number(b === pointed));
  return (
    <div class="boxes" role="img" aria-label={label}>
      <canvas ref={canvas} width={shown.width} height={shown.height} />
      <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
        {order.map((i) => {
          const { box, score, class: name } = items[i]!;
          const [left, top, right, bottom] = box;
          const text = `${i + 1} ${name} ${percent(score, 0)}`;
          const span = Math.min(width, (text.length + 1) * LETTER * unit);
          const x = Math.max(0, Math.min(left, width - span));
          const y = top >= 1.4 * unit ? top - 1.4 * unit : top;
          return (
            <g key={i} class={i === pointed ? 'pointed' : undefined}>
              <rect class="halo" x={left} y={top} width={right - left} height={bottom - top} stroke-width={unit / 3} />
              <rect class="line" x={left} y={top} width={right - left} height={bottom - top} stroke-width={unit / 6} />
              <rect class="plate" x={x} y={y} width={span} height={1.4 * unit} />
              <text x={x + 0.5 * LETTER * unit} y={y + 1.05 * unit} font-size={unit} textLength={span - LETTER * unit}>
                {text}
              </text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}
