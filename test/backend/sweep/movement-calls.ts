// Calls of kernels that move, make, gather, scatter and sort elements.
import * as tf from '@tensorflow/tfjs';
import type { Call, Calls } from './kinds.ts';

const joined =
  (operation: 'concat' | 'stack'): Call =>
  (draw) => {
    const shape = draw.anyShape(4, operation === 'concat' ? 1 : 0);
    const axis = operation === 'concat' ? draw.axis(shape.length) : draw.int(0, shape.length);
    const type = draw.type();
    const parts = Array.from({ length: draw.int(1, 4) }, () => {
      const own = [...shape];
      if (operation === 'concat') own[axis < 0 ? axis + shape.length : axis] = draw.extent();
      return draw.tensor(own, type);
    });
    return () =>
      operation === 'concat'
        ? tf.concat(
            parts.map((make) => make()),
            axis,
          )
        : tf.stack(
            parts.map((make) => make()),
            axis,
          );
  };

const padded =
  (mode: 'constant' | 'reflect' | 'symmetric'): Call =>
  (draw) => {
    const shape = draw.shape(draw.int(1, 4), mode === 'constant' ? 0 : 2);
    const most = (extent: number): number => (mode === 'constant' ? 4 : mode === 'reflect' ? extent - 1 : extent);
    const sides = shape.map((extent): [number, number] => [draw.int(0, most(extent)), draw.int(0, most(extent))]);
    const x = draw.tensor(shape, draw.type());
    const value = draw.int(-2, 2);
    return () => (mode === 'constant' ? tf.pad(x(), sides, value) : tf.mirrorPad(x(), sides, mode));
  };

const sparseSegment =
  (operation: 'sparseSegmentMean' | 'sparseSegmentSum'): Call =>
  (draw) => {
    const rows = draw.extent(1);
    const data = draw.tensor([rows, ...draw.shape(draw.int(0, 2), 1)]);
    const count = draw.extent(1);
    const indices = draw.tensor<tf.Rank.R1>([count], 'int32', [0, rows - 1]);
    let segment = 0;
    const ids = Array.from({ length: count }, () => (segment += draw.int(0, 1)));
    ids[0] = 0;
    const sorted = ids.map((id, i) => Math.min(id, i));
    return () => tf.sparse[operation](data(), indices(), tf.tensor1d(sorted, 'int32'));
  };

export const movementCalls: Calls = {
  AddN: (draw) => {
    const shape = draw.anyShape();
    const parts = Array.from({ length: draw.int(1, 4) }, () => draw.tensor(shape));
    return () => tf.addN(parts.map((make) => make()));
  },
  ArgMax: (draw) => {
    const shape = draw.shape(draw.int(1, 4), 1);
    const x = draw.tensor(shape, draw.type());
    const axis = draw.axis(shape.length);
    return () => tf.argMax(x(), axis);
  },
  ArgMin: (draw) => {
    const shape = draw.shape(draw.int(1, 4), 1);
    const x = draw.tensor(shape, draw.type());
    const axis = draw.axis(shape.length);
    return () => tf.argMin(x(), axis);
  },
  Bincount: (draw) => {
    const count = draw.extent();
    const x = draw.tensor<tf.Rank.R1>([count], 'int32', [0, 9]);
    const weights = draw.tensor<tf.Rank.R1>([draw.chance() ? count : 0]);
    const size = draw.extent(1);
    return () => tf.bincount(x(), weights(), size);
  },
  BitwiseAnd: (draw) => {
    const shape = draw.anyShape();
    const [a, b] = [draw.tensor(shape, 'int32', [-99, 99]), draw.tensor(shape, 'int32', [-99, 99])];
    return () => tf.bitwiseAnd(a(), b());
  },
  BroadcastArgs: (draw) => {
    const [a, b] = draw.broadcast().map((shape) => shape.map((extent) => Math.max(1, extent)));
    return () => tf.broadcastArgs(tf.tensor1d(a!, 'int32'), tf.tensor1d(b!, 'int32'));
  },
  BroadcastTo: (draw) => {
    const shape = draw.anyShape(4, 1);
    const x = draw.tensor(
      shape.map((extent) => (draw.chance() ? 1 : extent)),
      draw.type(),
    );
    return () => tf.broadcastTo(x(), shape as [number]);
  },
  Cast: (draw) => {
    const x = draw.tensor(draw.anyShape(), draw.type());
    const type = draw.type();
    return () => tf.cast(x(), type);
  },
  ClipByValue: (draw) => {
    const x = draw.tensor(draw.anyShape(), draw.type());
    return () => tf.clipByValue(x(), -1, 2);
  },
  Complex: (draw) => {
    const shape = draw.anyShape();
    const [real, imag] = [draw.tensor(shape), draw.tensor(shape)];
    return () => tf.complex(real(), imag());
  },
  ComplexAbs: (draw) => {
    const shape = draw.anyShape();
    const [real, imag] = [draw.tensor(shape), draw.tensor(shape)];
    return () => tf.abs(tf.complex(real(), imag()));
  },
  Concat: joined('concat'),
  DenseBincount: (draw) => {
    const shape = draw.shape(draw.int(1, 2), 1);
    const x = draw.tensor<tf.Rank.R2>(shape, 'int32', [0, 9]);
    const weights = draw.tensor<tf.Rank.R2>(draw.chance() ? shape : [0]);
    // Of a vector, the cpu backend forgets that it was asked whether, not how often.
    const [size, binary] = [draw.extent(1), shape.length === 2 && draw.chance()];
    return () => tf.denseBincount(x(), weights(), size, binary);
  },
  Diag: (draw) => {
    const x = draw.tensor(draw.shape(draw.int(1, 2), 1), draw.type());
    return () => tf.diag(x());
  },
  ExpandDims: (draw) => {
    const shape = draw.anyShape(3);
    const x = draw.tensor(shape, draw.type());
    const axis = draw.int(-shape.length - 1, shape.length);
    return () => tf.expandDims(x(), axis);
  },
  FFT: (draw) => {
    const shape = draw.shape(draw.int(1, 2), 1);
    const [real, imag] = [draw.tensor(shape), draw.tensor(shape)];
    return () => tf.spectral.fft(tf.complex(real(), imag()));
  },
  Fill: (draw) => {
    const shape = draw.anyShape();
    const type = draw.type();
    return () => tf.fill(shape, type === 'float32' ? 1.5 : 1, type);
  },
  GatherNd: (draw) => {
    const shape = draw.shape(draw.int(1, 3), 1);
    const depth = draw.int(1, shape.length);
    const x = draw.tensor(shape, draw.type());
    const rows = Array.from({ length: draw.int(1, 5) }, () =>
      shape.slice(0, depth).map((extent) => draw.int(0, extent - 1)),
    );
    return () => tf.gatherND(x(), tf.tensor2d(rows, [rows.length, depth], 'int32'));
  },
  GatherV2: (draw) => {
    const shape = draw.shape(draw.int(1, 4), 1);
    const axis = draw.axis(shape.length);
    const x = draw.tensor(shape, draw.type());
    const indices = draw.tensor(draw.anyShape(2), 'int32', [0, shape.at(axis)! - 1]);
    return () => tf.gather(x(), indices() as tf.Tensor1D, axis);
  },
  IFFT: (draw) => {
    const shape = draw.shape(draw.int(1, 2), 1);
    const [real, imag] = [draw.tensor(shape), draw.tensor(shape)];
    return () => tf.spectral.ifft(tf.complex(real(), imag()));
  },
  Imag: (draw) => {
    const shape = draw.anyShape();
    const [real, imag] = [draw.tensor(shape), draw.tensor(shape)];
    return () => tf.imag(tf.complex(real(), imag()));
  },
  LinSpace: (draw) => {
    const count = draw.extent(1);
    return () => tf.linspace(-1, 3.5, count);
  },
  LogicalXor: (draw) => {
    const shape = draw.anyShape();
    const [a, b] = [draw.tensor(shape, 'bool'), draw.tensor(shape, 'bool')];
    return () => tf.logicalXor(a(), b());
  },
  MirrorPad: (draw) => padded(draw.pick(['reflect', 'symmetric'] as const))(draw),
  OneHot: (draw) => {
    const depth = draw.int(1, 9);
    const x = draw.tensor(draw.anyShape(3), 'int32', [-1, depth]);
    return () => tf.oneHot(x(), depth, 2, -1);
  },
  Pack: joined('stack'),
  PadV2: padded('constant'),
  Prelu: (draw) => {
    const [a, b] = draw.broadcast();
    const [x, alpha] = a.length >= b.length ? [a, b] : [b, a];
    const [left, right] = [draw.tensor(x), draw.tensor(alpha, 'float32', [0, 1])];
    return () => tf.prelu(left(), right());
  },
  Range: (draw) => {
    const [start, stop, step] = [draw.int(-9, 9), draw.int(-9, 9), draw.pick([1, 2, -1, 0.5])];
    return () => tf.range(start, stop, step, 'float32');
  },
  Real: (draw) => {
    const shape = draw.anyShape();
    const [real, imag] = [draw.tensor(shape), draw.tensor(shape)];
    return () => tf.real(tf.complex(real(), imag()));
  },
  Reshape: (draw) => {
    const shape = draw.anyShape();
    const x = draw.tensor(shape, draw.type());
    return () => tf.reshape(x(), [tf.util.sizeFromShape(shape)]);
  },
  Reverse: (draw) => {
    const shape = draw.anyShape();
    const x = draw.tensor(shape, draw.type());
    const axes = shape.map((_, axis) => axis).filter(() => draw.chance());
    return () => tf.reverse(x(), axes);
  },
  ScatterNd: (draw) => {
    const shape = draw.shape(draw.int(1, 3), 1);
    const depth = draw.int(1, shape.length);
    const rows = Array.from({ length: draw.int(1, 6) }, () =>
      shape.slice(0, depth).map((extent) => draw.int(0, extent - 1)),
    );
    const updates = draw.tensor([rows.length, ...shape.slice(depth)], draw.type());
    return () => tf.scatterND(tf.tensor2d(rows, [rows.length, depth], 'int32'), updates(), shape as [number]);
  },
  SearchSorted: (draw) => {
    const [rows, length] = [draw.int(1, 3), draw.extent(1)];
    const sorted = Array.from({ length: rows }, () =>
      Array.from({ length }, () => draw.int(-9, 9)).sort((a, b) => a - b),
    );
    const values = draw.tensor([rows, draw.extent(1)], 'float32', [-9, 9]);
    const side = draw.pick(['left', 'right'] as const);
    return () => tf.searchSorted(tf.tensor2d(sorted, [rows, length]), values(), side);
  },
  Select: (draw) => {
    // Of nothing, the cpu backend selects for ever.
    const shape = draw.shape(draw.int(0, 4), 1);
    const type = draw.type();
    const isVector = shape.length > 0 && draw.chance(0.3);
    const [condition, a, b] = [
      draw.tensor(isVector ? [shape[0]!] : shape, 'bool'),
      draw.tensor(shape, type),
      draw.tensor(shape, type),
    ];
    return () =>
      tf.where(isVector ? condition().reshape([shape[0]!, ...shape.slice(1).map(() => 1)]) : condition(), a(), b());
  },
  Slice: (draw) => {
    const shape = draw.anyShape(6, 1);
    const begin = shape.map((extent) => draw.int(0, extent));
    const size = shape.map((extent, axis) => draw.int(0, extent - begin[axis]!));
    const x = draw.tensor(shape, draw.type());
    return () => tf.slice(x(), begin, size);
  },
  Softmax: (draw) => {
    const x = draw.tensor(draw.shape(draw.int(1, 4), 1));
    return () => tf.softmax(x());
  },
  SparseFillEmptyRows: (draw) => {
    const [rows, columns] = [draw.int(1, 6), draw.int(1, 4)];
    const places = Array.from({ length: draw.int(1, 5) }, () => [draw.int(0, rows - 1), draw.int(0, columns - 1)]).sort(
      (a, b) => a[0]! - b[0]!,
    );
    const values = draw.tensor<tf.Rank.R1>([places.length], draw.type());
    return () =>
      Object.values(
        tf.sparse.sparseFillEmptyRows(
          tf.tensor2d(places, [places.length, 2], 'int32'),
          values(),
          tf.tensor1d([rows, columns], 'int32'),
          tf.scalar(7, values().dtype),
        ),
      );
  },
  SparseReshape: (draw) => {
    const [rows, columns] = [draw.int(1, 6), draw.int(1, 4)];
    const places = Array.from({ length: draw.int(1, 5) }, () => [draw.int(0, rows - 1), draw.int(0, columns - 1)]);
    return () =>
      Object.values(
        tf.sparse.sparseReshape(
          tf.tensor2d(places, [places.length, 2], 'int32'),
          tf.tensor1d([rows, columns], 'int32'),
          tf.tensor1d([columns, -1], 'int32'),
        ),
      );
  },
  SparseSegmentMean: sparseSegment('sparseSegmentMean'),
  SparseSegmentSum: sparseSegment('sparseSegmentSum'),
  SparseToDense: (draw) => {
    const length = draw.extent(1);
    const places = Array.from({ length }, (_, i) => i).filter(() => draw.chance());
    if (places.length === 0) places.push(0);
    const values = draw.tensor<tf.Rank.R1>([places.length], draw.type());
    return () => tf.sparseToDense(tf.tensor1d(places, 'int32'), values(), [length], tf.scalar(3, values().dtype));
  },
  SplitV: (draw) => {
    const shape = draw.anyShape(4, 1);
    const axis = draw.axis(shape.length);
    const at = axis < 0 ? axis + shape.length : axis;
    const sizes = Array.from({ length: draw.int(1, 3) }, () => draw.extent());
    shape[at] = sizes.reduce((sum, size) => sum + size, 0);
    const x = draw.tensor(shape, draw.type());
    return () => tf.split(x(), sizes, axis);
  },
  StridedSlice: (draw) => {
    const shape = draw.anyShape(4, 1);
    const strides = shape.map(() => draw.pick([1, 2, 3, -1, -2]));
    const begin = shape.map((extent) => draw.int(-extent - 1, extent));
    const end = shape.map((extent) => draw.int(-extent - 1, extent + 1));
    const x = draw.tensor(shape, draw.type());
    const masks = [draw.int(0, 3), draw.int(0, 3)] as const;
    return () => tf.stridedSlice(x(), begin, end, strides, ...masks);
  },
  TensorScatterUpdate: (draw) => {
    const shape = draw.shape(draw.int(1, 3), 1);
    const rows = Array.from({ length: shape[0]! }, (_, i) => [i]).filter(() => draw.chance());
    if (rows.length === 0) rows.push([0]);
    const type = draw.type();
    const [x, updates] = [draw.tensor(shape, type), draw.tensor([rows.length, ...shape.slice(1)], type)];
    return () => tf.tensorScatterUpdate(x(), tf.tensor2d(rows, [rows.length, 1], 'int32'), updates());
  },
  Tile: (draw) => {
    const shape = draw.anyShape(4);
    const x = draw.tensor(shape, draw.type());
    const times = shape.map(() => draw.int(1, 3));
    return () => tf.tile(x(), times);
  },
  TopK: (draw) => {
    const shape = draw.shape(draw.int(1, 3), 1);
    const x = draw.tensor(shape, draw.type());
    const k = draw.int(1, shape.at(-1)!);
    return () => Object.values(tf.topk(x(), k));
  },
  Transpose: (draw) => {
    const shape = draw.anyShape(6);
    const x = draw.tensor(shape, draw.type());
    const order = shape.map((_, axis) => axis);
    for (let i = order.length - 1; i > 0; i--) {
      const j = draw.int(0, i);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return () => tf.transpose(x(), order);
  },
  Unique: (draw) => {
    const shape = draw.shape(draw.int(1, 3), 1);
    const x = draw.tensor(shape, draw.type(), [0, 2]);
    const whole = x;
    const axis = draw.int(0, shape.length - 1);
    return () => Object.values(tf.unique(tf.round(whole()).cast('int32'), axis));
  },
  Unpack: (draw) => {
    const shape = draw.anyShape(4, 1);
    const axis = draw.axis(shape.length);
    const x = draw.tensor(shape, draw.type());
    return () => tf.unstack(x(), axis);
  },
  UnsortedSegmentSum: (draw) => {
    const shape = draw.shape(draw.int(1, 3), 1);
    const count = draw.int(1, 5);
    const [x, ids] = [draw.tensor(shape), draw.tensor<tf.Rank.R1>([shape[0]!], 'int32', [0, count - 1])];
    return () => tf.unsortedSegmentSum(x(), ids(), count);
  },
};
