// What is asked of inspectors over HTTP: whether images deviate from good ones, and where. Not here: inspecting (inspection.ts), so that an app
// without one has no engine; drift, which is of pictures in their order. Invariant: whatever is sent, the answer is a list or an error with a code.
import type { Hono } from 'hono';
import { farthestOf, paintInspection } from '../apps/inspect/paint-inspection.ts';
import type { Preparation } from '../data/preparation.ts';
import { layOver } from '../report/explanation-figure.ts';
import { pngDataUri } from '../report/png.ts';
import { requestError } from './answer-error.ts';
import type { RequestImages } from './request-images.ts';

/** What is found in an image. */
export interface InspectedImage {
  /** Larger is stranger. */
  readonly score: number;
  readonly isAlarm: boolean;
  /** How probable a score as large is among good images. */
  readonly probability: number;
  /** `[side, side]`, 1 for what one in a hundred pixels of good images has. */
  readonly map: Float32Array;
}

/** Inspectors that answer, by name. */
export interface InspectionService {
  /** One or more. */
  readonly inspectors: Readonly<Record<string, { readonly preparation: Preparation; readonly falseAlarms: number }>>;
  /** @param images Levels as the preparation of that inspector makes them */
  inspect(inspector: string, images: Uint8Array): Promise<readonly InspectedImage[]>;
}

export const inspectPath = '/inspect';
export const mapForms = ['json', 'png', 'none'] as const;

/** Adds `POST /inspect`. */
export function addInspectRoute(
  app: Hono,
  service: InspectionService,
  readImages: (request: Request, preparation: Preparation) => Promise<RequestImages>,
): void {
  app.post(inspectPath, async (context) => {
    const name = inspectorOf(context.req.query('inspector'), Object.keys(service.inspectors));
    const form = context.req.query('map') ?? mapForms[0];
    if (!mapForms.some((known) => known === form)) throw queryError(`map to be ${mapForms.join(', ')}`, form);
    const { preparation, falseAlarms } = service.inspectors[name]!;
    const { pixels, details } = await readImages(context.req.raw, preparation);
    const found = await service.inspect(name, pixels);
    const { side } = preparation;
    const mapOf = (map: Float32Array, i: number): unknown => {
      if (form === 'json')
        return Array.from({ length: side }, (_, y) => Array.from(map.subarray(y * side), short).slice(0, side));
      const levels = pixels.subarray(i * side * side, (i + 1) * side * side);
      return pngDataUri(layOver({ width: side, height: side, pixels: levels }, { colours: paintInspection(map) }));
    };
    return context.json({
      inspector: { name, falseAlarms },
      images: found.map(({ score, isAlarm, probability, map }, i) => ({
        verdict: isAlarm ? 'deviates' : 'good',
        score: short(score),
        probability: short(probability),
        farthest: farthestOf(map, side),
        ...(form === 'none' ? {} : { map: mapOf(map, i) }),
        ...details[i],
      })),
    });
  });
}

function inspectorOf(text: string | undefined, names: readonly string[]): string {
  const name = text ?? (names.length === 1 ? names[0]! : undefined);
  if (name !== undefined && names.includes(name)) return name;
  throw queryError(`inspector to be ${names.join(', ')}`, name);
}

const queryError = (expected: string, got: string | undefined): Error =>
  requestError(
    'request/query',
    `Cannot inspect: expected ${expected}, got ${got === undefined ? 'none' : `"${got.slice(0, 20)}"`}`,
  );

/** As `selvedge inspect --json` has them. */
const short = (value: number): number => Number(value.toFixed(4));
