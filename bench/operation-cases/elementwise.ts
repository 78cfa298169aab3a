// Cases of operations on each element by itself: `selvedge bench operations`.
import * as tf from '@tensorflow/tfjs';
import { booleans, type CaseSizes, floats, integers, type OperationCase, operation, runKernel } from './case.ts';

type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const unary: Readonly<Record<string, Unary>> = {
  Abs: tf.abs,
  Asinh: tf.asinh,
  Atan: tf.atan,
  Ceil: tf.ceil,
  ClipByValue: (x) => tf.clipByValue(x, -0.5, 0.5),
  Cos: tf.cos,
  Cosh: tf.cosh,
  Elu: tf.elu,
  Erf: tf.erf,
  Exp: tf.exp,
  Expm1: tf.expm1,
  Floor: tf.floor,
  Identity: tf.clone,
  IsFinite: tf.isFinite,
  IsInf: tf.isInf,
  IsNan: tf.isNaN,
  LeakyRelu: tf.leakyRelu,
  Neg: tf.neg,
  OnesLike: tf.onesLike,
  Reciprocal: tf.reciprocal,
  Relu: tf.relu,
  Relu6: tf.relu6,
  Round: tf.round,
  Selu: tf.selu,
  Sigmoid: tf.sigmoid,
  Sign: tf.sign,
  Sin: tf.sin,
  Sinh: tf.sinh,
  Softplus: tf.softplus,
  Square: tf.square,
  Step: tf.step,
  Tan: tf.tan,
  Tanh: tf.tanh,
  ZerosLike: tf.zerosLike,
};

/** Functions that are not defined everywhere, and where they are. */
const unaryOf: Readonly<Record<string, readonly [Unary, low: number, high: number]>> = {
  Acos: [tf.acos, -1, 1],
  Acosh: [tf.acosh, 1, 3],
  Asin: [tf.asin, -1, 1],
  Atanh: [tf.atanh, -0.9, 0.9],
  Log: [tf.log, 0.1, 3],
  Log1p: [tf.log1p, 0, 3],
  Rsqrt: [tf.rsqrt, 0.1, 3],
  Sqrt: [tf.sqrt, 0, 3],
};

const binary: Readonly<Record<string, Binary>> = {
  Add: tf.add,
  Atan2: tf.atan2,
  Equal: tf.equal,
  FloorDiv: tf.floorDiv,
  Greater: tf.greater,
  GreaterEqual: tf.greaterEqual,
  Less: tf.less,
  LessEqual: tf.lessEqual,
  Maximum: tf.maximum,
  Minimum: tf.minimum,
  Mod: tf.mod,
  Multiply: tf.mul,
  NotEqual: tf.notEqual,
  Pow: tf.pow,
  Prelu: tf.prelu,
  RealDiv: tf.div,
  SquaredDifference: tf.squaredDifference,
  Sub: tf.sub,
};

const integerBinary: Readonly<Record<string, Binary>> = {
  Add: tf.add,
  BitwiseAnd: tf.bitwiseAnd as Binary,
  Maximum: tf.maximum,
  Multiply: tf.mul,
  Sub: tf.sub,
};

const logical: Readonly<Record<string, Binary>> = {
  LogicalAnd: tf.logicalAnd,
  LogicalOr: tf.logicalOr,
  // tf.logicalXor is composed of the others.
  LogicalXor: (a, b) => runKernel('LogicalXor', { a, b }) as tf.Tensor,
};

const casts = [
  ['float32', 'int32'],
  ['float32', 'bool'],
  ['int32', 'float32'],
  ['int32', 'bool'],
  ['bool', 'float32'],
  ['bool', 'int32'],
] as const;

const ofType = (type: 'float32' | 'int32' | 'bool', shape: readonly number[]): tf.Tensor => {
  if (type === 'bool') return booleans(shape);
  return type === 'int32' ? integers(shape, 100) : floats(shape, -100, 100);
};

export function elementwiseCases({ side }: CaseSizes): OperationCase[] {
  const shape = [side, side];
  const on = (make: () => tf.Tensor, compute: Unary) => () => {
    const x = make();
    return () => compute(x);
  };
  const onTwo = (make: () => [tf.Tensor, tf.Tensor], compute: Binary) => () => {
    const [a, b] = make();
    return () => compute(a, b);
  };
  return [
    ...Object.entries(unary).map(([kernel, f]) =>
      operation(
        kernel,
        on(() => floats(shape, -3, 3), f),
      ),
    ),
    ...Object.entries(unaryOf).map(([kernel, [f, low, high]]) =>
      operation(
        kernel,
        on(() => floats(shape, low, high), f),
      ),
    ),
    ...Object.entries(binary).map(([kernel, f]) =>
      operation(
        kernel,
        onTwo(() => [floats(shape, 0.5, 3), floats(shape, 1, 2)], f),
      ),
    ),
    ...(['Add', 'Greater', 'Maximum', 'Mod', 'Pow', 'RealDiv'] as const).map((kernel) =>
      operation(
        kernel,
        onTwo(() => [floats(shape, 0.5, 3), floats([side], 1, 2)], binary[kernel]!),
        'of a row',
      ),
    ),
    ...Object.entries(integerBinary).map(([kernel, f]) =>
      operation(
        kernel,
        onTwo(() => [integers(shape, 1000), integers(shape, 99)], f),
        'int32',
      ),
    ),
    ...Object.entries(logical).map(([kernel, f]) =>
      operation(
        kernel,
        onTwo(() => [booleans(shape), booleans(shape)], f),
      ),
    ),
    operation(
      'LogicalNot',
      on(() => booleans(shape), tf.logicalNot),
    ),
    ...casts.map(([from, to]) =>
      operation(
        'Cast',
        on(
          () => ofType(from, shape),
          (x) => tf.cast(x, to),
        ),
        `${from} to ${to}`,
      ),
    ),
    operation(
      'EluGrad',
      onTwo(
        () => [floats(shape), floats(shape)],
        (dy, y) => runKernel('EluGrad', { dy, y }) as tf.Tensor,
      ),
    ),
    operation(
      'ReluGrad',
      onTwo(
        () => [floats(shape), floats(shape)],
        (dy, x) => runKernel('ReluGrad', { dy, x }) as tf.Tensor,
      ),
    ),
    operation(
      'AddN',
      onTwo(
        () => [floats(shape), floats(shape)],
        (a, b) => tf.addN([a, b, a]),
      ),
    ),
    operation(
      'Select',
      onTwo(
        () => [booleans(shape), floats(shape)],
        (condition, x) => tf.where(condition, x, x),
      ),
    ),
    operation(
      'Select',
      onTwo(
        () => [booleans(shape), integers(shape, 9)],
        (condition, x) => tf.where(condition, x, x),
      ),
      'int32',
    ),
  ];
}
