// ONNX files: their messages, and classifiers read from them. Writing them is in ../../plan/onnx/, where models are read.
export { decodeMessage, encodeMessage } from './codec.ts';
export * from './schema.ts';
