// All commands, in the order of the help text.
import { bench } from './bench.ts';
import { build } from './build.ts';
import type { Command } from './command.ts';
import { data } from './data.ts';
import { evaluate } from './evaluate.ts';
import { exportCommand } from './export.ts';
import { fingerprint } from './fingerprint.ts';
import { info } from './info.ts';
import { predict } from './predict.ts';
import { explore, report } from './report.ts';
import { serve } from './serve.ts';
import { taskCommand } from './task.ts';
import { train } from './train.ts';

export const commands: readonly Command<never>[] = [
  info,
  data,
  explore,
  train,
  evaluate,
  predict,
  exportCommand,
  report,
  serve,
  taskCommand(() => commands),
  fingerprint,
  build,
  bench,
] as unknown as readonly Command<never>[];
