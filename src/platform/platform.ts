// What the rest of the project may ask of the runtime it is on: files, workers, environment, clock, terminal.
// Not here: anything that every runtime has as a global (fetch, crypto.subtle, DecompressionStream, URL).
// Invariant: nothing outside this folder imports a runtime's own modules.

/** What a path points at. */
export interface FileStatus {
  readonly bytes: number;
  readonly isFolder: boolean;
  /** When the content last changed, milliseconds since 1970, as finely as the system keeps it; absent where nobody knows. */
  readonly modifiedMs?: number;
}

/** One name in a folder. A link to a file is a file; a link to a folder is neither, so that a walk always ends. */
export interface FolderEntry {
  readonly name: string;
  readonly isFile: boolean;
  readonly isFolder: boolean;
}

/**
 * Files by path. Paths are made with `join`, never by gluing separators. What changes a file or makes a folder throws
 * SelvedgeError `files/not-written`, with the path and the reason in words; the others throw what the runtime throws.
 */
export interface Files {
  join(...parts: string[]): string;
  /** Absolute form of a path, resolved against the working folder. */
  resolve(...parts: string[]): string;
  dirname(path: string): string;
  basename(path: string): string;
  /** Path of a URL, for what is found by `new URL(…, import.meta.url)`; in a browser an address is a path that can be read. */
  fromUrl(url: URL): string;
  readBytes(path: string): Promise<Uint8Array>;
  readText(path: string): Promise<string>;
  /** Bytes from `byteOffset` on, fewer at the end of the file; undefined where a runtime reads files only whole. */
  readonly readRange?: ((path: string, byteOffset: number, length: number) => Promise<Uint8Array>) | undefined;
  /** Replaces a file whole: written beside it, flushed, renamed. Makes the folder. Never leaves a half-written target. */
  write(path: string, content: Uint8Array | string): Promise<void>;
  /** Writes the parts in turn over the file itself and flushes to the disk: for files that carry their own digest. */
  overwrite(path: string, parts: readonly Uint8Array[]): Promise<void>;
  /** Appends and makes the file and folder if absent. */
  append(path: string, content: Uint8Array | string): Promise<void>;
  /** Status, or undefined if nothing is there, or a link that leads nowhere. */
  status(path: string): Promise<FileStatus | undefined>;
  /** Names in a folder, sorted by code unit; empty if the folder is absent. */
  list(folder: string): Promise<string[]>;
  /** The same names with what they are. */
  entries(folder: string): Promise<FolderEntry[]>;
  makeFolder(folder: string): Promise<void>;
  /** Copies a file, with its permissions where there are any. */
  copy(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a whole folder; nothing to remove is not an error. */
  remove(path: string): Promise<void>;
}

/** A worker thread that we own and must terminate. */
export interface PlatformWorker {
  /** Calls back once, when the worker has failed or ended and all its messages are here, with the reason. */
  onEnd(listener: (reason: string) => void): void;
  terminate(): Promise<void>;
}

/** A worker thread that answers messages. */
export interface ConnectedWorker extends PlatformWorker {
  /** Sends a value; buffers to transfer are gone here. */
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Whether the process stays alive for it; at first it does not. */
  hold(isHeld: boolean): void;
}

/** How a child process ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs beside us and is talked to line by line, through its standard input and output. */
export interface RunningProgram {
  /** Writes one line to its standard input; nothing happens if it has ended. */
  send(line: string): void;
  /** The next line of its standard output; undefined once it has ended or could not be started. */
  nextLine(): Promise<string | undefined>;
  /** Closes its input, kills it if it does not end within a second, and tells how it ended. */
  stop(): Promise<CommandResult>;
}

/** A program that a shell has started. */
export interface ShellProgram {
  /** Its exit code, once it has ended and what it wrote was taken; rejects if it cannot be started. */
  readonly code: Promise<number>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface ShellProgramOptions {
  readonly cwd: string;
  /** Its whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it reads, undefined at the end; or this process's own input; or a path to open, also of what cannot be read. */
  readonly input: 'inherit' | { readonly path: string } | (() => Promise<Uint8Array | undefined>);
  /** Takes what it writes and says whether more is wanted; or the number of a stream of this process. */
  readonly output: 1 | 2 | ((bytes: Uint8Array) => Promise<boolean>);
  readonly errors: 1 | 2 | ((bytes: Uint8Array) => Promise<boolean>);
}

export interface ProgramOptions {
  readonly cwd?: string;
  /** Changes to the environment that it inherits; undefined takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Processor time so far. */
export interface ProcessorTime {
  /** Of all threads of this process. */
  readonly ownMs: number;
  /**
   * Time that all processors of the machine were busy, and that its host took from it; undefined where the runtime cannot
   * tell, or where this process may use but a part of the machine.
   */
  readonly machine?: { readonly busyMs: number; readonly stolenMs: number };
}

/** The machine as a benchmark or a report names it. */
export interface Machine {
  readonly cpu: string;
  readonly architecture: string;
  readonly operatingSystem: string;
  /** Cores this process may use at once: affinity and cgroup quota taken into account, at least 1. */
  readonly cores: number;
  /** 0 where the runtime does not tell. */
  readonly memoryBytes: number;
}

export interface Terminal {
  /** Whether standard error, where progress goes, is a terminal. */
  readonly isTerminal: boolean;
  readonly isOutputTerminal: boolean;
  readonly columns: number;
  /** Standard output; bytes go as they are. */
  write(content: Uint8Array | string): void;
  /** Standard error: progress and errors. */
  writeError(content: Uint8Array | string): void;
}

/** Where a server listens. */
export interface HttpPlace {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** What a server does with a request; it does not throw. */
export type HttpAnswer = (request: Request) => Response | Promise<Response>;

/** A server that we own and must stop. */
export interface HttpServer {
  /** With the port that it got, without a slash at the end. */
  readonly url: string;
  /** Takes no more requests, and waits a little for those that are being answered. */
  stop(): Promise<void>;
}

/** One runtime. Each file of this folder that implements it is named after the runtime. */
export interface Platform {
  readonly runtime: { readonly name: string; readonly version: string };
  readonly files: Files;
  readonly terminal: Terminal;
  /** Arguments of the program, without the runtime and the script. */
  readonly args: readonly string[];
  machine(): Machine;
  /** False where the thread that asks must not block (a page's main thread). */
  readonly mayBlock: boolean;
  /** Why there is no shared memory where there could be, in words. */
  readonly sharedMemoryLack?: string;
  /** False where programs cannot be started: in browsers and on the edge. */
  readonly startsPrograms: boolean;
  /** False where a policy lets the program ask its own server only: in browsers. */
  readonly reachesAnyHost: boolean;
  environment(name: string): string | undefined;
  /** All variables of the environment. */
  environmentVariables(): Readonly<Record<string, string>>;
  /** The folder of this user. */
  homeFolder(): string;
  workingFolder(): string;
  /** A folder of this user for files that may be fetched or computed again. */
  cacheFolder(): string;
  /** Monotonic milliseconds. */
  now(): number;
  /** Gives the event loop a turn, so that interruptions and drawing get through; without the millisecond that a timer waits. */
  giveWay(): Promise<void>;
  /**
   * Decompresses a gzip file off this thread, where the runtime does it faster than by the web's streams. Answers undefined unless the file is
   * whole: members, then zeros, and nothing else.
   */
  readonly gunzip?: ((bytes: Uint8Array) => Promise<Uint8Array | undefined>) | undefined;
  /**
   * Whether raw deflate data is whole and inflates to `most` bytes at most, where the runtime tells faster than JavaScript does. False says
   * nothing: the data may be too long, damaged or cut.
   */
  readonly inflatesWithin?: ((bytes: Uint8Array, most: number) => boolean) | undefined;
  /** Reads a file that belongs to the program, where the program itself came from: a disk or a server. */
  readUrl(url: URL): Promise<Uint8Array>;
  /** Starts a worker that calls the default export of a plain JavaScript module with `data`. It does not keep the process alive. */
  startWorker(script: URL, data: unknown): PlatformWorker;
  /**
   * Starts a worker whose default export takes, beside `data`, a port with `postMessage` and `on('message')`; undefined where a runtime has no
   * such workers.
   */
  readonly connectWorker?: ((script: URL, data: unknown) => ConnectedWorker) | undefined;
  /**
   * Runs the start of the tfjs glue with `standIn` in place of the runtime's `Worker`, so that it starts no threads of
   * its own, and takes back what it hooks onto the process.
   */
  hostGlue<T>(standIn: unknown, start: () => Promise<T>): Promise<T>;
  /** Runs a program without a shell and collects what it printed. Rejects if it cannot be started. */
  runCommand(command: string, args: readonly string[], options?: { cwd?: string }): Promise<CommandResult>;
  /** Starts a program without a shell that goes on running; a program that cannot be started has ended with code 127. */
  startProgram(command: string, args: readonly string[], options?: ProgramOptions): RunningProgram;
  /** The file of a program: a path as it is, a name from the folders of `searchPath`; undefined where there is none. */
  findProgram(name: string, cwd: string, searchPath: string): Promise<string | undefined>;
  /** Starts a program between the pipes of a shell; the code of one that a signal ended is 128 + the signal's number. */
  runProgram(file: string, args: readonly string[], options: ShellProgramOptions): ShellProgram;
  /** The command that runs a TypeScript module of ours on this same runtime. */
  scriptCommand(script: URL): { readonly command: string; readonly args: readonly string[] };
  /** The lines of standard input. */
  inputLines(): AsyncIterable<string>;
  /** Standard input as it comes. */
  inputBytes(): AsyncIterable<Uint8Array>;
  processorTime(): ProcessorTime;
  /** Largest resident memory that this process ever had. */
  peakMemoryBytes(): number;
  /**
   * Listens for HTTP requests, by the runtime's own server.
   *
   * @throws SelvedgeError `platform/port-in-use` or `platform/cannot-listen`
   */
  serve(answer: HttpAnswer, place: HttpPlace): Promise<HttpServer>;
  /** Calls back on Ctrl-C or a polite request to end; returns a function that stops listening. */
  onInterrupt(listener: () => void): () => void;
  setExitCode(code: number): void;
  /** Ends the process at once. */
  exit(code: number): never;
}
