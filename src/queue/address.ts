// Where a queue is: a PostgreSQL database, or a folder with one inside this process. Text to a checked value; opening it is database.ts.
// Invariant: what is shown of an address never holds a password.
import { SelvedgeError } from '../core/errors.ts';

/** Where a queue is. */
export type QueueAddress =
  | { readonly kind: 'postgres'; readonly url: string; readonly shown: string }
  | { readonly kind: 'embedded'; readonly folder: string; readonly shown: string };

/** Parameters of a connection that may be secret. */
const secret = /password|sslpassword|secret|token/i;

/**
 * Reads the address of a queue.
 *
 * @param text `postgres://user@host/database` with libpq's parameters, such as `?sslmode=verify-full`; or `pglite:FOLDER`
 * @throws SelvedgeError `queue/address`; its message holds no password
 * @example
 * ```ts
 * import { readQueueAddress } from 'selvedge';
 * const address = readQueueAddress('postgres://ada:secret@db.example/work?sslmode=verify-full');
 * console.assert(!address.shown.includes('secret'));
 * ```
 */
export function readQueueAddress(text: string): QueueAddress {
  const wanted = 'expected postgres://user@host/database or pglite:FOLDER';
  if (text.startsWith('pglite:')) {
    const folder = text.slice('pglite:'.length).replace(/^\/\/(?=[^/])/, '');
    if (folder === '') throw new SelvedgeError('queue/address', `Cannot open queue "${text}": ${wanted}`);
    return { kind: 'embedded', folder, shown: text };
  }
  if (!/^postgres(?:ql)?:\/\//.test(text) || !URL.canParse(text)) {
    const scheme = /^[a-z]+:/i.exec(text)?.[0];
    const got = scheme ? `an address of "${scheme}"` : 'no address';
    throw new SelvedgeError('queue/address', `Cannot open queue: ${wanted}, got ${got}`);
  }
  return { kind: 'postgres', url: text, shown: shownOf(text) };
}

function shownOf(text: string): string {
  const url = new URL(text);
  url.password = '';
  for (const name of [...url.searchParams.keys()]) if (secret.test(name)) url.searchParams.delete(name);
  return url.href;
}

/**
 * Takes passwords out of a text, such as a command line that is kept beside its results.
 *
 * @example
 * ```ts
 * import { withoutPasswords } from 'selvedge';
 * console.assert(withoutPasswords('--queue postgres://a:b@host/db') === '--queue postgres://a@host/db');
 * ```
 */
export function withoutPasswords(text: string): string {
  return text.replace(/\bpostgres(?:ql)?:\/\/\S+/g, (address) =>
    URL.canParse(address) ? shownOf(address) : 'postgres://…',
  );
}
