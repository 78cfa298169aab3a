// One call of each kernel that the backend has, with drawn shapes, types and attributes, through the operation that users call.
// Invariant: every registered kernel has an entry here, or a reason in `notSwept`.
import { elementwiseCalls } from './elementwise-calls.ts';
import { imageCalls } from './image-calls.ts';
import type { Calls } from './kinds.ts';
import { movementCalls } from './movement-calls.ts';
import { windowCalls } from './window-calls.ts';

export { othersValues } from './window-calls.ts';

export const calls: Calls = { ...elementwiseCalls, ...windowCalls, ...imageCalls, ...movementCalls };

/** What cannot be compared by values, and why. */
export const notSwept: Readonly<Record<string, string>> = {
  Draw: 'draws on a canvas',
  Multinomial: 'random',
  RaggedGather: 'is the cpu kernel itself, and no operation of tfjs calls it with numbers alone',
  RaggedRange: 'is the cpu kernel itself',
  RaggedTensorToTensor: 'is the cpu kernel itself',
  StaticRegexReplace: 'of strings, by the cpu kernel itself',
  StringNGrams: 'of strings, by the cpu kernel itself',
  StringSplit: 'of strings, by the cpu kernel itself',
  StringToHashBucketFast: 'of strings, by the cpu kernel itself',
};
