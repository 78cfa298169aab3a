// Inspectors that answer requests, by the network that ships. Not here: HTTP (inspect-routes.ts). No tfjs, no platform: for edge runtimes, too.
// Invariant: an answer does not depend on what else is asked at the same time; others are answered between parts of a long request.
import { inspectImages, requireSameNetwork } from '../apps/inspect/inspector.ts';
import type { StoredInspector } from '../apps/inspect/inspector-file.ts';
import type { Classifier } from '../edge/index.ts';
import type { InspectedImage, InspectionService } from './inspect-routes.ts';

/** Images that are inspected before others get their turn. */
const PART = 16;

/**
 * Makes inspectors ready for `createApp`.
 *
 * @param inspectors Of `decodeInspector`, by the names that they are asked for by
 * @param network Of `openInspectionNetwork`, or of its file by `createClassifier`
 * @param giveWay Lets others have their turn; default: nobody has, until a request is answered
 * @throws SelvedgeError `inspect/other-network`
 */
export function createInspection(
  inspectors: Readonly<Record<string, StoredInspector>>,
  network: Classifier,
  giveWay: () => Promise<void> = async () => {},
): InspectionService {
  for (const { inspector } of Object.values(inspectors)) requireSameNetwork(inspector, network);
  return {
    inspectors: Object.fromEntries(
      Object.entries(inspectors).map(([name, { preparation, inspector }]) => [
        name,
        { preparation, falseAlarms: inspector.settings.falseAlarms },
      ]),
    ),
    async inspect(name, images) {
      const { inspector, preparation } = inspectors[name]!;
      const bytes = PART * preparation.side * preparation.side;
      const found: InspectedImage[] = [];
      for (let start = 0; start < images.length; start += bytes) {
        found.push(...inspectImages(inspector, network, images.subarray(start, start + bytes)));
        await giveWay();
      }
      return found;
    },
  };
}
