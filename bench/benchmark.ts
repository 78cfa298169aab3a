// What `selvedge bench NAME` can run. One file a topic; each adds itself to the list in index.ts.
import type { BackendInfo } from '../src/backend/index.ts';

export interface BenchmarkOptions {
  readonly engine: BackendInfo;
  readonly model?: string;
  readonly batchSize?: number;
  readonly data?: string;
}

export interface Benchmark {
  readonly name: string;
  run(options: BenchmarkOptions): Promise<{ json: object; text: string }>;
}
