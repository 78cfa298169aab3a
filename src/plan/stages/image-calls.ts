// Steps that are one call of a kernel whose unit is an image. Not a stage.
import type { Step } from '../context.ts';

/** One call for the images of each partition. */
export const ofImages = (kernel: string, args: number): Step[] => [
  { kind: 'partitions', calls: ({ first: start, last: end }) => [{ kernel, args, start, end }] },
];
