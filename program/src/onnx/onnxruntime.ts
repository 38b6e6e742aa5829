/** onnxruntime, which tells nobody anything: all that run it take it from here. */
import "./noTelemetry.ts";
export { InferenceSession, Tensor } from "onnxruntime-node";
