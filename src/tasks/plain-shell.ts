// A shell for where no programs can be started: scripts of commands of ours, `mkdir`, `&&` and a redirect to a file.
// Not here: the rest of the syntax that shell.ts has; a script that needs it is refused before anything of it runs.
// Invariant: what it accepts means what it means to Deno's shell.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import type { ShellOptions, TaskShell } from './shell.ts';
import type { TaskCommand } from './task-commands.ts';

/** One command of a script. */
interface Step {
  readonly words: readonly string[];
  /** File that takes its output. */
  readonly target?: string;
}

const INTERRUPTED = 130;
/** Signs that mean something to a shell, and that are not ours; of a `$`, a lone one. */
const FOREIGN = /[|;<`$*?(){}[\]!~#\\&]/;

/** Words, and the signs `&&` and `>`, of a script. */
function tokensOf(script: string): { readonly text: string; readonly isSign: boolean }[] {
  const tokens: { text: string; isSign: boolean }[] = [];
  const pattern = /\s+|(&&|>)|((?:'[^']*'|"[^"]*"|[^\s'"&>])+)|(.)/gsy;
  for (const [, sign, word, other] of script.matchAll(pattern)) {
    if (sign !== undefined) tokens.push({ text: sign, isSign: true });
    if (other !== undefined) throw refusal(script, other);
    if (word === undefined) continue;
    const bare = word.replace(/'[^']*'|"[^"$`\\]*"/g, '');
    const foreign = FOREIGN.exec(bare)?.[0] ?? /["']/.exec(bare)?.[0];
    if (foreign !== undefined) throw refusal(script, foreign);
    tokens.push({ text: word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'), isSign: false });
  }
  return tokens;
}

function stepsOf(script: string): Step[] {
  const steps: Step[] = [];
  let words: string[] = [];
  let target: string | undefined;
  const end = (): void => {
    if (words.length === 0) throw refusal(script, '&&');
    steps.push({ words, ...(target === undefined ? {} : { target }) });
    [words, target] = [[], undefined];
  };
  const tokens = tokensOf(script);
  for (let at = 0; at < tokens.length; at++) {
    const { text, isSign } = tokens[at]!;
    if (!isSign) words.push(text);
    else if (text === '&&') end();
    else {
      const file = tokens[++at];
      if (file === undefined || file.isSign || target !== undefined) throw refusal(script, '>');
      target = file.text;
    }
  }
  end();
  return steps;
}

const refusal = (script: string, sign: string): SelvedgeError =>
  new SelvedgeError(
    'tasks/shell-syntax',
    `Cannot run "${script}" on ${platform.runtime.name}: expected commands of ours, mkdir, && and > only, got "${sign}"`,
  );

const mkdir: TaskCommand = async (args, { cwd, writeError }) => {
  const folders = args.filter((word) => word !== '-p');
  if (folders.length === 0 || folders.some((word) => word.startsWith('-'))) {
    writeError(`mkdir: expected [-p] FOLDER…, got "${args.join(' ')}"\n`);
    return 1;
  }
  for (const folder of folders) await platform.files.makeFolder(platform.files.resolve(cwd, folder));
  return 0;
};

async function runStep({ words, target }: Step, options: ShellOptions): Promise<number> {
  const [name, ...args] = words;
  const { write, writeError } = options.output ?? platform.terminal;
  const command = name === 'mkdir' ? mkdir : options.commands[name!];
  if (command === undefined) {
    writeError(`${name}: command not found\n`);
    return 127;
  }
  let text = '';
  const code = await command(args, {
    cwd: options.cwd,
    env: options.env,
    signal: options.signal,
    inherited: target === undefined && options.output === undefined,
    write: target === undefined ? write : (part) => (text += part),
    writeError,
  });
  if (target !== undefined) await platform.files.write(platform.files.resolve(options.cwd, target), text);
  return code & 255;
}

/**
 * Runs a script of our own commands.
 *
 * @param script Words, quoted or not, `&&`, and `> file`
 * @param options Folder, variables, commands, output, signal to stop
 * @returns The exit code of the first command to fail, 127 for an unknown one, 1 for a script that it does not take, 130 if it was stopped
 * @example
 * ```ts
 * import { plainShell } from 'selvedge';
 * const heard: string[] = [];
 * const say = (words: readonly string[]): number => (heard.push(...words), 0);
 * const signal = new AbortController().signal;
 * const code = await plainShell("say warp && say 'and weft'", { name: 'talk', cwd: '.', env: {}, commands: { say }, signal });
 * console.assert(code === 0 && heard.join() === 'warp,and weft');
 * ```
 */
export const plainShell: TaskShell = async (script, options) => {
  try {
    for (const step of stepsOf(script)) {
      if (options.signal.aborted) return INTERRUPTED;
      const code = await runStep(step, options);
      if (code !== 0) return code;
    }
    return 0;
  } catch (error) {
    const { writeError } = options.output ?? platform.terminal;
    writeError(`error: Cannot run the script of task '${options.name}': ${messageOf(error)}\n`);
    return 1;
  }
};
