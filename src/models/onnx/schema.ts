// The messages of an ONNX file: their fields and numbers, as far as a classifier of images has them, and the same as types.
// Not here: bytes (codec.ts), meaning (values.ts, ../../plan/onnx/). Source: onnx.proto of ONNX 1.12,
// https://github.com/onnx/onnx/blob/v1.12.0/onnx/onnx.proto . Invariant: a field that is not listed is skipped, so one that would change
// what a model computes is listed.

/** Types of fields; any other is the name of a message. */
export type ScalarType = 'bytes' | 'double' | 'float' | 'int32' | 'int64' | 'string';

export interface Field {
  readonly name: string;
  readonly type: ScalarType | MessageName;
  readonly isRepeated?: boolean;
}

export type MessageName = keyof Messages;

interface Messages {
  Attribute: OnnxAttribute;
  Dimension: OnnxDimension;
  Entry: OnnxEntry;
  Graph: OnnxGraph;
  Model: OnnxModel;
  Node: OnnxNode;
  OperatorSet: OnnxOperatorSet;
  Shape: { readonly dim: readonly OnnxDimension[] };
  Tensor: OnnxTensor;
  TensorType: OnnxTensorType;
  Type: { readonly tensorType?: OnnxTensorType };
  ValueInfo: OnnxValueInfo;
}

/** A message by its name. */
export type Message<Name extends MessageName> = Messages[Name];

export interface OnnxModel {
  readonly irVersion?: number;
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly docString?: string;
  readonly graph?: OnnxGraph;
  readonly opsetImport: readonly OnnxOperatorSet[];
  readonly metadataProps: readonly OnnxEntry[];
}

export interface OnnxOperatorSet {
  readonly domain?: string;
  readonly version?: number;
}

export interface OnnxEntry {
  readonly key?: string;
  readonly value?: string;
}

export interface OnnxGraph {
  readonly name?: string;
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly OnnxTensor[];
  readonly input: readonly OnnxValueInfo[];
  readonly output: readonly OnnxValueInfo[];
  readonly docString?: string;
  /** Not read: that there are some is an error. */
  readonly sparseInitializer?: readonly Uint8Array[];
}

export interface OnnxNode {
  readonly name?: string;
  readonly opType?: string;
  readonly domain?: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly OnnxAttribute[];
}

/** One of the values is there, which `type` tells: see `attributeTypes`. */
export interface OnnxAttribute {
  readonly name?: string;
  readonly type?: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: OnnxTensor;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
}

export interface OnnxTensor {
  readonly name?: string;
  readonly dims: readonly number[];
  readonly dataType?: number;
  readonly floatData?: readonly number[];
  readonly int32Data?: readonly number[];
  readonly int64Data?: readonly number[];
  readonly doubleData?: readonly number[];
  readonly rawData?: Uint8Array;
  /** 1: in another file. */
  readonly dataLocation?: number;
  readonly externalData?: readonly OnnxEntry[];
}

export interface OnnxValueInfo {
  readonly name?: string;
  readonly type?: Message<'Type'>;
}

export interface OnnxTensorType {
  readonly elemType?: number;
  readonly shape?: Message<'Shape'>;
}

/** A number, or a name where the extent is open. */
export interface OnnxDimension {
  readonly dimValue?: number;
  readonly dimParam?: string;
}

const one = (name: string, type: Field['type']): Field => ({ name, type });
const many = (name: string, type: Field['type']): Field => ({ name, type, isRepeated: true });

/** Fields by number. */
export const messages: Readonly<Record<MessageName, Readonly<Record<number, Field>>>> = {
  Model: {
    1: one('irVersion', 'int64'),
    2: one('producerName', 'string'),
    3: one('producerVersion', 'string'),
    6: one('docString', 'string'),
    7: one('graph', 'Graph'),
    8: many('opsetImport', 'OperatorSet'),
    14: many('metadataProps', 'Entry'),
  },
  OperatorSet: { 1: one('domain', 'string'), 2: one('version', 'int64') },
  Entry: { 1: one('key', 'string'), 2: one('value', 'string') },
  Graph: {
    1: many('node', 'Node'),
    2: one('name', 'string'),
    5: many('initializer', 'Tensor'),
    10: one('docString', 'string'),
    11: many('input', 'ValueInfo'),
    12: many('output', 'ValueInfo'),
    15: many('sparseInitializer', 'bytes'),
  },
  Node: {
    1: many('input', 'string'),
    2: many('output', 'string'),
    3: one('name', 'string'),
    4: one('opType', 'string'),
    5: many('attribute', 'Attribute'),
    7: one('domain', 'string'),
  },
  Attribute: {
    1: one('name', 'string'),
    2: one('f', 'float'),
    3: one('i', 'int64'),
    4: one('s', 'bytes'),
    5: one('t', 'Tensor'),
    7: many('floats', 'float'),
    8: many('ints', 'int64'),
    20: one('type', 'int32'),
  },
  Tensor: {
    1: many('dims', 'int64'),
    2: one('dataType', 'int32'),
    4: many('floatData', 'float'),
    5: many('int32Data', 'int32'),
    7: many('int64Data', 'int64'),
    8: one('name', 'string'),
    9: one('rawData', 'bytes'),
    10: many('doubleData', 'double'),
    13: many('externalData', 'Entry'),
    14: one('dataLocation', 'int32'),
  },
  ValueInfo: { 1: one('name', 'string'), 2: one('type', 'Type') },
  Type: { 1: one('tensorType', 'TensorType') },
  TensorType: { 1: one('elemType', 'int32'), 2: one('shape', 'Shape') },
  Shape: { 1: many('dim', 'Dimension') },
  Dimension: { 1: one('dimValue', 'int64'), 2: one('dimParam', 'string') },
};

/** `OnnxAttribute.type`. */
export const attributeTypes = { float: 1, integer: 2, string: 3, tensor: 4, floats: 6, integers: 7 } as const;

/** `OnnxTensor.dataType`, by the names of ONNX. */
export const dataTypes = { FLOAT: 1, INT32: 6, INT64: 7, FLOAT16: 10, DOUBLE: 11 } as const;

/** Names of all data types by number, for messages. */
export const dataTypeNames: readonly string[] = [
  ...[
    'UNDEFINED',
    'FLOAT',
    'UINT8',
    'INT8',
    'UINT16',
    'INT16',
    'INT32',
    'INT64',
    'STRING',
    'BOOL',
    'FLOAT16',
    'DOUBLE',
  ],
  ...['UINT32', 'UINT64', 'COMPLEX64', 'COMPLEX128', 'BFLOAT16'],
];
