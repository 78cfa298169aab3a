// ONNX files: their messages, and classifiers read from them. Writing them is in ../../plan/onnx/, where models are read.
export { decodeMessage, encodeMessage } from './codec.ts';
export { onnxOpsets } from './open.ts';
export { type OnnxModelRead, onnxOperators, type ReadOnnx, readOnnx, readOnnxModel } from './read-onnx.ts';
export * from './schema.ts';
