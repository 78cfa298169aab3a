// What a fresh process does in `selvedge bench startup`: import, start, load a model, predict one image. Prints the times as JSON.
// Invariant: nothing of ours is imported before the clock starts.
const marks: [string, number][] = [];
const mark = (name: string): void => {
  marks.push([name, performance.now()]);
};

// Since the process began: the runtime's own start and the loader of TypeScript.
mark('runtimeMs');
const [{ startBackend }, { loadModel }, { createPredictor }] = await Promise.all([
  import('../src/backend/index.ts'),
  import('../src/models/index.ts'),
  import('./predictor.ts'),
]);
mark('importMs');
const [folder, threads] = process.argv.slice(2);
await startBackend(threads ? { threads: Number(threads) } : {});
mark('backendMs');
const { model } = await loadModel(folder!);
mark('modelMs');
const size = model.inputs[0]!.shape.slice(1).reduce((product: number, extent) => product * extent!, 1);
const probabilities = createPredictor(model).predict(new Float32Array(size).fill(0.5));
mark('predictionMs');

const times = marks.map(([name, at], i) => [name, at - (marks[i - 1]?.[1] ?? 0)]);
console.log(
  JSON.stringify({ ...Object.fromEntries(times), sum: probabilities.reduce((sum, value) => sum + value, 0) }),
);
process.exit(0);
