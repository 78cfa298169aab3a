// How a platform listens on a port: the addresses, and the errors in words, that every runtime's own server shares.
// Not here: the servers (node.ts, bun.ts, deno.ts). Invariant: a port that cannot be had is a typed error, never a server without one.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import type { HttpPlace } from './platform.ts';

/** Requests that are being answered have so long when a server stops. */
export const STOP_LIMIT_MS = 2_000;

/** `http://host:port`, an IPv6 address in brackets. */
export function httpAddress({ host, port }: HttpPlace): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already; choose another port',
  AddrInUse: 'another program listens there already; choose another port',
  EACCES: 'no permission; ports below 1024 are often the system’s own',
  PermissionDenied: 'no permission; ports below 1024 are often the system’s own',
  EADDRNOTAVAIL: 'this machine has no such address',
  AddrNotAvailable: 'this machine has no such address',
  ENOTFOUND: 'this machine knows no such host',
  EAI_AGAIN: 'this machine knows no such host',
};

/** What kept a server from listening. */
export function listenError(place: HttpPlace, cause: unknown): SelvedgeError {
  const { code = '', name = '' } = (cause ?? {}) as { code?: string; name?: string };
  const isTaken = code === 'EADDRINUSE' || name === 'AddrInUse';
  const reason = reasons[code] ?? reasons[name] ?? messageOf(cause);
  return new SelvedgeError(
    isTaken ? 'platform/port-in-use' : 'platform/cannot-listen',
    `Cannot listen on ${httpAddress(place)}: ${reason}`,
    { cause },
  );
}
