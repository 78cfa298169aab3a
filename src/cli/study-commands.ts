// The commands of the study, which run wherever the engine does, in the order of the help text. Not here: those that need programs,
// a port or a checkout (commands.ts).
import type { Command } from './command.ts';
import { data } from './data.ts';
import { detect } from './detect-items.ts';
import { detectTrain } from './detect-train.ts';
import { ensemble } from './ensemble.ts';
import { evaluate } from './evaluate.ts';
import { explain } from './explain.ts';
import { exportCommand } from './export.ts';
import { generate } from './generate.ts';
import { importCommand } from './import.ts';
import { indexCommand } from './index-pictures.ts';
import { info } from './info.ts';
import { inspect } from './inspect.ts';
import { inspectNetwork } from './inspect-network.ts';
import { measure } from './measure.ts';
import { predict } from './predict.ts';
import { recommendCommand } from './recommend.ts';
import { explore, report } from './report.ts';
import { runs } from './runs.ts';
import { similar } from './similar.ts';
import { train } from './train.ts';
import { study } from './whole-study.ts';

export const studyCommands: readonly Command<never>[] = [
  info,
  data,
  explore,
  train,
  ensemble,
  evaluate,
  measure,
  predict,
  explain,
  indexCommand,
  similar,
  recommendCommand,
  generate,
  detect,
  detectTrain,
  inspect,
  inspectNetwork,
  exportCommand,
  importCommand,
  report,
  runs,
  study,
] as unknown as readonly Command<never>[];
