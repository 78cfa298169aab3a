// The database behind a queue, with pg-boss on it: PostgreSQL by a connection, or PGlite in a folder, both optional packages. Not here: what
// is kept in it (tables.ts). Invariant: a statement that the database could not take because it was away is sent again until it can, for as
// long as the patience lasts, so a database that restarts stops nobody; every statement may therefore be sent twice.
import type { PgBoss } from 'pg-boss';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import type { QueueAddress } from './address.ts';
import { lockFolder } from './folder-lock.ts';
import { checkRuntime } from './runtime.ts';

/** What the optional packages are pinned to, as package.json has them. */
export const queuePackages = { 'pg-boss': '12.38.0', '@electric-sql/pglite': '0.5.17' } as const;

/** How long the database may be away. */
export const PATIENCE_MS = 600_000;
/** How long it may be away when it is opened: shorter, since the address may be wrong. */
const OPENING_PATIENCE_MS = 120_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 3_000;
/** Seconds between looks for leases that have run out. */
const SUPERVISE_SECONDS = 2;

export interface DatabaseOptions {
  /** Relative paths of `pglite:` are in it. */
  readonly cwd?: string;
  /** How long the database may be away before a statement fails; default ten minutes. */
  readonly patienceMs?: number;
  /** Told once each time that the database is away, and when it is back. */
  readonly onAway?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** An open database. */
export interface QueueDatabase {
  /** Without a password. */
  readonly shown: string;
  readonly boss: PgBoss;
  /** Runs a statement, again where the database was away. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Runs what asks the database, again where it was away. */
  steadily<T>(ask: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Opens the database of a queue and brings its tables up to date.
 *
 * @throws SelvedgeError `queue/runtime` on Node before 22.12, `queue/not-installed` with the command that installs what is missing,
 *   `queue/unreachable`, `queue/busy` where another process has the folder open
 */
export async function openDatabase(address: QueueAddress, options: DatabaseOptions = {}): Promise<QueueDatabase> {
  checkRuntime();
  const { PgBoss: Boss, fromPglite } = await load<typeof import('pg-boss')>('pg-boss', address);
  const common = {
    schema: 'selvedge_jobs',
    schedule: false,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
    registerInstance: false,
    openTelemetry: { enabled: false },
  } as const;
  let boss: PgBoss;
  let release = async (): Promise<void> => {};
  let requireOwn = async (): Promise<void> => {};
  if (address.kind === 'embedded') {
    const { PGlite } = await load<typeof import('@electric-sql/pglite')>('@electric-sql/pglite', address);
    const folder = platform.files.resolve(options.cwd ?? platform.workingFolder(), address.folder);
    const lock = await lockFolder(folder, address.shown);
    requireOwn = lock.requireOwn;
    const database = await PGlite.create(platform.files.join(folder, 'database')).catch(async (error: unknown) => {
      await lock.release();
      throw unreachable(address.shown, error);
    });
    boss = new Boss({ ...common, db: fromPglite(database), backend: 'pglite' });
    release = async () => {
      // What another process has open now is not written to.
      await lock.requireOwn().then(
        () => database.close(),
        () => {},
      );
      await lock.release();
    };
  } else {
    boss = new Boss({
      ...common,
      connectionString: address.url,
      application_name: 'selvedge',
      max: 4,
      connectionTimeoutMillis: 5_000,
    });
  }
  const steadily = createSteadiness(address.shown, options);
  const steady: QueueDatabase['steadily'] = async (ask) => {
    await requireOwn();
    return steadily(ask);
  };
  // What fails in the background is tried again in the background.
  boss.on('error', () => {});
  boss.on('warning', () => {});
  try {
    await startBoss(boss, address, options);
  } catch (error) {
    await release();
    throw error;
  }
  return {
    shown: address.shown,
    boss,
    steadily: steady,
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await steady(() => boss.getDb().executeSql(text, [...values]))).rows as Row[],
    async close() {
      await boss.stop({ graceful: false, timeout: 2_000 }).catch(() => {});
      await release();
    },
  };
}

/** Waits for a database that is away; a name that nobody knows and a password that is refused are told at once. */
async function startBoss(boss: PgBoss, { shown }: QueueAddress, options: DatabaseOptions): Promise<void> {
  const patienceMs = Math.min(options.patienceMs ?? PATIENCE_MS, OPENING_PATIENCE_MS);
  const steady = createSteadiness(shown, { ...options, patienceMs });
  try {
    await steady(() => startOnce(boss, shown));
  } catch (error) {
    await boss.stop({ graceful: false }).catch(() => {});
    const isGone = error instanceof SelvedgeError && error.code === 'queue/gone';
    throw error instanceof SelvedgeError && !isGone ? error : unreachable(shown, isGone ? error.cause : error);
  }
}

/** Two processes that make the tables at once: one of them fails, and finds them made. */
async function startOnce(boss: PgBoss, shown: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await boss.start();
      return;
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOTFOUND') throw unreachable(shown, error);
      if (attempt >= 4 || isAway(error)) throw error;
      await wait(300 * (attempt + 1));
    }
  }
}

/** A name that is no literal keeps bundlers from looking for what only Node uses. */
async function load<T>(name: keyof typeof queuePackages, { kind }: QueueAddress): Promise<T> {
  try {
    return (await import(/* @vite-ignore */ name)) as T;
  } catch (error) {
    const wanted = kind === 'embedded' ? (['pg-boss', '@electric-sql/pglite'] as const) : (['pg-boss'] as const);
    const packages = wanted.map((one) => `${one}@${queuePackages[one]}`).join(' ');
    throw new SelvedgeError(
      'queue/not-installed',
      `Cannot use a queue: package "${name}" is not installed; npm install ${packages}`,
      { cause: error },
    );
  }
}

function unreachable(shown: string, error: unknown): SelvedgeError {
  const reason = messageOf(error).split('\n')[0] || ((error as { code?: string }).code ?? 'no answer');
  return new SelvedgeError('queue/unreachable', `Cannot open queue "${shown}": ${reason}`, { cause: error });
}

/** Asks again while the database is away. */
function createSteadiness(shown: string, options: DatabaseOptions): QueueDatabase['steadily'] {
  const { patienceMs = PATIENCE_MS, onAway, signal } = options;
  let isToldAway = false;
  return async (ask) => {
    const start = platform.now();
    let pause = FIRST_WAIT_MS;
    for (;;) {
      try {
        const answer = await ask();
        if (isToldAway) {
          isToldAway = false;
          onAway?.(`Queue "${shown}" is back`);
        }
        return answer;
      } catch (error) {
        if (!isAway(error)) throw error;
        if (platform.now() - start > patienceMs || signal?.aborted)
          throw new SelvedgeError('queue/gone', `Cannot reach queue "${shown}": ${messageOf(error)}`, { cause: error });
        if (!isToldAway) {
          isToldAway = true;
          onAway?.(`Queue "${shown}" does not answer (${messageOf(error)}): trying again`);
        }
        await wait(pause);
        pause = Math.min(2 * pause, LONGEST_WAIT_MS);
      }
    }
  };
}

/** Classes 08 (connection), 53 (resources) and 57P (operator intervention) of PostgreSQL, and what the network says. */
const awayCodes =
  /^(?:08...|53...|57P0.|40001|40P01|ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)$/;
const awayWords =
  /connection terminated|connection timeout|timeout exceeded when trying to connect|connection ended|the database system is|client has encountered a connection error|not queryable/i;

/** Whether an error says that the database is away, and not that it was asked something wrong. */
export function isAway(error: unknown): boolean {
  if (error instanceof SelvedgeError) return false;
  const { code, cause, errors } = (error ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown[] };
  if (typeof code === 'string' && awayCodes.test(code)) return true;
  if (Array.isArray(errors) && errors.some(isAway)) return true;
  return awayWords.test(messageOf(error)) || (cause !== undefined && isAway(cause));
}

/** Waits, or until the signal comes. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
