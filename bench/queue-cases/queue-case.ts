// What a case of `selvedge bench queue` is. Not here: the cases.
import type { Benchmark } from '../benchmark.ts';

export type QueueCase = Pick<Benchmark, 'name' | 'run'>;
