// All commands, in the order of the help text.
import { bench } from './bench.ts';
import type { Command } from './command.ts';
import { data } from './data.ts';
import { evaluate } from './evaluate.ts';
import { info } from './info.ts';
import { train } from './train.ts';

export const commands = [info, data, train, evaluate, bench] as unknown as readonly Command<never>[];
