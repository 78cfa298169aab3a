// What commands of a shell read from and write to: pipes, files, the program's own streams.
// Not here: processes (platform). Invariant: a write says whether anyone still reads, and waits while a reader lags behind.
import { platform } from '../../platform/index.ts';
import type { TaskOutput } from '../task-commands.ts';

/** Where bytes come from; undefined: the end. */
export interface Source {
  /** Set for the program's own standard input, which a child takes over as it is. */
  readonly inherited?: true;
  /** Set for a folder, which opens but cannot be read. */
  readonly folder?: string;
  read(): Promise<Uint8Array | undefined>;
}

/** Where bytes go. */
export interface Sink {
  /** Set for the program's own streams, which a child takes over as they are. */
  readonly descriptor?: 1 | 2;
  /** False once nobody reads. */
  write(bytes: Uint8Array): Promise<boolean>;
}

const encoder = new TextEncoder();

/** Writes a text. */
export const say = (sink: Sink, text: string): Promise<boolean> => sink.write(encoder.encode(text));

export const nothing: Source = { read: async () => undefined };
export const nowhere: Sink = { write: async () => true };

/** Bytes to text, whole characters at a time; `end` writes what is left. */
function textSink(write: (text: string) => void): Sink & { end(): void } {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const put = (text: string): void => {
    if (text !== '') write(text);
  };
  return {
    write: async (bytes) => {
      put(decoder.decode(bytes, { stream: true }));
      return true;
    },
    end: () => put(decoder.decode()),
  };
}

/** This program's own stream, which takes bytes as they are. */
const ownSink = (descriptor: 1 | 2, write: (bytes: Uint8Array) => void): Sink => ({
  descriptor,
  write: async (bytes) => {
    // The stream may keep them until it can write.
    write(bytes.slice());
    return true;
  },
});

/** The two sinks of a task: the given ones, or this program's own streams. */
export function taskSinks(output: TaskOutput | undefined): { stdout: Sink; stderr: Sink; end(): void } {
  if (output === undefined) {
    const { write, writeError } = platform.terminal;
    return { stdout: ownSink(1, write), stderr: ownSink(2, writeError), end: () => {} };
  }
  const [stdout, stderr] = [textSink(output.write), textSink(output.writeError)];
  const end = (): void => {
    stdout.end();
    stderr.end();
  };
  return { stdout, stderr, end };
}

/** This program's standard input, opened when it is first read. */
export function ownInput(): Source {
  let iterator: AsyncIterator<Uint8Array> | undefined;
  return {
    inherited: true,
    read: async () => {
      iterator ??= platform.inputBytes()[Symbol.asyncIterator]();
      const { value, done } = await iterator.next();
      return done ? undefined : value;
    },
  };
}

/** How much a pipe holds before its writer waits; that of Linux. */
const PIPE_BYTES = 65536;

/** A pipe between two commands. */
export function openPipe(): Source & Sink & { end(): void; leave(): void } {
  const queue: Uint8Array[] = [];
  let [held, ended, left] = [0, false, false];
  let wake: (() => void)[] = [];
  const changed = (): void => {
    const waiting = wake;
    wake = [];
    for (const go of waiting) go();
  };
  const change = (): Promise<void> => new Promise((resolve) => wake.push(resolve));
  return {
    write: async (bytes) => {
      if (left) return false;
      if (bytes.length > 0) queue.push(bytes.slice());
      held += bytes.length;
      changed();
      while (held > PIPE_BYTES && !left) await change();
      return !left;
    },
    read: async () => {
      while (queue.length === 0 && !ended) await change();
      const bytes = queue.shift();
      held -= bytes?.length ?? 0;
      changed();
      return bytes;
    },
    end: () => {
      ended = true;
      changed();
    },
    leave: () => {
      left = true;
      [held, queue.length] = [0, 0];
      changed();
    },
  };
}

/** All that a source still gives. */
export async function readAll(source: Source): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let part = await source.read(); part !== undefined; part = await source.read()) parts.push(part);
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A file as a source. */
export async function fileSource(path: string): Promise<Source> {
  let bytes: Uint8Array | undefined = await platform.files.readBytes(path);
  return {
    read: async () => {
      const given = bytes;
      bytes = undefined;
      return given;
    },
  };
}

/** A file as a sink: emptied at once, unless what is written is appended. */
export async function fileSink(path: string, append: boolean): Promise<Sink> {
  if (!append) await platform.files.overwrite(path, []);
  else await platform.files.append(path, '');
  let last: Promise<void> = Promise.resolve();
  return {
    write: async (bytes) => {
      last = last.then(() => platform.files.append(path, bytes));
      await last;
      return true;
    },
  };
}
