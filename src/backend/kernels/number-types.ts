// Which kernels of this backend take int32 and bool as what they are. The others would read their bits as float32, or four bytes for one:
// the sweep (test/backend/sweep) has tried each with each type.
// Not here: complex64 and strings, which no kernel takes. Invariant: a kernel that is in no list here gets float32 alone.

/** Both int32 and bool. */
const anyNumbers = `
  Add All Any ArgMax ArgMin BatchToSpaceND BroadcastTo Cast ClipByValue Concat DepthToSpace Diag Equal ExpandDims Fill FloorDiv GatherNd
  GatherV2 Greater GreaterEqual Identity Less LessEqual LogicalAnd LogicalNot LogicalOr Max Maximum Mean Min Minimum MirrorPad
  Multiply NotEqual OnesLike Pack Pow Prod Reshape Reverse Select Slice SpaceToBatchND SparseToDense SplitV SquaredDifference
  StridedSlice Sub Sum TensorScatterUpdate Tile Transpose Unpack ZerosLike
`;

/** int32 beside float32: as numbers, or as places. */
const wholeNumbers = `
  Abs Acos Asin Atan Atan2 Atanh BatchMatMul Bincount BitwiseAnd BroadcastArgs CropAndResize Cumprod Cumsum DenseBincount Einsum Erf Exp
  IsFinite IsInf LeakyRelu Mod Multinomial Neg OneHot PadV2 RealDiv Relu Relu6 ReluGrad Round ScatterNd SearchSorted Selu Sign Sinh
  SparseFillEmptyRows SparseReshape SparseSegmentMean SparseSegmentSum Square Step TopK Unique UnsortedSegmentSum
`;

const namesOf = (list: string): string[] => list.trim().split(/\s+/);

const typesOf = new Map<string, readonly string[]>([
  ...namesOf(anyNumbers).map((name): [string, string[]] => [name, ['float32', 'int32', 'bool']]),
  ...namesOf(wholeNumbers).map((name): [string, string[]] => [name, ['float32', 'int32']]),
]);
const FLOATS: readonly string[] = ['float32'];

/** The types that a kernel reads as what they are. */
export const typesTakenBy = (kernelName: string): readonly string[] => typesOf.get(kernelName) ?? FLOATS;
