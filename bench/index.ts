// All benchmarks by name.
import type { Benchmark } from './benchmark.ts';
import { kernels } from './kernels.ts';
import { training } from './training.ts';

export const benchmarks: readonly Benchmark[] = [kernels, training];
