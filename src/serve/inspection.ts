// Inspectors that answer requests, on the engine that runs. Not here: HTTP (inspect-routes.ts), so that an app without one has no tfjs.
// Invariant: an answer does not depend on what else is asked at the same time.
import { inspectImages, type PatchFeatures, requireSameBackbone, type StoredInspector } from '../apps/inspect/index.ts';
import type { InspectionService } from './inspect-routes.ts';

/**
 * Makes inspectors ready for `createApp`. Needs a started backend.
 *
 * @param inspectors Of `decodeInspector`, by the names that they are asked for by
 * @param features Of `openPatchFeatures`; it stays the caller's
 * @throws SelvedgeError `inspect/other-backbone`
 */
export function createInspection(
  inspectors: Readonly<Record<string, StoredInspector>>,
  features: PatchFeatures,
): InspectionService {
  for (const { inspector } of Object.values(inspectors)) requireSameBackbone(inspector, features);
  return {
    inspectors: Object.fromEntries(
      Object.entries(inspectors).map(([name, { preparation, inspector }]) => [
        name,
        { preparation, falseAlarms: inspector.settings.falseAlarms },
      ]),
    ),
    inspect: (name, images) => inspectImages(inspectors[name]!.inspector, features, images),
  };
}
