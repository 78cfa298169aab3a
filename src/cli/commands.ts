// All commands, in the order of the help text.
import { bench } from './bench.ts';
import { build } from './build.ts';
import { categorise } from './categorise.ts';
import type { Command } from './command.ts';
import { fingerprint } from './fingerprint.ts';
import { serve } from './serve.ts';
import { studyCommands } from './study-commands.ts';
import { taskCommand } from './task.ts';
import { trends } from './trends.ts';
import { tune } from './tune.ts';
import { worker } from './worker.ts';

export const commands: readonly Command<never>[] = [
  ...studyCommands,
  categorise,
  trends,
  tune,
  worker,
  serve,
  taskCommand(() => commands),
  fingerprint,
  build,
  bench,
] as unknown as readonly Command<never>[];
