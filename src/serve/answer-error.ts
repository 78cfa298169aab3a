// Which HTTP status an error has, and the JSON that says what was wrong. Not here: finding errors.
// Invariant: what is not the client's doing is told as 500 without a word of its inside.
import { SelvedgeError } from '../core/errors.ts';

export type ErrorStatus = 400 | 404 | 405 | 413 | 415 | 422 | 500 | 503;

/** Codes of what is asked of a catalogue. */
export const shopErrorStatuses = {
  'request/query': 400,
  'events/not-json': 400,
  'events/no-time': 400,
  'events/bad-time': 400,
  'events/bad-event': 400,
  'events/bad-item': 400,
  'recommend/option': 400,
  'recommend/many-shoppers': 400,
  'recommend/unknown-class': 422,
  'recommend/future': 422,
  'recommend/nothing-left': 422,
  'catalogue/unknown-id': 422,
} as const satisfies Readonly<Record<string, ErrorStatus>>;

/** Codes of what is asked of a generator. */
export const generateErrorStatuses = {
  'generate/request': 400,
  'generate/class': 422,
} as const satisfies Readonly<Record<string, ErrorStatus>>;

/** Codes that a client may get, with their status; every other error is the server's own. */
export const errorStatuses = {
  'request/empty': 400,
  'request/unreadable': 400,
  'request/length': 400,
  'request/json': 400,
  'request/pixels': 400,
  'request/form': 400,
  'request/not-found': 404,
  'request/method': 405,
  'request/too-large': 413,
  'request/too-many-images': 413,
  'image/too-large': 413,
  'image/too-costly': 413,
  'request/content-type': 415,
  'request/content-encoding': 415,
  'image/unknown-format': 415,
  'image/bad-size': 422,
  'image/truncated': 422,
  'image/corrupt': 422,
  'image/blank': 422,
  ...shopErrorStatuses,
  ...generateErrorStatuses,
  'serve/internal': 500,
  'serve/picture-worker': 500,
  'serve/no-model': 503,
  'serve/busy': 503,
  'serve/stopped': 503,
} as const satisfies Readonly<Record<string, ErrorStatus>>;

export type RequestErrorCode = keyof typeof errorStatuses;

export interface ErrorAnswer {
  readonly status: ErrorStatus;
  readonly body: { readonly error: { readonly code: RequestErrorCode; readonly message: string } };
}

/** An error in what was asked for. */
export function requestError(code: RequestErrorCode, message: string, cause?: unknown): SelvedgeError {
  return new SelvedgeError(code, message, { cause });
}

/** What to answer where `error` was thrown. */
export function answerError(error: unknown): ErrorAnswer {
  if (error instanceof SelvedgeError && Object.hasOwn(errorStatuses, error.code)) {
    const code = error.code as RequestErrorCode;
    return { status: errorStatuses[code], body: { error: { code, message: error.message } } };
  }
  const message = 'Cannot answer: something unexpected went wrong on the server';
  return { status: 500, body: { error: { code: 'serve/internal', message } } };
}
