// Verification: a share of the work is done again by another worker, and the digests must be the same bits. Not here: comparing itself, which
// whoever comes second does (database-queue.ts). Invariant: which works are verified is a function of seed and number; a worker is named only
// where a third, this process, agrees with the other.
import { SelvedgeError } from '../core/errors.ts';
import { createPhilox, randomStreams } from '../core/philox.ts';
import { platform } from '../platform/index.ts';
import { wait } from './database.ts';
import type { Difference, WorkQueue } from './queue.ts';

export interface VerificationOptions {
  /** From 0 to 1. */
  readonly share: number;
  /** Of the draws that choose. */
  readonly seed: number;
  /** Does a work here and answers the digest of its result; default: nobody judges. */
  readonly judge?: (key: string) => Promise<string | undefined>;
}

/** Two workers that came to other bits, and which of them a third agrees with. */
export interface JudgedDifference extends Difference {
  /** Number of the work. */
  readonly number: number;
  /** Who is wrong; undefined where the third agrees with neither, or nobody judged. */
  readonly wrong?: string;
}

export interface VerificationResult {
  /** Works that were chosen, and those of them that were done again. */
  readonly chosen: number;
  readonly verified: number;
  readonly differences: readonly JudgedDifference[];
}

/** After so long without another worker there is none. */
const LONELY_MS = 20_000;
/** Looks after which all that is still open is filed again: another command may have had it done anew meanwhile. */
const LOOKS_PER_FILING = 40;

export function createVerification(queue: WorkQueue, options: VerificationOptions | undefined) {
  const numbers = new Map<string, number>();
  const chosen = new Set<string>();
  const filed = new Set<string>();

  async function file(): Promise<void> {
    const waiting = [...chosen].filter((key) => !filed.has(key));
    for (const [key, { result }] of await queue.states(waiting)) {
      if (!result) continue;
      if (result.status === 'done') {
        await queue.verify(key);
        filed.add(key);
      } else chosen.delete(key);
    }
  }
  const choose = (key: string, number: number): boolean => {
    numbers.set(key, number);
    const isNew = isChosen(options, number) && !chosen.has(key);
    if (isNew) chosen.add(key);
    return isNew;
  };

  return {
    /** A work that has its turn: verified if its draw says so. */
    async consider(key: string, number: number): Promise<void> {
      if (choose(key, number)) await file();
    },
    /** The same of many. */
    async considerAll(works: readonly (readonly [key: string, number: number])[]): Promise<void> {
      if (works.filter(([key, number]) => choose(key, number)).length > 0) await file();
    },
    /**
     * Waits for what was chosen, while there is somebody to do it, and judges what differs.
     *
     * @throws SelvedgeError `queue/interrupted` where the signal came first
     */
    async end(isComplete: boolean, signal?: AbortSignal): Promise<VerificationResult> {
      const requireTime = (): void => {
        if (signal?.aborted)
          throw new SelvedgeError('queue/interrupted', 'Interrupted; the same command goes on where it was');
      };
      let verified = new Set<string>();
      let lonelyAt = platform.now();
      for (let looks = 1; isComplete && verified.size < chosen.size; looks++) {
        requireTime();
        if (looks % LOOKS_PER_FILING === 0) filed.clear();
        for (const key of verified) filed.add(key);
        await file();
        verified = await queue.verified([...chosen]);
        const givenUp = await queue.unverifiable([...chosen]);
        const open = [...chosen].filter((key) => !verified.has(key) && !givenUp.has(key));
        if (open.length === 0) break;
        if (await queue.canVerify(open)) lonelyAt = platform.now();
        if (platform.now() - lonelyAt > LONELY_MS) break;
        await wait(250, signal);
      }
      const differences: JudgedDifference[] = [];
      for (const difference of await queue.differences([...numbers.keys()])) {
        const digest = isComplete ? await options?.judge?.(difference.key) : undefined;
        if (isComplete) requireTime();
        const wrong = wrongOf(difference, digest);
        if (wrong !== undefined) await queue.bar(wrong, 'a verification found other bits than two others came to');
        const number = numbers.get(difference.key)!;
        differences.push({ ...difference, number, ...(wrong === undefined ? {} : { wrong }) });
      }
      return { chosen: chosen.size, verified: verified.size, differences };
    },
  };
}

function isChosen(options: VerificationOptions | undefined, number: number): boolean {
  if (!options) return false;
  const draws = createPhilox({ seed: options.seed, stream: randomStreams.verification, substream: [number] });
  return draws.nextUniform() < options.share;
}

function wrongOf(
  { digest, otherDigest, worker, otherWorker }: Difference,
  third: string | undefined,
): string | undefined {
  if (third === digest) return otherWorker;
  return third === otherDigest ? worker : undefined;
}
