// ONNX files made by hand, in the idioms of exporters that are not here, and broken ones. Not a test.
import {
  attributeTypes,
  dataTypes,
  encodeMessage,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from '../../../src/models/onnx/index.ts';

export type AttributeValue = number | string | readonly number[] | { readonly float: number } | OnnxTensor;

/** A node of one output. */
export function node(
  opType: string,
  input: readonly string[],
  output: string,
  attributes: Readonly<Record<string, AttributeValue>> = {},
): OnnxNode {
  return {
    opType,
    name: `the_${output}`,
    input,
    output: [output],
    attribute: Object.entries(attributes).map(([name, value]) => attributeOf(name, value)),
  };
}

function attributeOf(name: string, value: AttributeValue): OnnxAttribute {
  const none = { name, floats: [], ints: [] };
  if (typeof value === 'number') return { ...none, type: attributeTypes.integer, i: value };
  if (typeof value === 'string') return { ...none, type: attributeTypes.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { ...none, type: attributeTypes.float, f: value.float };
  if ('dims' in value) return { ...none, type: attributeTypes.tensor, t: value };
  return { ...none, type: attributeTypes.integers, ints: value };
}

/** Numbers, listed. */
export const floats = (name: string, dims: readonly number[], values: readonly number[]): OnnxTensor => ({
  name,
  dims,
  dataType: dataTypes.FLOAT,
  floatData: values,
});
export const whole = (name: string, values: readonly number[]): OnnxTensor => ({
  name,
  dims: [values.length],
  dataType: dataTypes.INT64,
  int64Data: values,
});

export interface FileParts {
  readonly nodes: readonly OnnxNode[];
  readonly constants?: readonly OnnxTensor[];
  /** Behind the batch. */
  readonly input?: readonly (number | string)[];
  readonly inputType?: number;
  readonly opset?: number;
  readonly change?: (model: OnnxModel) => OnnxModel;
}

/** A file from value `x` to value `y`. */
export function fileOf(parts: FileParts): Promise<Uint8Array> {
  const { nodes, constants = [], input = [1, 4, 4], inputType = dataTypes.FLOAT, opset = 13, change } = parts;
  const dim = [
    { dimParam: 'n' },
    ...input.map((one) => (typeof one === 'number' ? { dimValue: one } : { dimParam: one })),
  ];
  const model: OnnxModel = {
    irVersion: 7,
    opsetImport: [{ domain: '', version: opset }],
    metadataProps: [],
    graph: {
      name: 'made by hand',
      node: nodes,
      initializer: constants,
      input: [{ name: 'x', type: { tensorType: { elemType: inputType, shape: { dim } } } }],
      output: [{ name: 'y' }],
    },
  };
  return encodeMessage('Model', change ? change(model) : model);
}
