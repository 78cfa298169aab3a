// Runs verbs.ts on a Node that pg-boss supports.
// Runs alone: it starts several trainings.
import { test } from 'uvu';
import { testOnNewerNode } from './newer-node.ts';

testOnNewerNode('selvedge train, ensemble, measure and study over a queue', 'verbs.ts');

test.run();
