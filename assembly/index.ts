// All kernels in one module, so that a worker instantiates once. One file a kernel family.

export * from './confusion-matrix';
export * from './spin';
export * from './adam';
export * from './dropout';
export * from './softmax-cross-entropy';
