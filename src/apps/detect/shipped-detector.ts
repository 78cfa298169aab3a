// The detector that ships. Not here: how it was trained (docs/detect.md). Invariant: the same bits on every runtime.
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import { platform } from '../../platform/index.ts';
import { detectorAddress } from '../detector-address.ts';
import { type Detector, openDetector } from './detector.ts';
import { type DetectorModel, decodeDetector } from './detector-file.ts';

/**
 * Reads the detector that ships.
 *
 * @throws SelvedgeError `detect/shipped` if the installation is damaged
 */
export async function loadShippedDetector(): Promise<DetectorModel> {
  try {
    return await decodeDetector(await platform.readUrl(detectorAddress()), 'assets/models/detect/detect.selvedge');
  } catch (error) {
    throw new SelvedgeError(
      'detect/shipped',
      `Cannot open the detector that ships: ${messageOf(error)}; install the package again`,
      { cause: error },
    );
  }
}

/**
 * Opens the detector that ships, in the memory of the running backend.
 *
 * @returns The caller disposes it
 * @throws SelvedgeError `detect/shipped`, `backend/not-started`
 */
export const openShippedDetector = async (): Promise<Detector> => openDetector(await loadShippedDetector());
