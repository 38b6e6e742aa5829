/**
 * Image classifiers as PyTorch exports them, batch normalisation folded: ResNet-50 (He et al., 2015) and MobileNetV2 (Sandler et
 * al., 2018) in float32 and quantised in either of onnxruntime's formats (U8U8 or S8S8, per tensor).
 */
import type { AttributeValue } from "../../program/src/testing/onnx.ts";
import { Writer } from "./writer.ts";

/** A tensor on its way: its name, channels, height and width; of quantised ones scale and zero point. */
interface Map2d {
  readonly name: string;
  readonly channels: number;
  readonly size: number;
}

interface ConvOptions {
  readonly kernel?: number;
  readonly stride?: number;
  readonly group?: number;
  readonly activation: "relu" | "relu6" | "none";
}

/** What differs between the formats. */
interface Layers {
  input(size: number): Map2d;
  conv(x: Map2d, channels: number, options: ConvOptions): Map2d;
  add(a: Map2d, b: Map2d, relu: boolean): Map2d;
  maxPool(x: Map2d): Map2d;
  /** Global average and a fully connected layer to `classes` logits. */
  head(x: Map2d, classes: number): string;
  file(size: number, classes: number, logits: string): Uint8Array;
}

function outSize(size: number, stride: number): number {
  return Math.ceil(size / stride);
}

function convAttributes({ kernel = 1, stride = 1, group = 1 }: ConvOptions) {
  const pad = Math.floor(kernel / 2);
  return {
    dilations: [1, 1],
    group,
    kernel_shape: [kernel, kernel],
    pads: [pad, pad, pad, pad],
    strides: [stride, stride],
  };
}

const POOL = { ceil_mode: 0, kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] };

function floatLayers(w: Writer): Layers {
  return {
    input: (size) => ({ name: "input", channels: 3, size }),
    conv(x, channels, options) {
      const { kernel = 1, stride = 1, group = 1, activation } = options;
      const fan = (x.channels / group) * kernel * kernel;
      const gain = activation === "none" ? 1 : 2;
      const weights = w.weights([channels, x.channels / group, kernel, kernel], Math.sqrt(gain / fan));
      const bias = w.weights([channels], 0.05);
      let name = w.op("Conv", [x.name, weights, bias], convAttributes(options));
      if (activation === "relu") name = w.op("Relu", [name]);
      if (activation === "relu6") name = w.op("Clip", [name, w.scalar("f32", 0), w.scalar("f32", 6)]);
      return { name, channels, size: outSize(x.size, stride) };
    },
    add(a, b, relu) {
      const sum = w.op("Add", [a.name, b.name]);
      return { ...a, name: relu ? w.op("Relu", [sum]) : sum };
    },
    maxPool: (x) => ({ ...x, name: w.op("MaxPool", [x.name], POOL), size: outSize(x.size, 2) }),
    head(x, classes) {
      const flat = w.op("Flatten", [w.op("GlobalAveragePool", [x.name])], { axis: 1 });
      const [matrix, bias] = [
        w.weights([classes, x.channels], 1 / Math.sqrt(x.channels)),
        w.weights([classes], 0.05),
      ];
      return w.op("Gemm", [flat, matrix, bias], { transB: 1 });
    },
    file(size, classes, logits) {
      w.show(logits, "output");
      return w.file(
        [{ name: "input", dtype: "f32", shape: [1, 3, size, size] }],
        [{ name: "output", dtype: "f32", shape: [1, classes] }],
      );
    },
  };
}

/**
 * All activations share one scale; those after a ReLU have the least zero point, so that saturation is the ReLU. Formats: operators on
 * integers, or float operators between DequantizeLinear and QuantizeLinear, which onnxruntime makes such operators of.
 */
const ACTIVATION_SCALE = 0.05;

export interface Quantisation {
  readonly type: "u8" | "i8";
  readonly format: "QOperator" | "QDQ";
}

function quantisedLayers(w: Writer, { type, format }: Quantisation): Layers {
  const scale = w.scalar("f32", ACTIVATION_SCALE);
  /** That of weights too. */
  const middle = w.scalar(type, type === "u8" ? 128 : 0);
  const least = w.scalar(type, type === "u8" ? 0 : -128);
  const zeroAfter = (relu: boolean): string => (relu ? least : middle);
  const zeros = new Map<string, string>();
  const zeroOf = (name: string): string => zeros.get(name) ?? "";
  const made = (name: string, zero: string): string => {
    zeros.set(name, zero);
    return name;
  };
  /** Bytes are uniform: their deviation is 74 steps. */
  const weightScale = (deviation: number): number => Math.fround(deviation / 74);
  const bias = (count: number) =>
    w.list(
      "i32",
      Array.from({ length: count }, (_, k) => ((k * 37) % 201) - 100),
    );
  const quantised = (value: string, zero: string): string =>
    made(w.op("QuantizeLinear", [value, scale, zero]), zero);
  const float = (name: string): string => w.op("DequantizeLinear", [name, scale, zeroOf(name)]);
  /** A float operator on weights, in the format QDQ. */
  const weighted = (
    operator: string,
    x: string,
    weights: string,
    deviation: number,
    count: number,
    attributes: Readonly<Record<string, AttributeValue>>,
  ): string => {
    const own = weightScale(deviation);
    const ofBias = w.scalar("f32", Math.fround(own * Math.fround(ACTIVATION_SCALE)));
    const operands = [
      float(x),
      w.op("DequantizeLinear", [weights, w.scalar("f32", own), middle]),
      w.op("DequantizeLinear", [bias(count), ofBias]),
    ];
    return w.op(operator, operands, attributes);
  };
  const qdq = format === "QDQ";
  return {
    input: (size) => ({ name: quantised("input", middle), channels: 3, size }),
    conv(x, channels, options) {
      const { kernel = 1, stride = 1, group = 1, activation } = options;
      const fan = (x.channels / group) * kernel * kernel;
      const weights = w.bytes(type, [channels, x.channels / group, kernel, kernel]);
      const zero = zeroAfter(activation !== "none");
      const deviation = Math.sqrt((activation === "none" ? 1 : 2) / fan);
      const attributes = convAttributes(options);
      const shape = { channels, size: outSize(x.size, stride) };
      if (qdq)
        return {
          ...shape,
          name: quantised(weighted("Conv", x.name, weights, deviation, channels, attributes), zero),
        };
      const ws = w.scalar("f32", weightScale(deviation));
      const inputs = [x.name, scale, zeroOf(x.name), weights, ws, middle, scale, zero, bias(channels)];
      return { ...shape, name: made(w.op("QLinearConv", inputs, attributes), zero) };
    },
    add(a, b, relu) {
      const zero = zeroAfter(relu);
      if (qdq) return { ...a, name: quantised(w.op("Add", [float(a.name), float(b.name)]), zero) };
      const inputs = [a.name, scale, zeroOf(a.name), b.name, scale, zeroOf(b.name), scale, zero];
      return { ...a, name: made(w.op("com.microsoft:QLinearAdd", inputs), zero) };
    },
    maxPool(x) {
      const zero = zeroOf(x.name);
      const name = qdq
        ? quantised(w.op("MaxPool", [float(x.name)], POOL), zero)
        : made(w.op("MaxPool", [x.name], POOL), zero);
      return { ...x, name, size: outSize(x.size, 2) };
    },
    head(x, classes) {
      const zero = zeroOf(x.name);
      const deviation = 1 / Math.sqrt(x.channels);
      const matrix = w.bytes(type, [classes, x.channels]);
      if (qdq) {
        const pooled = quantised(w.op("GlobalAveragePool", [float(x.name)]), zero);
        const flat = made(w.op("Flatten", [pooled], { axis: 1 }), zero);
        return quantised(weighted("Gemm", flat, matrix, deviation, classes, { transB: 1 }), middle);
      }
      const inputs = [x.name, scale, zero, scale, zero];
      const pooled = w.op("com.microsoft:QLinearGlobalAveragePool", inputs, { channels_last: 0 });
      const flat = w.op("Flatten", [pooled], { axis: 1 });
      const ws = w.scalar("f32", weightScale(deviation));
      const operands = [flat, scale, zero, matrix, ws, middle, bias(classes), scale, middle];
      return w.op("com.microsoft:QGemm", operands, { alpha: { float: 1 }, transA: 0, transB: 1 });
    },
    file(size, classes, logits) {
      w.show(w.op("DequantizeLinear", [logits, scale, middle]), "output");
      return w.file(
        [{ name: "input", dtype: "f32", shape: [1, 3, size, size] }],
        [{ name: "output", dtype: "f32", shape: [1, classes] }],
      );
    },
  };
}

export interface ImageOptions {
  readonly quantised: Quantisation | undefined;
  /** Of each side. */
  readonly pixels?: number;
  readonly seed?: number;
}

function layersOf({ quantised, seed = 1 }: ImageOptions): Layers {
  const w = new Writer(seed);
  return quantised === undefined ? floatLayers(w) : quantisedLayers(w, quantised);
}

const CLASSES = 1000;

export function resnet50(options: ImageOptions): Uint8Array {
  const { pixels = 224 } = options;
  const l = layersOf(options);
  let x = l.maxPool(l.conv(l.input(pixels), 64, { kernel: 7, stride: 2, activation: "relu" }));
  for (const [width, blocks, first] of [
    [64, 3, 1],
    [128, 4, 2],
    [256, 6, 2],
    [512, 3, 2],
  ] as const)
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? first : 1;
      let y = l.conv(x, width, { activation: "relu" });
      y = l.conv(y, width, { kernel: 3, stride, activation: "relu" });
      y = l.conv(y, 4 * width, { activation: "none" });
      const shortcut = block === 0 ? l.conv(x, 4 * width, { stride, activation: "none" }) : x;
      x = l.add(y, shortcut, true);
    }
  return l.file(pixels, CLASSES, l.head(x, CLASSES));
}

export function mobilenetV2(options: ImageOptions): Uint8Array {
  const { pixels = 224 } = options;
  const l = layersOf(options);
  let x = l.conv(l.input(pixels), 32, { kernel: 3, stride: 2, activation: "relu6" });
  for (const [expansion, channels, blocks, first] of [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ] as const)
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? first : 1;
      const wide = expansion * x.channels;
      let y = expansion === 1 ? x : l.conv(x, wide, { activation: "relu6" });
      y = l.conv(y, wide, { kernel: 3, stride, group: wide, activation: "relu6" });
      y = l.conv(y, channels, { activation: "none" });
      x = stride === 1 && x.channels === channels ? l.add(x, y, false) : y;
    }
  x = l.conv(x, 1280, { activation: "relu6" });
  return l.file(pixels, CLASSES, l.head(x, CLASSES));
}
