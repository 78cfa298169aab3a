// The contestant's side of the protocol, for those in TypeScript: reads requests, works, answers.
// Not a contestant. Invariant: a call of inference begins with floats and ends with floats in the memory of JavaScript, for all.
import { messageOf } from '../../src/core/errors.ts';
import { platform } from '../../src/platform/index.ts';
import type { TrainingRound } from '../training-rounds.ts';
import { ANSWER_MARK, type Assignment, type Request, type Round } from './protocol.ts';
import { type LoadedWorkload, openWorkload, toFloats } from './workload.ts';

/** What a contestant can do; what its task does not need it may leave out. */
export interface Contestant {
  /** Of the library, and of the runtime if that matters. */
  readonly version: string;
  /**
   * @param images Floats from 0 to 1, `[count, height, width, channels]`
   * @returns Probabilities `[count, classes]`
   */
  readonly predict?: (images: Float32Array, count: number) => ArrayLike<number> | Promise<ArrayLike<number>>;
  /** Trains for at least so long. */
  readonly train?: (milliseconds: number) => Promise<TrainingRound>;
}

/**
 * Serves the requests of a benchmark until standard input ends.
 *
 * @param start Makes the contestant for an assignment
 */
export async function serve(
  start: (assignment: Assignment, workload: LoadedWorkload) => Promise<Contestant>,
): Promise<void> {
  const answer = (value: object): void => platform.terminal.write(`${ANSWER_MARK}${JSON.stringify(value)}\n`);
  try {
    const assignment = JSON.parse(platform.args[0] ?? '{}') as Assignment;
    const workload = await openWorkload(assignment.workload);
    const contestant = await start(assignment, workload);
    const images = toFloats(await workload.readBytes('test-images.u8'));
    for await (const line of platform.inputLines()) {
      answer(await respond(JSON.parse(line) as Request, { assignment, workload, contestant, images }));
    }
    platform.exit(0);
  } catch (error) {
    answer({ error: messageOf(error) });
    platform.exit(1);
  }
}

interface Session {
  readonly assignment: Assignment;
  readonly workload: LoadedWorkload;
  readonly contestant: Contestant;
  readonly images: Float32Array;
}

async function respond(request: Request, session: Session): Promise<object> {
  const { contestant, workload, images } = session;
  const before = platform.processorTime().ownMs;
  switch (request.do) {
    case 'hello':
      return { version: contestant.version };
    case 'memory':
      return { peakBytes: platform.peakMemoryBytes() };
    case 'predict': {
      const size = images.length / workload.testCount;
      const probabilities = await contestant.predict!(images.slice(0, request.images * size), request.images);
      return { probabilities: Array.from(probabilities) };
    }
    case 'round': {
      const round = await (session.assignment.task === 'training'
        ? trainFor(session, request.milliseconds)
        : predictFor(session, request.milliseconds));
      return { ...round, processorMs: platform.processorTime().ownMs - before } satisfies Round;
    }
  }
}

async function trainFor(
  { contestant, assignment }: Session,
  milliseconds: number,
): Promise<Omit<Round, 'processorMs'>> {
  const round = await contestant.train!(milliseconds);
  return { ...round, calls: Math.ceil(round.images / assignment.batchSize) };
}

async function predictFor(session: Session, milliseconds: number): Promise<Omit<Round, 'processorMs'>> {
  const { contestant, workload, assignment, images } = session;
  const count = Math.min(assignment.batchSize, workload.testCount);
  const size = images.length / workload.testCount;
  const batches = Math.floor(workload.testCount / count);
  let calls = 0;
  let elapsedMs = 0;
  const start = platform.now();
  do {
    const first = (calls % batches) * count * size;
    await contestant.predict!(images.subarray(first, first + count * size), count);
    calls++;
    elapsedMs = platform.now() - start;
  } while (elapsedMs < milliseconds);
  return { images: calls * count, calls, elapsedMs };
}

/**
 * Imports a peer that may not be installed, for which there are no types then.
 *
 * @param name Of the package
 */
export async function importPeer<T>(name: string): Promise<T> {
  return (await import(name)) as T;
}

/** Version that a package says it has. */
export async function versionOf(name: string): Promise<string> {
  const { files } = platform;
  const start = files.fromUrl(new URL(import.meta.url));
  for (let folder = files.dirname(start); ; folder = files.dirname(folder)) {
    const file = files.join(folder, 'node_modules', ...name.split('/'), 'package.json');
    if (await files.status(file)) return (JSON.parse(await files.readText(file)) as { version: string }).version;
    if (folder === files.dirname(folder)) return 'unknown';
  }
}
