// A canvas to draw on with mouse, pen or finger. Those who do not draw have the examples and files beside it.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Picture } from '../engine/protocol.ts';
import { drawSketch, SKETCH_SIDE, type Stroke, type Tool } from './sketch.ts';

interface Props {
  readonly onPicture: (picture: Picture) => void;
  readonly onClear: () => void;
}

const tools: readonly { readonly tool: Tool; readonly label: string }[] = [
  { tool: 'shape', label: 'Shape' },
  { tool: 'brush', label: 'Brush' },
  { tool: 'eraser', label: 'Eraser' },
];

/** Where a pointer is on the canvas, in its own pixels. */
function placeOf(event: PointerEvent, canvas: HTMLCanvasElement): readonly [number, number] {
  const box = canvas.getBoundingClientRect();
  const scale = SKETCH_SIDE / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
}

export function Drawing({ onPicture, onClear }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tool = useSignal<Tool>('shape');
  const strokes = useSignal<readonly Stroke[]>([]);
  const isDrawing = useRef(false);
  const context = (): CanvasRenderingContext2D => canvas.current!.getContext('2d', { willReadFrequently: true })!;

  useEffect(() => drawSketch(context(), strokes.value), [strokes.value]);

  const hand = (next: readonly Stroke[]): void => {
    strokes.value = next;
    if (next.length === 0) {
      onClear();
      return;
    }
    drawSketch(context(), next);
    const { width, height, data } = context().getImageData(0, 0, SKETCH_SIDE, SKETCH_SIDE);
    onPicture({ kind: 'pixels', name: 'your drawing', width, height, data });
  };
  const begin = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.current!.setPointerCapture(event.pointerId);
    isDrawing.current = true;
    strokes.value = [...strokes.value, { tool: tool.value, points: [placeOf(event, canvas.current!)] }];
  };
  const go = (event: PointerEvent): void => {
    if (!isDrawing.current) return;
    const last = strokes.value.at(-1)!;
    const passed = event.getCoalescedEvents?.() ?? [];
    const places = (passed.length > 0 ? passed : [event]).map((each) => placeOf(each, canvas.current!));
    strokes.value = [...strokes.value.slice(0, -1), { ...last, points: [...last.points, ...places] }];
  };
  const end = (): void => {
    if (!isDrawing.current) return;
    isDrawing.current = false;
    hand(strokes.value);
  };

  return (
    <div class="drawing">
      <canvas
        ref={canvas}
        width={SKETCH_SIDE}
        height={SKETCH_SIDE}
        role="img"
        aria-label="Drawing area: outline a piece of clothing with the mouse, a pen or a finger. Without one, use the examples or a file."
        onPointerDown={begin}
        onPointerMove={go}
        onPointerUp={end}
        onPointerCancel={end}
      />
      {strokes.value.length === 0 && (
        <p class="hint" aria-hidden="true">
          Outline a piece of clothing here
        </p>
      )}
      <div class="tools">
        <fieldset class="segments">
          <legend class="unseen">Tool</legend>
          {tools.map((each) => (
            <label key={each.tool}>
              <input
                type="radio"
                name="tool"
                value={each.tool}
                checked={tool.value === each.tool}
                onChange={() => {
                  tool.value = each.tool;
                }}
              />
              <span>{each.label}</span>
            </label>
          ))}
        </fieldset>
        <button
          type="button"
          class="quiet"
          disabled={strokes.value.length === 0}
          onClick={() => hand(strokes.value.slice(0, -1))}
        >
          Undo
        </button>
        <button type="button" class="quiet" disabled={strokes.value.length === 0} onClick={() => hand([])}>
          Clear
        </button>
      </div>
    </div>
  );
}
