// Several files as one artefact: those of a run, or of a model. Not here: which files. Invariant: equal files are equal bytes, and no name leads out
// of the folder that they are unpacked into.
//
//   bytes   0             4          4 + h
//          [header bytes | header JSON | contents, one after the other]
//           uint32 LE      [{name, bytes}, …]
import * as v from 'valibot';
import { concatenate } from '../core/concatenate.ts';
import { SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';

const headerSchema = v.array(
  v.strictObject({
    name: v.pipe(v.string(), v.regex(/^\w[\w.@-]*(?:\/\w[\w.@-]*)*$/)),
    bytes: v.pipe(v.number(), v.integer(), v.minValue(0)),
  }),
);

/** Contents by name; names have `/` between folder and file. */
export type PackedFiles = ReadonlyMap<string, Uint8Array>;

/**
 * Makes one artefact of several files.
 *
 * @example
 * ```ts
 * import { packFiles, unpackFiles } from 'selvedge';
 * const packed = packFiles(new Map([['model/model.json', new TextEncoder().encode('{}')]]));
 * console.assert(unpackFiles(packed).get('model/model.json')?.length === 2);
 * ```
 */
export function packFiles(files: PackedFiles): Uint8Array {
  const header = new TextEncoder().encode(
    JSON.stringify([...files].map(([name, content]) => ({ name, bytes: content.length }))),
  );
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, header.length, true);
  return concatenate([length, header, ...files.values()]);
}

/**
 * The files of an artefact, in the order in which they were packed.
 *
 * @throws SelvedgeError `artefact/format`
 */
export function unpackFiles(bytes: Uint8Array): PackedFiles {
  try {
    const start = 4 + new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
    const entries = v.parse(headerSchema, JSON.parse(new TextDecoder().decode(bytes.subarray(4, start))));
    let at = start;
    const files = new Map(
      entries.map(({ name, bytes: size }) => {
        at += size;
        return [name, bytes.slice(at - size, at)] as const;
      }),
    );
    if (at === bytes.length) return files;
    throw new RangeError(`expected ${at} bytes, got ${bytes.length}`);
  } catch (cause) {
    throw new SelvedgeError('artefact/format', `Cannot unpack an artefact: ${String(cause)}`, { cause });
  }
}

/** Packs all files of a folder and the folders in it, sorted by name, but `last`, which says that all are there. */
export async function packFolder(folder: string, last?: string): Promise<Uint8Array> {
  const { files } = platform;
  const found = new Map<string, Uint8Array>();
  const walk = async (path: string, prefix: string): Promise<void> => {
    for (const { name, isFolder } of await files.entries(path)) {
      if (isFolder) await walk(files.join(path, name), `${prefix}${name}/`);
      else found.set(`${prefix}${name}`, await files.readBytes(files.join(path, name)));
    }
  };
  await walk(folder, '');
  const end = last === undefined ? undefined : found.get(last);
  if (end) {
    found.delete(last!);
    found.set(last!, end);
  }
  return packFiles(found);
}

/** Writes files into a folder, in their order. */
export async function writeFiles(packed: PackedFiles, folder: string): Promise<void> {
  const { files } = platform;
  for (const [name, content] of packed) await files.write(files.join(folder, ...name.split('/')), content);
}
