// What stands for the shell of `dax` in bundles for browsers and the edge, where there are no programs to run: see `imports` in
// package.json. Invariant: whoever wants to run a script is told so.
import { SelvedgeError } from '../core/errors.ts';

export class KillController {
  constructor() {
    throw new SelvedgeError(
      'tasks/no-shell',
      'Cannot run a script: this bundle is for browsers or the edge, which have no shell; give the tasks a shell of their own',
    );
  }
}

export const CommandBuilder = KillController;
