// The calibrations of the models that ship. Not here: making them, see scripts/calibrate-shipped.ts.
import * as v from 'valibot';
import { messageOf, SelvedgeError } from '../core/errors.ts';
import type { ShippedName } from '../models/index.ts';
import { platform } from '../platform/index.ts';
import { type CategoriserCalibration, calibrationSchema } from './categorise/calibration.ts';

/** A URL each, written out, so that bundlers find the files; as deep as dist/program/, which has this file, too. */
const addresses = {
  best: () => new URL('../../assets/models/best/categorise.json', import.meta.url),
  distilled: () => new URL('../../assets/models/distilled/categorise.json', import.meta.url),
  dropout: () => new URL('../../assets/models/dropout/categorise.json', import.meta.url),
} as const satisfies Record<ShippedName, () => URL>;

/**
 * Reads the calibration of a model that ships.
 *
 * @throws SelvedgeError `models/shipped` if the installation is damaged
 */
export async function readShippedCalibration(name: ShippedName): Promise<CategoriserCalibration> {
  try {
    const text = new TextDecoder().decode(await platform.readUrl(addresses[name]()));
    return v.parse(calibrationSchema, JSON.parse(text));
  } catch (cause) {
    throw new SelvedgeError(
      'models/shipped',
      `Cannot read the calibration of shipped model "${name}": ${messageOf(cause)}; install the package again`,
      { cause },
    );
  }
}
