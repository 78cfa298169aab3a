// What the OpenAPI document says of `POST /inspect`. Not here: its errors, its body, and the rest of the document (openapi.ts).
// Invariant: every query that the route takes is in it.
import { type InspectionService, mapForms } from './inspect-routes.ts';

export type InspectorFacts = InspectionService['inspectors'];

/** The operation without its body and responses. */
export function inspectOperation(inspectors: InspectorFacts): object {
  const names = Object.keys(inspectors);
  const alarms = Object.entries(inspectors).map(([name, { falseAlarms }]) => `${name}: ${100 * falseAlarms}%`);
  return {
    summary: 'Tell whether images deviate from good ones, and where',
    description: `How many of good images are alarms, of each inspector: ${alarms.join(', ')}. Changes of light or camera over many images are not told.`,
    operationId: 'inspect',
    parameters: [
      {
        name: 'inspector',
        in: 'query',
        required: names.length > 1,
        description: 'Which inspector',
        schema: { enum: names },
      },
      {
        name: 'map',
        in: 'query',
        description: 'The heat map: rows of numbers; a PNG, laid over the image; or none',
        schema: { enum: [...mapForms], default: mapForms[0] },
      },
    ],
  };
}

const object = (properties: Readonly<Record<string, object>>, required = Object.keys(properties)): object => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const text = { type: 'string' };
const number = { type: 'number' };
const whole = { type: 'integer', minimum: 0 };
const share = { ...number, minimum: 0, maximum: 1 };

export const inspectSchemas: Readonly<Record<string, object>> = {
  Inspection: object({
    inspector: object({ name: text, falseAlarms: share }),
    images: { type: 'array', minItems: 1, items: { $ref: '#/components/schemas/InspectedImage' } },
  }),
  InspectedImage: object(
    {
      verdict: { enum: ['good', 'deviates'] },
      score: { ...number, description: 'Larger is stranger' },
      probability: { ...share, description: 'How probable a score as large is among good images' },
      farthest: { ...object({ x: whole, y: whole }), description: 'Where the map is highest: column and row' },
      map: {
        description:
          'Rows of how much each pixel deviates, 1 for one in a hundred of good images; or the address of a PNG',
        anyOf: [{ type: 'array', items: { type: 'array', items: number } }, text],
      },
      file: { ...text, description: 'Name of the file in a form' },
      ground: { enum: ['light', 'dark'], description: 'Of the picture, by its luma; a dark object on it was inverted' },
      box: {
        ...object({ left: whole, top: whole, width: whole, height: whole }),
        description: 'Where in the picture the image was found',
      },
    },
    ['verdict', 'score', 'probability', 'farthest'],
  ),
};
