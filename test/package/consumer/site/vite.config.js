// All that Vite must be told: workers are modules.
export default { worker: { format: 'es' } };
