// One node of an ONNX graph as an operator sees it: its inputs as values, its attributes checked, and errors that name it.
// Not here: what it means. Invariant: an attribute that the operator does not name is an error, as is an input of another kind.
import { SelvedgeError } from '../../core/errors.ts';
import type { NetworkBuilder } from './network-builder.ts';
import { attributeTypes, type OnnxAttribute, type OnnxNode } from './schema.ts';
import { type Constant, describeValue, type Image, readTensor, type Value, type Vector } from './values.ts';

/** What is known of the graph around a node. */
export interface GraphContext {
  readonly opset: number;
  readonly network: NetworkBuilder;
  readonly values: Map<string, Value>;
  /** Value whose softmax the model ends in; it is its own output where there is none. */
  readonly logits: string;
  /** The value that one is the same as, by way of nodes that do nothing. */
  originOf(name: string): string;
  /** Nodes that take a value. */
  consumersOf(name: string): readonly OnnxNode[];
  /** Leaves a node out, since the one before has done its work; its output is that of the other. */
  absorb(node: OnnxNode): void;
}

export class NodeReader {
  readonly node: OnnxNode;
  readonly graph: GraphContext;
  readonly #attributes = new Map<string, OnnxAttribute>();

  /** @param known Attributes that the operator reads */
  constructor(node: OnnxNode, graph: GraphContext, known: readonly string[]) {
    this.node = node;
    this.graph = graph;
    for (const attribute of node.attribute) {
      const { name = '' } = attribute;
      if (!known.includes(name)) throw this.error(`no attribute "${name}"`, 'one, which is not known');
      this.#attributes.set(name, attribute);
    }
  }

  /** Of the node, or of what it makes. */
  get name(): string {
    return this.node.name || this.node.output[0] || this.node.opType || 'node';
  }

  get network(): NetworkBuilder {
    return this.graph.network;
  }

  error(expected: string, got: string): SelvedgeError {
    const { opType = '?' } = this.node;
    const named = `node "${this.name}" (${opType})`;
    return new SelvedgeError(
      'onnx/unsupported',
      `Cannot read ${named} of the ONNX model: expected ${expected}, got ${got}`,
    );
  }

  has(attribute: string): boolean {
    return this.#attributes.has(attribute);
  }

  integer(name: string, otherwise: number): number {
    const attribute = this.#attributes.get(name);
    return attribute ? (this.#typed(attribute, 'integer').i ?? 0) : otherwise;
  }

  float(name: string, otherwise: number): number {
    const attribute = this.#attributes.get(name);
    return attribute ? (this.#typed(attribute, 'float').f ?? 0) : otherwise;
  }

  integers(name: string): readonly number[] | undefined {
    const attribute = this.#attributes.get(name);
    return attribute && this.#typed(attribute, 'integers').ints;
  }

  floats(name: string): readonly number[] | undefined {
    const attribute = this.#attributes.get(name);
    return attribute && this.#typed(attribute, 'floats').floats;
  }

  text(name: string, otherwise: string): string {
    const attribute = this.#attributes.get(name);
    return attribute ? new TextDecoder().decode(this.#typed(attribute, 'string').s) : otherwise;
  }

  tensor(name: string): Constant | undefined {
    const attribute = this.#attributes.get(name);
    return attribute && readTensor(this.#typed(attribute, 'tensor').t!, `the value of node "${this.name}"`);
  }

  #typed(attribute: OnnxAttribute, type: keyof typeof attributeTypes): OnnxAttribute {
    // Files of early versions do not say which.
    if ((attribute.type ?? 0) === 0 || attribute.type === attributeTypes[type]) return attribute;
    throw this.error(`attribute "${attribute.name}" of type ${attributeTypes[type]}`, `type ${attribute.type}`);
  }

  /** Requires what most nodes have: the value, where given, that changes nothing. */
  requireInteger(name: string, ...allowed: readonly [number, ...number[]]): void {
    const value = this.integer(name, allowed[0]);
    if (!allowed.includes(value)) throw this.error(`attribute "${name}" of ${allowed.join(' or ')}`, `${value}`);
  }

  get inputCount(): number {
    return this.node.input.length;
  }

  hasInput(at: number): boolean {
    return (this.node.input[at] ?? '') !== '';
  }

  input(at: number): Value {
    const name = this.node.input[at] ?? '';
    const value = this.graph.values.get(name);
    if (value) return value;
    throw this.error(`an input ${at}`, name === '' ? 'none' : `"${name}", which no node before it makes`);
  }

  constant(at: number): Constant {
    const value = this.input(at);
    if (value.kind === 'constant') return value;
    throw this.error(`a constant as input ${at}`, describeValue(value));
  }

  /** A constant of whole numbers: axes, paddings. */
  list(at: number): readonly number[] {
    const { values, isInteger } = this.constant(at);
    if (!isInteger) throw this.error(`whole numbers as input ${at}`, 'others');
    return Array.from(values);
  }

  image(at: number): Image {
    const value = this.input(at);
    if (value.kind === 'image') return value;
    throw this.error('images', describeValue(value));
  }

  /** An image whose channels come first in the file, as operators with windows have it. */
  channelsFirst(at: number): Image {
    const value = this.image(at);
    if (value.layout === 'nchw') return value;
    throw this.error('images of channels first', describeValue(value));
  }

  vector(at: number): Vector {
    const value = this.input(at);
    if (value.kind === 'vector') return value;
    throw this.error('vectors', describeValue(value));
  }

  /** An axis of a value of this rank, not negative. */
  axis(axis: number, rank: number): number {
    const positive = axis < 0 ? axis + rank : axis;
    if (positive >= 0 && positive < rank) return positive;
    throw this.error(`an axis of ${rank}`, `${axis}`);
  }
}

/** How an operator is read: its attributes, and what it gives. */
export interface Operator {
  readonly attributes: readonly string[];
  read(node: NodeReader): Value;
}
