// The file of the generator that ships. Not here: what is in it (apps/generate/). Two folders below the root, as every file that names an asset:
// the program's bundle lies as deep.
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { platform } from '../platform/index.ts';

/** Written out, so that bundlers find the file. */
const address = (): URL => new URL('../../assets/models/generate/generate.bin', import.meta.url);

/**
 * The bytes of the generator that ships.
 *
 * @throws SelvedgeError `generate/absent` if the installation is damaged
 */
export async function readShippedGenerator(): Promise<Uint8Array> {
  try {
    return await platform.readUrl(address());
  } catch (error) {
    throw new SelvedgeError(
      'generate/absent',
      `Cannot open the generator that ships: ${messageOf(error)}; install the package again`,
      { cause: error },
    );
  }
}
