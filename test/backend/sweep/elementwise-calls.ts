// Calls of kernels that work element by element, or over axes.
import * as tf from '@tensorflow/tfjs';
import { type Binary, binary, type Call, type Calls, gradientOf, reduction, types, unary } from './kinds.ts';

const scan =
  (operation: typeof tf.cumsum): Call =>
  (draw) => {
    const shape = draw.anyShape(4, 1);
    const x = draw.tensor(shape, draw.type(), [-2, 2]);
    const [axis, exclusive, reverse] = [draw.axis(shape.length), draw.chance(), draw.chance()];
    // The cpu backend gives a shape of its own to an axis that is counted from the end.
    const place = (): number => (tf.getBackend() === 'cpu' && axis < 0 ? axis + shape.length : axis);
    return () => operation(x(), place(), exclusive, reverse);
  };

const compare = (operation: Binary): Call => binary(operation, [...types]);
const logical = (operation: Binary): Call => binary(operation, ['bool']);

export const elementwiseCalls: Calls = {
  Abs: unary(tf.abs),
  Acos: unary(tf.acos, [-1, 1]),
  Acosh: unary(tf.acosh, [1, 9]),
  Add: binary(tf.add),
  All: reduction((x, axes, keep) => tf.all(x, axes, keep), 'bool'),
  Any: reduction((x, axes, keep) => tf.any(x, axes, keep), 'bool'),
  Asin: unary(tf.asin, [-1, 1]),
  Asinh: unary(tf.asinh),
  Atan: unary(tf.atan),
  Atan2: binary(tf.atan2, ['float32', 'int32', 'bool']),
  Atanh: unary(tf.atanh, [-0.99, 0.99]),
  Ceil: unary(tf.ceil),
  Cos: unary(tf.cos),
  Cosh: unary(tf.cosh),
  Cumprod: scan(tf.cumprod),
  Cumsum: scan(tf.cumsum),
  Elu: unary(tf.elu),
  EluGrad: unary((x) => gradientOf((value: tf.Tensor) => tf.elu(value).square())(x)),
  Equal: compare(tf.equal),
  Erf: unary(tf.erf),
  Exp: unary(tf.exp),
  Expm1: unary(tf.expm1),
  Floor: unary(tf.floor),
  FloorDiv: binary((a, b) => tf.floorDiv(a, b), ['float32', 'int32'], [1, 9]),
  Greater: compare(tf.greater),
  GreaterEqual: compare(tf.greaterEqual),
  Identity: unary((x) => tf.clone(x), undefined, ...types),
  IsFinite: unary((x) => tf.isFinite(tf.div(x, x.sub(x.round())))),
  IsInf: unary((x) => tf.isInf(tf.div(x, x.sub(x.round())))),
  IsNan: unary((x) => tf.isNaN(tf.log(x))),
  LeakyRelu: unary((x) => tf.leakyRelu(x, 0.3)),
  Less: compare(tf.less),
  LessEqual: compare(tf.lessEqual),
  Log: unary(tf.log, [0.01, 9]),
  Log1p: unary(tf.log1p, [-0.9, 9]),
  LogicalAnd: logical(tf.logicalAnd),
  LogicalNot: unary(tf.logicalNot, undefined, 'bool'),
  LogicalOr: logical(tf.logicalOr),
  Max: reduction((x, axes, keep) => tf.max(x, axes, keep), 'float32', 'int32'),
  Maximum: binary(tf.maximum),
  Mean: reduction((x, axes, keep) => tf.mean(x, axes, keep), 'float32', 'int32'),
  Min: reduction((x, axes, keep) => tf.min(x, axes, keep), 'float32', 'int32'),
  Minimum: binary(tf.minimum),
  Mod: binary(tf.mod, ['float32', 'int32', 'bool'], [1, 9]),
  Multiply: binary(tf.mul),
  Neg: unary(tf.neg),
  NotEqual: compare(tf.notEqual),
  OnesLike: unary((x) => tf.onesLike(x), undefined, ...types),
  Pow: binary(tf.pow, ['float32', 'int32', 'bool'], [0.1, 3]),
  Prod: reduction((x, axes, keep) => tf.prod(x, axes, keep), 'float32', 'int32'),
  RealDiv: binary(tf.div, ['float32', 'int32', 'bool'], [1, 9]),
  Reciprocal: unary(tf.reciprocal, [0.5, 9]),
  Relu: unary(tf.relu),
  Relu6: unary(tf.relu6),
  Round: unary(tf.round),
  Rsqrt: unary(tf.rsqrt, [0.1, 9]),
  Selu: unary(tf.selu),
  Sigmoid: unary(tf.sigmoid),
  Sign: unary(tf.sign),
  Sin: unary(tf.sin),
  Sinh: unary(tf.sinh),
  Softplus: unary(tf.softplus),
  Sqrt: unary(tf.sqrt, [0, 9]),
  Square: unary(tf.square),
  SquaredDifference: binary(tf.squaredDifference),
  Step: unary((x) => tf.step(x, 0.3)),
  Sub: binary(tf.sub),
  Sum: reduction((x, axes, keep) => tf.sum(x, axes, keep), ...types),
  Tan: unary(tf.tan, [-1.4, 1.4]),
  Tanh: unary(tf.tanh),
  ZerosLike: unary((x) => tf.zerosLike(x), undefined, ...types),
  ReluGrad: unary((x) => gradientOf((value: tf.Tensor) => tf.relu(value).square())(x)),
};
