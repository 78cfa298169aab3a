// What becomes of work that was done twice: the judge, who does it here, and what is said of differences. Not here: who compares
// (queue/verification.ts).
import { SelvedgeError } from '../core/errors.ts';
import { type Handlers, readWork, type TakenWork, type VerificationResult } from '../queue/index.ts';
import type { OpenQueue } from './queue-options.ts';

/** Does a work in this process, apart from the queue, and answers the digest of its result. */
export function judgeOf({ queue, database, artefacts }: OpenQueue, handlers: Handlers, signal: AbortSignal) {
  return async (key: string): Promise<string | undefined> => {
    const [row] = await database.query<{ work: string; result: { value?: { steps?: number } } | null }>(
      'select work, result from selvedge.work where key = $1',
      [key],
    );
    if (!row) return undefined;
    const work = await readWork(row.work, key);
    const steps = row.result?.value?.steps ?? Number.POSITIVE_INFINITY;
    const taken: TakenWork = {
      key,
      work,
      attempt: 0,
      verifies: { steps },
      touch: async () => true,
      report: async ({ step }) => (step >= steps ? 'stop' : 'go on'),
      checkpoint: async () => undefined,
      finish: async () => {},
      giveBack: async () => {},
      putBack: async () => {},
    };
    const result = await handlers[work.kind]!(taken, { queue, artefacts, signal });
    return result?.status === 'done' ? result.digest : undefined;
  };
}

/**
 * @param nameOf What a work is called by its number
 * @throws SelvedgeError `queue/differs` where two workers came to other bits
 */
export function requireAgreement(
  { differences }: VerificationResult,
  shown: string,
  nameOf: (number: number) => string,
): void {
  const [first] = differences;
  if (!first) return;
  const wrong = [...new Set(differences.flatMap(({ wrong: one }) => one ?? []))];
  const named =
    wrong.length > 0
      ? `worker "${wrong.join('", "')}" is wrong, and may work no more; look at its memory`
      : 'nobody said yet which is right; run with --verify';
  throw new SelvedgeError(
    'queue/differs',
    `Cannot trust the results of "${shown}": ${nameOf(first.number)} has digest ${first.digest.slice(0, 12)} on worker "${first.worker}" and ` +
      `${first.otherDigest.slice(0, 12)} on "${first.otherWorker}": ${named}; run it again with --again`,
  );
}

/** @param what Works in the plural */
export function describeVerification({ chosen, verified }: VerificationResult, what: string) {
  const missing = chosen > verified ? `, ${chosen - verified} more were not: no other worker could do them` : '';
  return {
    json: { verification: { chosen, verified, differences: 0 } },
    text: `Verified: ${verified} ${what} came to the same bits on another worker${missing}`,
  };
}
