// Artefacts in a bucket of an S3-compatible store, through aws4fetch, an optional package. Not here: artefacts.ts, whose invariant holds here, too.
// Invariant: nothing is assumed of the store but that it keeps what it answered 200 to: bytes are checked by their digest, and equal digests
// are equal bytes, so that whoever writes last changes nothing. Keys of the account are in no message, no row and no address.
import type { AwsClient } from 'aws4fetch';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { platform } from '../platform/index.ts';
import { type ArtefactStore, checkBytes, checkDigest, missing } from './artefacts.ts';
import { wait } from './database.ts';

/** What the optional package is pinned to, as package.json has it. */
const PACKAGE = 'aws4fetch@1.0.20';
/** A store that does not answer is asked again after 1/5 s, 2/5 s and so on: some 13 s in all. */
const ATTEMPTS = 7;
const FIRST_WAIT_MS = 200;
/** One that takes a question and does not answer is asked again after so long. */
const LONGEST_ANSWER_MS = 60_000;

/** What a store answered. */
interface Answer {
  /** False: there is no such artefact. */
  readonly isThere: boolean;
  readonly length: number;
  /** Of GET. */
  readonly bytes: Uint8Array;
}

/** Where a bucket is, and who asks. */
export interface BucketAccount {
  /** Such as `https://s3.eu-central-1.amazonaws.com`; default: Amazon's of the region. */
  readonly endpoint?: string | undefined;
  /** Default: `us-east-1`. */
  readonly region?: string | undefined;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** Whether text is the address of a bucket and not the path of a folder. */
export const isBucketAddress = (text: string): boolean => text.startsWith('s3://');

/**
 * Reads the address of artefacts in a bucket.
 *
 * @param text `s3://BUCKET/PREFIX`; the prefix may be left out
 * @throws SelvedgeError `artefact/address`
 * @example
 * ```ts
 * import { readBucketAddress } from 'selvedge';
 * console.assert(readBucketAddress('s3://shop/night/').prefix === 'night');
 * ```
 */
export function readBucketAddress(text: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\w!.*'()/-]*))?$/.exec(text) ?? [];
  const names = prefix.split('/').filter((name) => name !== '');
  if (bucket !== undefined && !names.includes('.') && !names.includes('..')) return { bucket, prefix: names.join('/') };
  throw new SelvedgeError(
    'artefact/address',
    'Cannot open artefacts: expected s3://BUCKET/PREFIX without "@", "?" and spaces; keys of the account are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  );
}

/**
 * The account that the environment names: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and, where they are set, `AWS_ENDPOINT_URL`,
 * `AWS_REGION` and `AWS_SESSION_TOKEN`.
 *
 * @throws SelvedgeError `artefact/account` naming the variable that is missing or bad, never its value
 */
export function bucketAccount(
  variable: (name: string) => string | undefined = (name) => platform.environment(name),
): BucketAccount {
  const required = (name: string): string => {
    const value = variable(name);
    if (value) return value;
    throw new SelvedgeError('artefact/account', `Cannot open artefacts in a bucket: ${name} is not set`);
  };
  const endpoint = variable('AWS_ENDPOINT_URL') || undefined;
  if (endpoint !== undefined && !isPlainAddress(endpoint))
    throw new SelvedgeError(
      'artefact/account',
      'Cannot open artefacts in a bucket: AWS_ENDPOINT_URL is no http(s) address without user, password and parameters',
    );
  return {
    endpoint,
    region: variable('AWS_REGION') || undefined,
    accessKeyId: required('AWS_ACCESS_KEY_ID'),
    secretAccessKey: required('AWS_SECRET_ACCESS_KEY'),
    sessionToken: variable('AWS_SESSION_TOKEN') || undefined,
  };
}

function isPlainAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '' && search === '';
}

/**
 * Opens artefacts in a bucket, which must be there.
 *
 * @param text As `readBucketAddress` takes it
 * @throws SelvedgeError `artefact/not-installed`, `artefact/address`; methods throw `artefact/store` where the store refuses or does not answer
 */
export async function openArtefactBucket(text: string, account: BucketAccount): Promise<ArtefactStore> {
  const { bucket, prefix } = readBucketAddress(text);
  const { region = 'us-east-1', endpoint = `https://s3.${region}.amazonaws.com`, ...keys } = account;
  const client = await createClient({ ...keys, region });
  const place = `s3://${[bucket, prefix].filter((name) => name !== '').join('/')}`;
  const addressOf = (digest: string): string =>
    [endpoint.replace(/\/+$/, ''), bucket, ...(prefix === '' ? [] : [prefix]), checkDigest(digest)].join('/');

  /** An artefact that is not there is an answer, but to PUT. */
  async function ask(method: string, digest: string, body?: Uint8Array): Promise<Answer> {
    const init: RequestInit = { method };
    // The store checks the digest, too, where it can.
    if (body) Object.assign(init, { body, headers: { 'x-amz-content-sha256': digest } });
    const address = addressOf(digest);
    let reason = '';
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await wait(FIRST_WAIT_MS * 2 ** (attempt - 1));
      try {
        const response = await client.fetch(address, { ...init, signal: AbortSignal.timeout(LONGEST_ANSWER_MS) });
        const { ok, status, headers } = response;
        if (ok) {
          // Here, since a body may be cut off, too.
          const bytes = new Uint8Array(method === 'GET' ? await response.arrayBuffer() : []);
          return { isThere: true, length: Number(headers.get('content-length')), bytes };
        }
        reason = `it answered ${status}${codeOf(await response.text())}`;
        // A bucket that is not there is no artefact that is not there.
        if (status === 404 && method !== 'PUT' && !reason.includes('NoSuchBucket'))
          return { isThere: false, length: 0, bytes: new Uint8Array(0) };
        if (status < 500 && status !== 429) break;
      } catch (error) {
        reason = messageOf((error as { cause?: unknown }).cause ?? error);
      }
    }
    throw new SelvedgeError('artefact/store', `Cannot ${method} artefact ${digest} in "${place}": ${reason}`);
  }

  return {
    place,
    async put(bytes) {
      const digest = await sha256(bytes);
      const { isThere, length } = await ask('HEAD', digest);
      if (isThere && length === bytes.length) return digest;
      await ask('PUT', digest, bytes);
      return digest;
    },
    async get(digest) {
      const { isThere, bytes } = await ask('GET', digest);
      if (!isThere) throw missing(digest, place);
      return checkBytes(bytes, digest, place, async () => void (await ask('DELETE', digest)));
    },
    remove: async (digest) => void (await ask('DELETE', digest)),
  };
}

/** What an answer in XML calls itself; the rest of it may hold names of keys. */
function codeOf(xml: string): string {
  const [, code] = /<Code>(\w+)<\/Code>/.exec(xml) ?? [];
  return code === undefined ? '' : ` ${code}`;
}

async function createClient(
  account: Omit<BucketAccount, 'endpoint'> & { readonly region: string },
): Promise<AwsClient> {
  const { sessionToken, ...rest } = account;
  try {
    // A name that is no literal keeps bundlers from looking for what few use.
    const name: string = 'aws4fetch';
    const library = (await import(/* @vite-ignore */ name)) as typeof import('aws4fetch');
    return new library.AwsClient({ ...rest, ...(sessionToken ? { sessionToken } : {}), service: 's3', retries: 0 });
  } catch (error) {
    throw new SelvedgeError(
      'artefact/not-installed',
      `Cannot keep artefacts in a bucket: package "aws4fetch" is not installed; npm install ${PACKAGE}`,
      { cause: error },
    );
  }
}
