import * as tf from '@tensorflow/tfjs';
import { startBackend, currentBackend } from './src/backend/index.ts';
for (const threads of [1,2]) {
const e = await startBackend({threads});
const b = currentBackend();
const bytes = 4e6, U = 65536/4;
const at = b.allocate(bytes), at2=b.allocate(bytes), at3=b.allocate(bytes);
const units = Math.ceil(bytes/U);
for (const grain of [1,4,16,Math.ceil(units/4),Math.ceil(units/2),units]) {
  let best=1e9, bestC=1e9, bestA=1e9;
  for (let i=0;i<300;i++){ let t=performance.now(); b.pool.run('fill',units,[at,bytes,U,i],{grain}); best=Math.min(best,performance.now()-t);
  t=performance.now(); b.pool.run('elementwiseUnary',units,[at,at2,1e6,4096,0,0],{grain}); bestC=Math.min(bestC,performance.now()-t);}
  for (let i=0;i<300;i++){ let t=performance.now(); b.pool.run('elementwiseBinary',units,[at,at2,at3,1e6,4096,0,1e6,1,1,1,1,0,0,0,0,0,0],{grain}); bestA=Math.min(bestA,performance.now()-t);}
  console.log(threads,'grain',grain,'fill',best.toFixed(4),'abs',bestC.toFixed(4),'add',bestA.toFixed(4));
}
let bs=1e9; for (let i=0;i<2000;i++){const t=performance.now(); b.pool.run('fill',2,[at,32,16,i],{grain:1}); bs=Math.min(bs,performance.now()-t);} console.log('empty dispatch',bs);
await e.stop(); }
process.exit(0)
