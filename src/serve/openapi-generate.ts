// What the OpenAPI document says of `POST /generate`. Not here: its errors, and the rest of the document (openapi.ts).
// Invariant: every content type that the route takes is in it.
import { designDefaults, designLimits } from '../apps/generate/design-defaults.ts';
import { designBounds, generateTypes } from './generate-routes.ts';
import type { RequestLimits } from './request-images.ts';

const whole = (minimum: number, maximum: number): object => ({ type: 'integer', minimum, maximum });
const shares = {
  type: 'object',
  minProperties: 1,
  additionalProperties: { type: 'number', exclusiveMinimum: 0 },
  description: 'Shares of classes by name; they need not sum to 1',
};
const settings: Readonly<Record<string, object>> = {
  count: { ...whole(1, designBounds.count), default: 16 },
  seed: { ...whole(0, 0xffff_ffff), default: 1, description: 'The same seed gives the same pictures' },
  steps: {
    ...whole(1, designLimits.steps),
    default: designDefaults.steps,
    description: `At most ${designBounds.steps} of all designs together`,
  },
  guidance: {
    type: 'number',
    minimum: 0,
    maximum: designLimits.guidance,
    default: designDefaults.guidance,
    description: 'How typical of the class',
  },
};
const ofVariations: Readonly<Record<string, object>> = {
  class: { type: 'string', description: 'A class, or shares such as dress:3,shirt:1; default: what the picture shows' },
  ...settings,
  strength: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: designDefaults.strength,
    description: 'How much is drawn anew',
  },
};

/** The operation without its responses. */
export function generateOperation({ maximumPixels, maximumBodyBytes }: RequestLimits): object {
  const picture = {
    schema: {
      description: `A picture to vary, of any size up to ${maximumPixels} pixels; its bytes tell the kind`,
      contentMediaType: 'application/octet-stream',
    },
  };
  const order = {
    schema: { $ref: '#/components/schemas/DesignOrder' },
    examples: { mixture: { summary: 'A mixture', value: { classes: { Dress: 3, Shirt: 1 }, count: 2, seed: 7 } } },
  };
  return {
    summary: 'Make new designs',
    description: `Of classes, as JSON; or variations of a picture, whose settings are parameters. A body has at most ${maximumBodyBytes} bytes. Who accepts application/json gets levels, anybody else a PNG of all designs. The first answer takes longer: the generator is loaded then.`,
    operationId: 'generate',
    parameters: Object.entries(ofVariations).map(([name, schema]) => ({
      name,
      in: 'query',
      description: 'Of variations of a picture',
      schema,
    })),
    requestBody: {
      required: true,
      content: Object.fromEntries(
        generateTypes.map((type) => [type, type === 'application/json' ? order : picture] as const),
      ),
    },
  };
}

/** All designs as one picture. */
export const sheetContent = { 'image/png': { schema: { contentMediaType: 'image/png' } } };

export const generateSchemas: Readonly<Record<string, object>> = {
  DesignOrder: {
    type: 'object',
    properties: { classes: shares, ...settings },
    required: ['classes'],
    additionalProperties: false,
  },
  Designs: {
    type: 'object',
    properties: {
      classes: shares,
      count: whole(1, designBounds.count),
      side: { type: 'integer', minimum: 1 },
      images: {
        type: 'array',
        items: { type: 'array', items: whole(0, 255) },
        description: 'Levels of each design, row by row, as `POST /classify` takes them',
      },
    },
    required: ['classes', 'count', 'side', 'images'],
    additionalProperties: false,
  },
};
