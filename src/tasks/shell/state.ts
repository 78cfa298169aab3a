// What a shell knows while it runs: variables, folder, options, and the signal that ends its commands.
// Invariant: a copy shares nothing that can change but the signal; names of variables are never those of an object's own fields.
import type { TaskCommands } from '../task-commands.ts';
import type { Sink, Source } from './streams.ts';

export const OPTIONS = ['errexit', 'failglob', 'globstar', 'nullglob', 'pipefail'] as const;
export type OptionName = (typeof OPTIONS)[number];

/** Ends the commands of a shell: once `stop` was called, nothing new starts, and listeners are told. */
export class KillSignal {
  code: number | undefined;
  /** Exit code of the first command to fail in a script that was ended for it. */
  firstFailure = 0;
  readonly #listeners = new Set<(signal: 'SIGTERM' | 'SIGKILL') => void>();

  constructor(parent?: KillSignal) {
    this.code = parent?.code;
    parent?.listen((signal) => this.send(signal));
  }
  send(signal: 'SIGTERM' | 'SIGKILL', code = signal === 'SIGTERM' ? 143 : 137): void {
    this.code ??= code;
    for (const listener of this.#listeners) listener(signal);
  }
  /** Returns a function that stops listening. */
  listen(listener: (signal: 'SIGTERM' | 'SIGKILL') => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export class State {
  readonly env: Map<string, string>;
  /** Variables that commands do not inherit. */
  readonly own: Map<string, string>;
  readonly options: Set<OptionName>;
  lastCode: number | undefined;

  readonly commands: TaskCommands;
  cwd: string;
  readonly kill: KillSignal;

  constructor(
    commands: TaskCommands,
    cwd: string,
    kill: KillSignal,
    from?: Pick<State, 'env' | 'own' | 'options' | 'lastCode'>,
  ) {
    this.commands = commands;
    this.cwd = cwd;
    this.kill = kill;
    this.env = new Map(from?.env);
    this.own = new Map(from?.own);
    this.options = new Set(from?.options ?? ['globstar']);
    this.lastCode = from?.lastCode;
  }
  copy(kill = this.kill): State {
    return new State(this.commands, this.cwd, kill, this);
  }
  get(name: string): string | undefined {
    return name === '?' ? this.lastCode?.toString() : (this.env.get(name) ?? this.own.get(name));
  }
  setEnv(name: string, value: string): void {
    this.own.delete(name);
    if (name !== 'PWD') this.env.set(name, value);
    else if (value.startsWith('/')) this.enter(value);
  }
  setOwn(name: string, value: string): void {
    if (this.env.has(name)) this.setEnv(name, value);
    else this.own.set(name, value);
  }
  enter(folder: string): void {
    this.cwd = folder;
    this.env.set('PWD', folder);
  }
}

/** What a command has at hand. */
export interface Context {
  readonly args: readonly string[];
  /** As the command sees it, with what is assigned before it. */
  readonly state: State;
  /** As it is after the command: what builtins change. */
  readonly outer: State;
  readonly stdin: Source;
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** How something ended; `exit`: the list around it ends too. `running`: what it left in the background. */
export interface Ended {
  readonly code: number;
  readonly exit?: boolean;
  readonly running?: readonly Promise<number>[];
}
