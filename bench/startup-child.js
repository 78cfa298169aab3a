// What a fresh process does in `selvedge bench startup`: import the package as its users do, start, load a model, predict one image. Prints
// the times as JSON. Invariant: nothing of ours is imported before the clock starts.
/** @type {[string, number][]} */
const marks = [];
/** @param {string} name */
const mark = (name) => {
  marks.push([name, performance.now()]);
};

// Since the process began: the runtime's own start.
mark('runtimeMs');
const [{ startBackend }, { loadModel }, { createPredictor }] = await Promise.all([
  import('selvedge/backend'),
  import('selvedge/models'),
  import('selvedge/plan'),
]);
mark('importMs');
const [folder = '', threads] = process.argv.slice(2);
await startBackend(threads ? { threads: Number(threads) } : {});
mark('backendMs');
const { model } = await loadModel(folder);
mark('modelMs');
const size = model.inputs[0]?.shape.slice(1).reduce((product, extent) => (product ?? 0) * (extent ?? 0), 1) ?? 0;
const probabilities = createPredictor(model).predict(new Float32Array(size).fill(0.5));
mark('predictionMs');

const times = marks.map(([name, at], i) => [name, at - (marks[i - 1]?.[1] ?? 0)]);
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({
    ...Object.fromEntries(times),
    sum: probabilities.reduce((sum, value) => sum + value, 0),
    processorMs: (user + system) / 1000,
  }),
);
process.exit(0);
