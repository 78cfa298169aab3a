// Models as ONNX files. Reading them is in ../../models/onnx/.
export { exportOnnx, ONNX_OPSET, type OnnxExportOptions } from './export-onnx.ts';
