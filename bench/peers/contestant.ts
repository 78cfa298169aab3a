// The benchmark's side of the protocol: a contestant in a process of its own, asked line by line.
// Not here: which contestants there are (catalog.ts). Invariant: a contestant that fails is an error with its own words, and
// whoever started one stops it.
import { SelvedgeError } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/index.ts';
import {
  ANSWER_MARK,
  type Assignment,
  type Failure,
  type Hello,
  type Memory,
  type Predictions,
  type Request,
  type Round,
} from './protocol.ts';

/** How a contestant's process is started. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface Contestant {
  readonly name: string;
  /** Of the library, as the contestant says. */
  readonly version: string;
  predict(images: number): Promise<Predictions>;
  round(milliseconds: number): Promise<Round>;
  memory(): Promise<Memory>;
  stop(): Promise<void>;
}

/** Several times what the slowest answer takes: an update of stock tfjs on its cpu backend, on a crowded machine. */
const ANSWER_LIMIT_MS = 600_000;

/** Lines of a contestant's standard error that an error quotes. */
const QUOTED_LINES = 3;

/**
 * Starts a contestant and waits until it has loaded everything.
 *
 * @param name For errors
 * @param answerLimitMs After that a contestant hangs, and is ended
 * @throws SelvedgeError `bench/contestant-failed`
 */
export async function startContestant(
  name: string,
  program: Program,
  assignment: Assignment,
  answerLimitMs = ANSWER_LIMIT_MS,
): Promise<Contestant> {
  const process = platform.startProgram(program.command, [...program.args, JSON.stringify(assignment)], {
    ...(program.environment ? { environment: program.environment } : {}),
  });
  const fail = async (reason?: string): Promise<SelvedgeError> => {
    const { code, stderr } = await process.stop();
    const said = stderr.trim().split('\n').slice(-QUOTED_LINES).join(' ');
    const why = reason ?? `it ended with code ${code}${said ? `: ${said}` : ''}`;
    return new SelvedgeError('bench/contestant-failed', `Cannot measure ${name}: ${why}`);
  };
  const ask = async <T>(request: Request): Promise<T> => {
    let late: string | undefined;
    const timer = setTimeout(() => {
      late = `it has not answered within ${answerLimitMs / 1000} s`;
      void process.stop();
    }, answerLimitMs);
    try {
      process.send(JSON.stringify(request));
      for (;;) {
        const line = await process.nextLine();
        if (line === undefined) throw await fail(late);
        if (!line.startsWith(ANSWER_MARK)) continue;
        const answer = JSON.parse(line.slice(ANSWER_MARK.length)) as T | Failure;
        if (isFailure(answer)) throw await fail(answer.error);
        return answer;
      }
    } finally {
      clearTimeout(timer);
    }
  };
  const { version } = await ask<Hello>({ do: 'hello' });
  return {
    name,
    version,
    predict: (images) => ask({ do: 'predict', images }),
    round: (milliseconds) => ask({ do: 'round', milliseconds }),
    memory: () => ask({ do: 'memory' }),
    stop: async () => {
      await process.stop();
    },
  };
}

const isFailure = (answer: unknown): answer is Failure => typeof (answer as Failure).error === 'string';
