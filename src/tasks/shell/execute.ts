// Runs a parsed script: lists, chains, pipelines, subshells, redirects, as the shell of `deno task` does.
// Not here: what words come to (expand.ts), the commands of the shell itself (builtins.ts), how programs start (platform).
// Invariant: when a list has run, nothing of it runs any more but what a subshell leaves to the list around it.
import { messageOf } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';
import { CommandFailure } from './arguments.ts';
import { builtins } from './builtins.ts';
import { evaluateWord, expandWord, ShellFailure } from './expand.ts';
import type { Command, List, Pipeline, Redirect, Sequence } from './parse.ts';
import { type Context, type Ended, KillSignal, type State } from './state.ts';
import { fileSink, fileSource, nothing, nowhere, openPipe, readAll, type Sink, type Source, say } from './streams.ts';
import { systemMessage } from './system-errors.ts';

/** Streams of a command. */
export interface Streams {
  readonly stdin: Source;
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** Waits for what runs in the background; the first failure ends the rest. */
async function settle(code: number, running: readonly Promise<number>[], kill: KillSignal): Promise<number> {
  if (code !== 0) {
    kill.firstFailure ||= code;
    kill.send('SIGTERM');
  }
  let first = kill.firstFailure || code;
  await Promise.all(
    running.map(async (one) => {
      const own = await one;
      first ||= own;
    }),
  );
  return first;
}

/**
 * Runs a list.
 *
 * @param list What to run
 * @param state Changed by what runs
 * @param streams Where it reads and writes
 * @param waits Whether what runs in the background ends before the list has ended
 */
export async function runList(list: List, state: State, streams: Streams, waits: boolean): Promise<Ended> {
  let code = 0;
  let exit = false;
  const running: Promise<number>[] = [];
  for (const { sequence, background } of list) {
    if (background) {
      const own = state.copy();
      // What follows goes first, as there.
      running.push(
        platform
          .giveWay()
          .then(() => runSequence(sequence, own, streams))
          .then((ended) => settle(ended.code, ended.running ?? [], own.kill)),
      );
      continue;
    }
    const ended = await runSequence(sequence, state, streams);
    running.push(...(ended.running ?? []));
    code = ended.code;
    state.lastCode = code;
    exit = ended.exit === true || (code !== 0 && state.options.has('errexit'));
    if (exit) break;
  }
  if (!waits) return { code, exit, running };
  return { code: await settle(code, running, state.kill), exit };
}

async function runSequence(sequence: Sequence, state: State, streams: Streams): Promise<Ended> {
  if (sequence.kind === 'pipeline') return runPipeline(sequence, state, streams);
  if (sequence.kind === 'assignment') {
    return orFailure(streams, async () => {
      state.setOwn(sequence.name, await evaluateWord(sequence.value, scopeOf(state, streams)));
      return { code: 0 };
    });
  }
  const first = await runSequence(sequence.first, state, streams);
  if (first.exit) return first;
  state.lastCode = first.code;
  const goesOn = (operator: '&&' | '||'): boolean => (operator === '&&') === (first.code === 0);
  let { operator, next } = sequence;
  while (!goesOn(operator)) {
    if (next.kind !== 'chain') return first;
    ({ operator, next } = next);
  }
  const ended = await runSequence(next, state, streams);
  return { ...ended, running: [...(first.running ?? []), ...(ended.running ?? [])] };
}

async function runPipeline({ negated, commands }: Pipeline, state: State, streams: Streams): Promise<Ended> {
  const ended =
    commands.length === 1
      ? await runCommand(commands[0]!.command, state, streams)
      : await runPiped(commands, state, streams);
  return negated && !ended.exit ? { ...ended, code: ended.code === 0 ? 1 : 0 } : ended;
}

async function runPiped(commands: Pipeline['commands'], state: State, streams: Streams): Promise<Ended> {
  const pipes = commands.slice(1).map(() => openPipe());
  const all = await Promise.all(
    commands.map(async ({ command, withErrors }, at) => {
      const [before, after] = [pipes[at - 1], pipes[at]];
      const ended = await runCommand(command, state.copy(), {
        stdin: before ?? streams.stdin,
        stdout: after ?? streams.stdout,
        stderr: withErrors ? after! : streams.stderr,
      });
      // What is left in the background may still write; the list around waits for it, and ends it.
      await Promise.all(ended.running ?? []);
      after?.end();
      before?.leave();
      return ended;
    }),
  );
  const codes = all.map(({ code }) => code);
  const last = codes.at(-1)!;
  return {
    code: state.options.has('pipefail') ? (codes.findLast((code) => code !== 0) ?? 0) : last,
    running: all.flatMap(({ running = [] }) => running),
  };
}

/** Runs `body`; what a word cannot come to is a line and its code. */
async function orFailure(streams: Streams, body: () => Promise<Ended>): Promise<Ended> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof ShellFailure)) throw error;
    await say(streams.stderr, `${error.message}\n`);
    return { code: 1 };
  }
}

const scopeOf = (state: State, streams: Streams) => ({
  state,
  /** What `$(…)` prints. */
  run: async (list: List): Promise<string> => {
    const pipe = openPipe();
    // A failure in it ends nothing around it.
    const ended = runList(list, state.copy(new KillSignal(state.kill)), { ...streams, stdout: pipe }, true).finally(
      pipe.end,
    );
    const [bytes] = await Promise.all([readAll(pipe), ended]);
    return new TextDecoder().decode(bytes);
  },
});

function runCommand(command: Command, state: State, outer: Streams): Promise<Ended> {
  return orFailure(outer, async () => {
    const streams = command.redirect === undefined ? outer : await redirected(command.redirect, state, outer);
    const { body } = command;
    if ('list' in body) {
      const { code, running } = await runList(body.list, state.copy(), streams, false);
      return { code, ...(running ? { running } : {}) };
    }
    const args: string[] = [];
    for (const word of body.words) args.push(...(await expandWord(word, scopeOf(state, streams))));
    const own = state.copy();
    for (const { name, value } of body.assignments) own.setEnv(name, await evaluateWord(value, scopeOf(own, streams)));
    return runArguments(args, { state: own, outer: state, ...streams });
  });
}

async function redirected(redirect: Redirect, state: State, streams: Streams): Promise<Streams> {
  const { mode, from, to } = redirect;
  if (mode === 'read') {
    if (typeof to === 'number')
      throw new ShellFailure('deno_task_shell: input redirecting file descriptors is not implemented');
    const stdin = await openFile(to, mode, state, streams);
    if (from !== undefined) throw new ShellFailure('input redirects with file descriptors are not supported');
    return { ...streams, stdin: stdin as Source };
  }
  if (typeof to === 'number' && to !== 1 && to !== 2) {
    throw new ShellFailure(
      'deno_task_shell: output redirecting file descriptors beyond stdout and stderr is not implemented',
    );
  }
  const sink =
    typeof to === 'number'
      ? to === 1
        ? streams.stdout
        : streams.stderr
      : ((await openFile(to, mode, state, streams)) as Sink);
  if (from === 'both') return { ...streams, stdout: sink, stderr: sink };
  if (from === undefined || from === 1) return { ...streams, stdout: sink };
  if (from === 2) return { ...streams, stderr: sink };
  throw new ShellFailure('only redirecting to stdout (1) and stderr (2) is supported');
}

/** A folder can be opened; whoever reads it fails. */
const folderSource = (folder: string): Source => ({
  folder,
  read: async () => {
    throw new CommandFailure(systemMessage({ code: 'EISDIR' }));
  },
});

async function openFile(
  to: Exclude<Redirect['to'], number>,
  mode: Redirect['mode'],
  state: State,
  streams: Streams,
): Promise<Sink | Source> {
  const words = await expandWord(to, scopeOf(state, streams));
  const all = words.join(' ');
  if (words.length !== 1) {
    const hint = words.length === 0 ? '' : ` (${all}). Did you mean to quote it (ex. "${all}")?`;
    throw new ShellFailure(`redirect path must be 1 argument, but found ${words.length}${hint}`);
  }
  if (all === '/dev/null') return mode === 'read' ? nothing : nowhere;
  const path = platform.files.resolve(state.cwd, all);
  try {
    if ((await platform.files.status(path))?.isFolder) {
      if (mode === 'read') return folderSource(path);
      throw Object.assign(new Error(), { code: 'EISDIR' });
    }
    if (mode !== 'read' && !(await platform.files.status(platform.files.dirname(path)))?.isFolder) {
      throw Object.assign(new Error(), { code: 'ENOENT' });
    }
    return mode === 'read' ? await fileSource(path) : await fileSink(path, mode === 'append');
  } catch (error) {
    throw new ShellFailure(`error opening file for redirect (${path}). ${systemMessage(error)}`);
  }
}

/** Runs a command by its name: one of the caller's, one of the shell's, or a program. */
export async function runArguments(
  [name = '', ...args]: readonly string[],
  rest: Omit<Context, 'args'>,
): Promise<Ended> {
  const { state, stderr } = rest;
  if (state.kill.code !== undefined) return { code: state.kill.code };
  if (name.startsWith('!')) {
    await say(
      stderr,
      `History expansion is not supported:\n  ${name}\n  ~\n\nPerhaps you meant to add a space after the exclamation point to negate the command?\n  ! ${name.slice(1)}\n`,
    );
    return { code: 1 };
  }
  const context = { ...rest, args };
  if (Object.hasOwn(state.commands, name)) return runOurs(name, context);
  const builtin = builtins.get(name);
  return builtin === undefined ? runProgram(name, context) : builtin(context, runArguments);
}

async function runOurs(name: string, { args, state, stdout, stderr }: Context): Promise<Ended> {
  let written: Promise<unknown> = Promise.resolve();
  const writerTo = (sink: Sink) => (text: string) => {
    written = written.then(() => say(sink, text));
  };
  const stop = new AbortController();
  const leave = state.kill.listen(() => stop.abort());
  try {
    const code = await state.commands[name]!(args, {
      cwd: state.cwd,
      env: Object.fromEntries(state.env),
      signal: stop.signal,
      inherited: stdout.descriptor === 1,
      write: stdout.descriptor === 1 ? platform.terminal.write : writerTo(stdout),
      writeError: stderr.descriptor === 2 ? platform.terminal.writeError : writerTo(stderr),
    });
    await written;
    return { code: code & 255 };
  } finally {
    leave();
  }
}

async function runProgram(name: string, { args, state, stdin, stdout, stderr }: Context): Promise<Ended> {
  const fail = async (code: number, message: string): Promise<Ended> => {
    await say(stderr, `${message}\n`);
    return { code };
  };
  if (name === '') return fail(1, 'command name was empty');
  const path = platform.startsPrograms
    ? await platform.findProgram(name, state.cwd, state.get('PATH') ?? '')
    : undefined;
  if (path === undefined) return fail(127, `${name}: command not found`);
  let leave: (() => void) | undefined;
  try {
    // Throws at once for an argument with a NUL.
    const program = platform.runProgram(path, args, {
      cwd: state.cwd,
      environment: Object.fromEntries(state.env),
      input: stdin.inherited ? 'inherit' : stdin.folder ? { path: stdin.folder } : stdin.read,
      output: stdout.descriptor ?? stdout.write,
      errors: stderr.descriptor ?? stderr.write,
    });
    leave = state.kill.listen(program.kill);
    return { code: (await program.code) & 255 };
  } catch (error) {
    return await fail(1, `Error launching '${name}': ${systemMessage(error) || messageOf(error)}`);
  } finally {
    leave?.();
  }
}
