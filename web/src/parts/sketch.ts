// Strokes on a canvas: shapes that fill themselves, lines, and rubbing out. Black on white, whatever the page looks like.
// Not here: pointers and buttons (drawing.tsx). Invariant: the picture is a function of the strokes.

export type Tool = 'shape' | 'brush' | 'eraser';

export interface Stroke {
  readonly tool: Tool;
  readonly points: readonly (readonly [number, number])[];
}

export const SKETCH_SIDE = 280;
const BRUSH = 14;
const ERASER = 26;
const OUTLINE = 4;

function traceStroke(context: CanvasRenderingContext2D, { points }: Stroke): void {
  context.beginPath();
  const [[x, y] = [0, 0], ...rest] = points;
  context.moveTo(x, y);
  // A dot is a line of no length, which round caps make visible.
  if (rest.length === 0) context.lineTo(x, y);
  for (const [toX, toY] of rest) context.lineTo(toX, toY);
}

/** Draws all strokes anew. */
export function drawSketch(context: CanvasRenderingContext2D, strokes: readonly Stroke[]): void {
  context.fillStyle = '#fff';
  context.fillRect(0, 0, SKETCH_SIDE, SKETCH_SIDE);
  context.lineCap = 'round';
  context.lineJoin = 'round';
  for (const stroke of strokes) {
    const ink = stroke.tool === 'eraser' ? '#fff' : '#000';
    context.strokeStyle = ink;
    context.lineWidth = { shape: OUTLINE, brush: BRUSH, eraser: ERASER }[stroke.tool];
    traceStroke(context, stroke);
    if (stroke.tool === 'shape') {
      context.closePath();
      // A middle grey, so that brush strokes on a garment are seen.
      context.fillStyle = '#555';
      context.fill();
      context.strokeStyle = '#555';
    }
    context.stroke();
  }
}
