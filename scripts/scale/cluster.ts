// A PostgreSQL of our own in a temporary folder, for tests: Debian's programs, run by an unprivileged user, on a free port of this machine. Not
// here: what is done with it. Invariant: it listens on 127.0.0.1 alone, with a password, and nothing of it is left behind.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const PROGRAMS = '/usr/lib/postgresql';
/** Debian's user; only root needs one, since PostgreSQL refuses to be root. */
const USER = 'postgres';

export interface Cluster {
  /** With a password. */
  readonly url: string;
  readonly password: string;
  start(): Promise<void>;
  /** Kills the server and all its processes as a power cut would. */
  kill(): void;
  /** A fresh database, by name; its address. */
  createDatabase(name: string): string;
  remove(): void;
}

/** The folder of PostgreSQL's programs, newest first; undefined where there is none. */
export function findPostgres(): string | undefined {
  if (!existsSync(PROGRAMS)) return undefined;
  const versions = readdirSync(PROGRAMS).sort((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => path.join(PROGRAMS, version, 'bin'))
    .find((bin) => existsSync(path.join(bin, 'initdb')));
}

/** Makes a cluster; it is not started yet. */
export async function createCluster(): Promise<Cluster> {
  const programs = findPostgres();
  if (!programs) throw new Error(`Cannot start PostgreSQL: expected its programs in ${PROGRAMS}`);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'selvedge-postgres-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    const id = (flag: string): number => Number(execFileSync('id', [flag, USER], { encoding: 'utf8' }));
    chmodSync(folder, 0o755);
    chownSync(folder, id('-u'), id('-g'));
  }
  const asUser = (program: string, ...args: string[]): [string, string[]] => {
    const file = path.join(programs, program);
    return isRoot ? ['runuser', ['-u', USER, '--', file, ...args]] : [file, args];
  };
  const run = (program: string, ...args: string[]): string => {
    const [file, all] = asUser(program, ...args);
    return execFileSync(file, all, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });
  };
  const password = 'a-password-that-no-log-may-hold';
  const passwordFile = path.join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o644 });
  const data = path.join(folder, 'data');
  run(
    'initdb',
    '-D',
    data,
    '-U',
    'selvedge',
    '-A',
    'scram-sha-256',
    `--pwfile=${passwordFile}`,
    '-E',
    'UTF8',
    '--no-sync',
  );
  const port = await freePort();
  const url = `postgres://selvedge:${password}@127.0.0.1:${port}/postgres`;
  const settings = `-c listen_addresses=127.0.0.1 -c port=${port} -c unix_socket_directories=${folder} -c max_connections=100`;
  const psql = (database: string, statement: string): void => {
    const env = { ...process.env, PGPASSWORD: password };
    const where = ['-h', '127.0.0.1', '-p', String(port), '-U', 'selvedge', '-d', database];
    execFileSync(path.join(programs, 'psql'), [...where, '-qc', statement], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  };
  const startOnce = (): Promise<number | null> => {
    const [file, args] = asUser(
      'pg_ctl',
      '-D',
      data,
      '-l',
      path.join(folder, 'log'),
      '-o',
      settings,
      '-w',
      '-t',
      '60',
      'start',
    );
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { stdio: 'ignore', cwd: folder });
      child.on('error', reject);
      child.on('close', resolve);
    });
  };
  return {
    url,
    password,
    async start() {
      // Processes that were killed take a moment to be gone, and to let go of their shared memory.
      for (let attempt = 0; ; attempt++) {
        if ((await startOnce()) === 0) return;
        if (attempt === 40)
          throw new Error(`pg_ctl could not start: ${readFileSync(path.join(folder, 'log'), 'utf8').slice(-500)}`);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    },
    kill() {
      for (const id of processesOf(data)) {
        try {
          process.kill(id, 'SIGKILL');
        } catch {
          // It has ended.
        }
      }
    },
    createDatabase(name) {
      psql('postgres', `create database ${name}`);
      return url.replace(/postgres$/, name);
    },
    remove() {
      try {
        run('pg_ctl', '-D', data, '-m', 'immediate', '-w', 'stop');
      } catch {
        // It does not run.
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The postmaster and its children: they leave when it is gone, but a power cut takes all at once. */
function processesOf(data: string): number[] {
  const file = path.join(data, 'postmaster.pid');
  if (!existsSync(file)) return [];
  const parent = Number(readFileSync(file, 'utf8').split('\n')[0]);
  const children = readdirSync('/proc').filter((name) => {
    try {
      return (
        /^\d+$/.test(name) && new RegExp(`^PPid:\\s*${parent}$`, 'm').test(readFileSync(`/proc/${name}/status`, 'utf8'))
      );
    } catch {
      return false;
    }
  });
  return [parent, ...children.map(Number)];
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
