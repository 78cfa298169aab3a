// Fetches one file of a known SHA-256 over HTTP: resumes what a cut connection left, retries, gives up on silence.
// Not here: which file and from where. Invariant: the target appears by rename, whole and with the right digest, or not at all;
// what arrived so far waits beside it as `<target>.part`.
import { concatenate } from '../core/concatenate.ts';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { platform } from '../platform/index.ts';

/** Progress of one file. */
export interface DownloadProgress {
  readonly name: string;
  readonly receivedBytes: number;
  /** Size of the whole file; undefined if the server does not say. */
  readonly totalBytes: number | undefined;
}

export interface DownloadOptions {
  readonly url: string;
  /** Path that the file lands at. */
  readonly target: string;
  /** Lower-case hexadecimal SHA-256 of the file, or of each form that it may arrive in. */
  readonly sha256: string | readonly string[];
  /** Told of every piece that arrives. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Silence after which a connection is given up. */
  readonly timeoutMs?: number;
  /** Connections in a row that bring nothing new before giving up. */
  readonly attempts?: number;
  /** Pause after a connection that brought something; it doubles for each that brought nothing. */
  readonly retryDelayMs?: number;
}

/** Received bytes are appended to the part file in pieces of at least this size. */
const PIECE_BYTES = 1 << 20;

const defaults = { timeoutMs: 15_000, attempts: 2, retryDelayMs: 500 };

/** A failure that a further attempt may cure; all others end the download at once. */
class Interrupted extends Error {}

/**
 * Downloads a file; goes on where an earlier call stopped.
 *
 * Source: range requests as in RFC 9110, section 14.
 *
 * @param options Where from, where to, the digest, and the patience
 * @throws SelvedgeError `download/refused` (the server answers that it has no such file), `download/interrupted` (attempts used up)
 *   or `download/wrong-hash` (the server has another file)
 * @example
 * ```ts
 * import { download } from 'selvedge';
 * const target = 'LICENSE.txt';
 * const hash = '0000000000000000000000000000000000000000000000000000000000000000';
 * await download({ url: 'http://127.0.0.1:9/LICENSE', target, sha256: hash, attempts: 1 }).catch((error) => {
 *   console.assert(error.code === 'download/interrupted');
 * });
 * ```
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { attempts, retryDelayMs } = { ...defaults, ...options };
  const part = `${options.target}.part`;
  await platform.files.makeFolder(platform.files.dirname(options.target));
  let mostBytes = await bytesIn(part);
  let fruitless = 0;
  for (;;) {
    try {
      const isFresh = await fetchRest(options, part);
      await land(options, part, isFresh);
      return;
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      const bytes = await bytesIn(part);
      fruitless = bytes > mostBytes ? 0 : fruitless + 1;
      mostBytes = Math.max(mostBytes, bytes);
      if (fruitless >= attempts) throw interruptedFor(options, attempts, error);
      await pause(retryDelayMs * (1 << fruitless));
    }
  }
}

async function bytesIn(part: string): Promise<number> {
  return (await platform.files.status(part))?.bytes ?? 0;
}

function interruptedFor(options: DownloadOptions, attempts: number, cause: Error): SelvedgeError {
  return new SelvedgeError(
    'download/interrupted',
    `Cannot download "${options.url}": ${cause.message}; gave up after ${attempts} attempts in a row`,
    { cause },
  );
}

/** Appends to the part file what it still lacks; true if all of it came by this connection. */
async function fetchRest(options: DownloadOptions, part: string): Promise<boolean> {
  const watch = startWatch(options.timeoutMs ?? defaults.timeoutMs);
  try {
    const partBytes = await bytesIn(part);
    const headers: Record<string, string> = partBytes > 0 ? { range: `bytes=${partBytes}-` } : {};
    const response = await fetch(options.url, { headers, signal: watch.signal });
    const start = await startOf(response, options, part, partBytes);
    if (start !== undefined) await appendBody(response, options, part, start, watch.reset);
    return start === 0;
  } catch (error) {
    if (error instanceof Interrupted || error instanceof SelvedgeError) throw error;
    throw new Interrupted(watch.signal.aborted ? watch.reason : reasonOf(error), { cause: error });
  } finally {
    watch.stop();
  }
}

/** Byte position at which the response's body begins; undefined if the part file is complete already. */
async function startOf(
  response: Response,
  options: DownloadOptions,
  part: string,
  partBytes: number,
): Promise<number | undefined> {
  if (response.status === 206) {
    const start = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1]);
    if (start === partBytes) return start;
  } else if (response.status === 200) {
    await platform.files.remove(part);
    return 0;
  }
  await response.body?.cancel();
  // Nothing lies beyond the part file: it is complete, or not a part of this file at all. Its digest tells.
  if (response.status === 416 && partBytes > 0) return undefined;
  if (response.status === 206) {
    await platform.files.remove(part);
    throw new Interrupted('the server answered another range than asked for');
  }
  const isTemporary = response.status >= 500 || response.status === 429 || response.status === 408;
  if (isTemporary) throw new Interrupted(`the server answered ${response.status}`);
  throw new SelvedgeError(
    'download/refused',
    `Cannot download "${options.url}": expected status 200 or 206, got ${response.status} ${response.statusText}`.trimEnd(),
  );
}

async function appendBody(
  response: Response,
  options: DownloadOptions,
  part: string,
  start: number,
  onBytes: () => void,
): Promise<void> {
  // A body that the transport encodes again (content-encoding) has another length than its header says.
  const announced = response.headers.get('content-encoding') ? null : response.headers.get('content-length');
  const totalBytes = announced === null ? undefined : start + Number(announced);
  const name = platform.files.basename(options.target);
  const pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let receivedBytes = start;
  const flush = async (): Promise<void> => {
    if (pendingBytes > 0) await platform.files.append(part, concatenate(pending.splice(0)));
    pendingBytes = 0;
  };
  const reader = response.body?.getReader();
  try {
    for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
      onBytes();
      pending.push(chunk.value);
      pendingBytes += chunk.value.length;
      receivedBytes += chunk.value.length;
      options.onProgress?.({ name, receivedBytes, totalBytes });
      if (pendingBytes >= PIECE_BYTES) await flush();
    }
  } finally {
    await flush();
  }
  if (totalBytes !== undefined && receivedBytes < totalBytes) {
    throw new Interrupted(`the connection ended after ${receivedBytes} of ${totalBytes} bytes`);
  }
}

async function land(options: DownloadOptions, part: string, isFresh: boolean): Promise<void> {
  const found = (await platform.files.status(part)) ? await sha256(await platform.files.readBytes(part)) : 'no bytes';
  const expected = [options.sha256].flat();
  if (expected.includes(found)) {
    await platform.files.rename(part, options.target);
    return;
  }
  await platform.files.remove(part);
  if (!isFresh) throw new Interrupted('the digest is wrong: the part file did not belong to this file');
  throw new SelvedgeError(
    'download/wrong-hash',
    `Cannot use what "${options.url}" sent: expected sha256 ${expected[0]}, got ${found}`,
  );
}

/** A timer that aborts a request after a time without bytes. */
function startWatch(timeoutMs: number) {
  const controller = new AbortController();
  const expire = (): void => controller.abort();
  let timer = setTimeout(expire, timeoutMs);
  return {
    signal: controller.signal,
    reason: `no bytes came for ${timeoutMs} ms`,
    reset: (): void => {
      clearTimeout(timer);
      timer = setTimeout(expire, timeoutMs);
    },
    stop: (): void => clearTimeout(timer),
  };
}

/** `fetch` says "fetch failed" and keeps the reason in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? `${messageOf(error)} (${cause.message})` : messageOf(error);
}

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));
