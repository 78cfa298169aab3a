// The platform this process runs on. Other runtimes get a file of the same shape beside `node.ts`.
import { node } from './node.ts';
import type { Platform } from './platform.ts';

export type * from './platform.ts';

export const platform: Platform = node;
