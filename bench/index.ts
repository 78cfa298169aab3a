// All benchmarks by name, and how their results are kept.
import type { Benchmark } from './benchmark.ts';
import { categorise } from './categorise.ts';
import { data } from './data.ts';
import { detection } from './detection.ts';
import { edge } from './edge.ts';
import { inference } from './inference.ts';
import { kernels } from './kernels.ts';
import { memory } from './memory.ts';
import { networks } from './networks.ts';
import { operations } from './operations.ts';
import { peers } from './peers.ts';
import { profile } from './profile.ts';
import { queue } from './queue.ts';
import { scaling } from './scaling.ts';
import { search } from './search.ts';
import { serve } from './serve.ts';
import { startup } from './startup.ts';
import { tpe } from './tpe.ts';
import { training } from './training.ts';
import { unetTraining } from './unet.ts';

export { saveResult } from './results.ts';

export const benchmarks: readonly Benchmark[] = [
  training,
  inference,
  profile,
  peers,
  kernels,
  operations,
  data,
  categorise,
  detection,
  startup,
  edge,
  memory,
  networks,
  scaling,
  search,
  serve,
  tpe,
  unetTraining,
  queue,
];
