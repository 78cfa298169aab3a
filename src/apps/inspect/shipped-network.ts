// The network that inspects and ships. Not here: how it was trained (anomaly-network.ts). Invariant: the same bits on every runtime.
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import { type Classifier, createClassifier } from '../../edge/index.ts';
import { compileEngineFile, platform } from '../../platform/index.ts';
import { inspectionAddress } from '../inspection-address.ts';

/**
 * Opens the network that ships: what it answers with is not of classes, but a logit a pixel of whether it is not as garments are.
 *
 * @throws SelvedgeError `inspect/shipped` if the installation is damaged, `files/engine-file` in a checkout that is not built
 */
export async function openInspectionNetwork(): Promise<Classifier> {
  const kernels = await compileEngineFile('edge.wasm');
  try {
    return await createClassifier({ model: await platform.readUrl(inspectionAddress()), kernels });
  } catch (error) {
    throw new SelvedgeError(
      'inspect/shipped',
      `Cannot open the network that inspects: ${messageOf(error)}; install the package again`,
      { cause: error },
    );
  }
}
