// What the OpenAPI document says of `POST /detect`. Not here: its errors, and the rest of the document (openapi.ts).
// Invariant: every content type that the route takes is in it.
import { detectTypes } from './detect-routes.ts';
import type { RequestLimits } from './request-images.ts';

/** The operation without its responses. */
export function detectOperation({ maximumPixels, maximumBodyBytes, maximumImages }: RequestLimits): object {
  const picture = {
    schema: {
      description: `A picture of any size up to ${maximumPixels} pixels, on ground of any colour; its bytes tell the kind`,
      contentMediaType: 'application/octet-stream',
    },
  };
  const form = {
    schema: {
      type: 'object',
      minProperties: 1,
      description: `Pictures of any field names, at most ${maximumImages}`,
      additionalProperties: { type: 'array', items: { contentMediaType: 'application/octet-stream' } },
    },
  };
  return {
    summary: 'Find the items in pictures',
    description: `A box, a class and a score for each item. A body has at most ${maximumBodyBytes} bytes. The first answer takes longer: the detector is loaded then.`,
    operationId: 'detect',
    parameters: [
      {
        name: 'threshold',
        in: 'query',
        description: 'Items of a lower score are left out; default: .5',
        schema: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
      },
    ],
    requestBody: {
      required: true,
      content: Object.fromEntries(
        detectTypes.map((type) => [type, type === 'multipart/form-data' ? form : picture] as const),
      ),
    },
  };
}

const object = (properties: Readonly<Record<string, object>>, required = Object.keys(properties)): object => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const list = (items: object): object => ({ type: 'array', items });
const text = { type: 'string' };
const length = { type: 'number', minimum: 0 };
const side = { type: 'integer', minimum: 1 };

export const detectSchemas: Readonly<Record<string, object>> = {
  Detection: object({ images: list({ $ref: '#/components/schemas/PictureItems' }) }),
  PictureItems: object(
    {
      file: { ...text, description: 'Name of the file in a form' },
      width: side,
      height: side,
      ground: { enum: ['light', 'dark'], description: "Of the picture's border, by its luma" },
      items: list(
        object({
          class: text,
          score: { type: 'number', minimum: 0, maximum: 1 },
          box: {
            ...object({ left: length, top: length, width: length, height: length }),
            description: 'In pixels of the picture, with fractions',
          },
        }),
      ),
    },
    ['width', 'height', 'ground', 'items'],
  ),
};
