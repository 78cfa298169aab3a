// Files of results: those of docs/results, which ship with the package, and the check that a file holds what is read of it.
// Not here: what is read of which.
import * as v from 'valibot';
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';

/**
 * The text of a file of docs/results.
 *
 * @param address Written out by the caller, so that bundlers find the file
 * @returns Undefined where it is not there: not every installation has them
 */
export async function readShippedResult(address: URL): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await platform.readUrl(address));
  } catch {
    return undefined;
  }
}

/**
 * What a result holds of its schema.
 *
 * @param text JSON
 * @throws SelvedgeError `run/format` with the path of what does not fit; SyntaxError where the text is no JSON
 */
export function parseResult<Schema extends v.GenericSchema>(schema: Schema, text: string): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, JSON.parse(text));
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  throw new SelvedgeError(
    'run/format',
    `${v.getDotPath(issue) ?? 'the whole'}: expected ${issue.expected ?? issue.message}, got ${issue.received}`,
  );
}
