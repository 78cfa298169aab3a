// Inspectors that commands are given as files. Not here: what is in them (apps/inspect). Invariant: one that cannot be used is an error before
// anything else begins.
import { decodeInspector, type StoredInspector } from '../apps/inspect/inspector-file.ts';
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';
import type { CommandContext } from './command.ts';

/** @throws SelvedgeError `inspect/no-model`, `inspect/foreign`, `inspect/version`, `inspect/corrupt` */
export async function readInspector(file: string, context: CommandContext): Promise<StoredInspector> {
  const path = platform.files.resolve(context.cwd, file);
  const status = await platform.files.status(path);
  if (!status || status.isFolder) {
    throw new SelvedgeError(
      'inspect/no-model',
      `Cannot read "${file}": expected a model of selvedge inspect train, got ${status ? 'a folder' : 'nothing'}`,
    );
  }
  return decodeInspector(await platform.files.readBytes(path), { name: file });
}
