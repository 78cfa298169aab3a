// One update of one variable, in place, by any of the kernels in assembly/adam.ts and assembly/sgd.ts. Not an optimiser: slots,
// settings and the number of the update belong to the caller.
// Invariant: all these kernels take their arguments in one order, so that whoever calls them need not know which it is.
//
//   words  0        1         2 …    2 + slots  3 + slots        4 + slots …  … to the end
//         [weights | gradient | slots | elements | elementsPerUnit | constants | step words]

import type { SelvedgeBackend, TensorReference } from '../selvedge-backend.ts';
import { type Tensor, tidy, tensor as toTensor, type Variable } from '../tfjs.ts';

/** Exports of assembly/adam.ts and assembly/sgd.ts. */
export type OptimizerKernel = 'adam' | 'adamW' | 'sgd' | 'sgdMomentum' | 'sgdNesterov';

/** How one variable is updated; the same in every update. */
export interface VariableUpdate {
  readonly variable: Variable;
  readonly kernel: OptimizerKernel;
  /** What the kernel keeps between updates: moments or a velocity, each of the variable's shape. */
  readonly slots: readonly Tensor[];
  /** Settings of the kernel as 32-bit words. */
  readonly constants: readonly number[];
}

/** The memory that one call works on: byte offsets. */
export interface UpdateOffsets {
  readonly weights: number;
  readonly gradient: number;
  readonly slots: readonly number[];
}

const ELEMENTS_PER_UNIT = 1024;

/**
 * The arguments of a kernel. Only the step words, at the end, differ from update to update.
 *
 * @param elements Of the variable
 * @param elementsPerUnit What a unit of the call is: a multiple of 4
 * @param stepWords What this update has of its own, see `Optimizer.countUpdate`; a kernel may leave the last ones unread
 * @returns 32-bit words
 */
export function updateArguments(
  offsets: UpdateOffsets,
  size: { readonly elements: number; readonly elementsPerUnit: number },
  { constants }: Pick<VariableUpdate, 'constants'>,
  stepWords: readonly number[],
): number[] {
  const { weights, gradient, slots } = offsets;
  return [weights, gradient, ...slots, size.elements, size.elementsPerUnit, ...constants, ...stepWords];
}

/** Updates a variable and its slots on all threads. */
export function updateVariable(
  backend: SelvedgeBackend,
  update: VariableUpdate,
  gradient: TensorReference,
  stepWords: readonly number[],
): void {
  const { variable, kernel, slots } = update;
  ownMemory(backend, variable);
  const elements = variable.size;
  const offsets = {
    weights: backend.offset(variable),
    gradient: backend.offset(gradient),
    slots: slots.map((slot) => backend.offset(slot)),
  };
  const words = updateArguments(offsets, { elements, elementsPerUnit: ELEMENTS_PER_UNIT }, update, stepWords);
  backend.pool.run(kernel, Math.ceil(elements / ELEMENTS_PER_UNIT), words);
}

let writes = 0;

/** Counts variables about to be written in place: who derives something from weights asks whether the number is still the same. */
export const writesInPlace = (): number => writes;

/** Gives a variable whose memory a clone, a reshape or another variable shares a copy of its own, to be written in place. */
export function ownMemory(backend: SelvedgeBackend, variable: Variable): void {
  writes++;
  backend.computeReaders(variable);
  if (backend.refCount(variable.dataId) === 1) return;
  tidy(() => variable.assign(toTensor(variable.dataSync(), variable.shape)));
}
