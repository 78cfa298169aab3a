// The queue in memory does what every queue must do.
import { suite } from 'uvu';
import { openLocalQueue } from '../../src/queue/index.ts';
import { declareContract } from './contract.ts';

const test = suite('local queue');
declareContract(test, async () => openLocalQueue());
test.run();
