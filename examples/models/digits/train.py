"""Train, quantise and export digits.onnx and its held-out test.json.

    pip install -r ../requirements.txt && python train.py

A small residual CNN is trained in float32 on scikit-learn's 8x8 digits, then
quantised to uint8 (QOperator format). The published graph has no float tensor
except the scales: raw pixels in as uint8, ten logits out as uint8.
"""

import base64
import json
import os
import pathlib
import tempfile

# One thread: otherwise the sums, and so the weights, depend on the number of cores.
os.environ["PJRT_NPROC"] = "1"

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    create_calibrator,
    quantize_static,
)
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent
SEED = 7
STEPS, BATCH, PEAK_LR = 3000, 128, 4e-3
INPUT, OUTPUT = "pixels", "logits"


# ---------------------------------------------------------------- data

digits = load_digits()
images = digits.images.astype(np.uint8)[:, None]  # [1797, 1, 8, 8], values 0..16
labels = digits.target.astype(np.int64)
x_train, x_test, y_train, y_test = train_test_split(
    images, labels, test_size=400, stratify=labels, random_state=SEED
)


# ---------------------------------------------------------------- float model


def conv(x, w, b):
    y = jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return y + b[None, :, None, None]


def forward(p, x):
    h = jax.nn.relu(conv(x, p["conv1.weight"], p["conv1.bias"]))
    h = jax.nn.relu(h + conv(h, p["conv2.weight"], p["conv2.bias"]))  # residual block
    h = h.reshape(h.shape[0], h.shape[1], 4, 2, 4, 2).max((3, 5))  # 2x2 max pool
    h = jax.nn.relu(conv(h, p["conv3.weight"], p["conv3.bias"]))
    return h.mean((2, 3)) @ p["dense.weight"] + p["dense.bias"]


def init(rng):
    p = {}
    for name, shape, fan_in in [
        ("conv1", (16, 1, 3, 3), 9),
        ("conv2", (16, 16, 3, 3), 144),
        ("conv3", (32, 16, 3, 3), 144),
        ("dense", (32, 10), 32),
    ]:
        p[f"{name}.weight"] = rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
        p[f"{name}.bias"] = np.zeros(shape[-1] if name == "dense" else shape[0], np.float32)
    return p


def loss(p, x, y):
    logp = jax.nn.log_softmax(forward(p, x))
    decay = sum((v**2).sum() for k, v in p.items() if k.endswith("weight"))
    return -logp[jnp.arange(len(y)), y].mean() + 1e-4 * decay


@jax.jit
def adam(p, m, v, t, lr, x, y):
    g = jax.grad(loss)(p, x, y)
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    step = lambda p, m, v: p - lr * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return jax.tree.map(step, p, m, v), m, v


def shifted(rng, x):
    """Move every image by at most one pixel: the only augmentation."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = np.empty_like(x)
    for i, (dy, dx) in enumerate(rng.choice([0, 1, 1, 2], (len(x), 2))):
        out[i] = padded[i, :, dy : dy + 8, dx : dx + 8]
    return out


def train():
    rng = np.random.default_rng(SEED)
    p = init(rng)
    m = jax.tree.map(jnp.zeros_like, p)
    v = jax.tree.map(jnp.zeros_like, p)
    for t in range(1, STEPS + 1):
        pick = rng.integers(0, len(x_train), BATCH)
        x = shifted(rng, x_train[pick]).astype(np.float32) / 16
        lr = PEAK_LR * 0.5 * (1 + np.cos(np.pi * t / STEPS))
        p, m, v = adam(p, m, v, float(t), lr, x, y_train[pick])
    p = {k: np.asarray(a) for k, a in p.items()}
    # Fold the division by 16 into the first layer: the model then eats raw pixels.
    p["conv1.weight"] = p["conv1.weight"] / np.float32(16)
    return p


def float_onnx(p):
    same = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1])
    node = helper.make_node
    nodes = [
        node("Conv", [INPUT, "conv1.weight", "conv1.bias"], ["conv1.sum"], "conv1", **same),
        node("Relu", ["conv1.sum"], ["conv1"], "relu1"),
        node("Conv", ["conv1", "conv2.weight", "conv2.bias"], ["conv2"], "conv2", **same),
        node("Add", ["conv1", "conv2"], ["residual.sum"], "residual"),
        node("Relu", ["residual.sum"], ["residual"], "relu2"),
        node("MaxPool", ["residual"], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["pool", "conv3.weight", "conv3.bias"], ["conv3.sum"], "conv3", **same),
        node("Relu", ["conv3.sum"], ["conv3"], "relu3"),
        node("GlobalAveragePool", ["conv3"], ["average"], "average"),
        node("Flatten", ["average"], ["features"], "flatten", axis=1),
        node("Gemm", ["features", "dense.weight", "dense.bias"], [OUTPUT], "dense"),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(v, k) for k, v in p.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)


# ---------------------------------------------------------------- quantisation


class Calibration(CalibrationDataReader):
    """The whole training set, one image at a time. Test images are never seen."""

    def __init__(self):
        self.rows = iter(x_train.astype(np.float32))

    def get_next(self):
        row = next(self.rows, None)
        return None if row is None else {INPUT: row[None]}


def shared_residual_scale(path, workdir):
    """One scale for both addends and the sum of the residual Add.

    With equal scales QLinearAdd is a plain saturating integer addition. With unequal
    scales onnxruntime uses fixed point (AVX2) or float, which may round differently.
    """
    calibrator = create_calibrator(
        path, augmented_model_path=str(workdir / "augmented.onnx"), calibrate_method=CalibrationMethod.MinMax
    )
    calibrator.collect_data(Calibration())
    found = calibrator.compute_data().data
    span = lambda name: [float(np.asarray(e).item()) for e in found[name].range_value]
    low, high = span("conv2")
    scale = np.float32(max(high - low, span("conv1")[1], span("residual")[1]) / 255)
    scale = np.float32(scale * 1.01)  # so that rounding the zero point never clips
    fixed = lambda zero: [{"scale": np.array(scale), "zero_point": np.array(zero, np.uint8)}]
    middle = int(np.rint(-low / scale + (255 - (high - low) / scale) / 2))
    return {
        "conv1.sum": fixed(0), "conv1": fixed(0), "conv2": fixed(middle),
        "residual.sum": fixed(0), "residual": fixed(0),
    }  # fmt: skip


def quantise(model):
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        onnx.save(model, tmp / "float.onnx")
        overrides = shared_residual_scale(str(tmp / "float.onnx"), tmp)
        # A pixel is already an integer: scale 1, zero point 0.
        overrides[INPUT] = [{"scale": np.array(1, np.float32), "zero_point": np.array(0, np.uint8)}]
        quantize_static(
            tmp / "float.onnx",
            tmp / "quantised.onnx",
            Calibration(),
            quant_format=QuantFormat.QOperator,
            # U8U8: U8S8 uses a saturating instruction on some x86 machines only.
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QUInt8,
            per_channel=False,
            extra_options={"TensorQuantOverrides": overrides},
        )
        return onnx.load(tmp / "quantised.onnx")


def tidy(quantised, model):
    """Drop the outer Quantize/Dequantize, give plain names and static shapes."""
    g = quantised.graph
    head = [n for n in g.node if n.op_type == "QuantizeLinear"]
    tail = [n for n in g.node if n.op_type == "DequantizeLinear"]
    assert [n.input[0] for n in head] == [INPUT] and [n.output[0] for n in tail] == [OUTPUT]
    nodes = [n for n in g.node if n not in head and n not in tail]
    # Each Relu has become the clamp at zero of the layer before it: "x.sum" is now "x".
    def plain(name):
        name = name.replace("_quantized", "").replace(".sum", "")
        return name.replace("_scale", ".scale").replace("_zero_point", ".zero_point")

    rename = {name: plain(name) for name in [o for n in g.node for o in n.output] + [i.name for i in g.initializer]}
    for n in nodes:
        n.name = n.name.removesuffix("_quant")
        n.input[:] = [rename.get(i, i) for i in n.input]
        n.output[:] = [rename.get(o, o) for o in n.output]
    used = {i for n in nodes for i in n.input}
    weights = []
    for i in g.initializer:
        i.name = rename[i.name]
        if i.name in used:
            weights.append(i)
    assert len({w.name for w in weights}) == len(weights)

    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.value_info}
    shapes |= {INPUT: [1, 1, 8, 8], OUTPUT: [1, 10]}
    u8 = lambda name: helper.make_tensor_value_info(name, TensorProto.UINT8, shapes[name])
    inner = [o for n in nodes for o in n.output if o != OUTPUT]
    graph = helper.make_graph(
        nodes, "digits", [u8(INPUT)], [u8(OUTPUT)], weights, value_info=[u8(name) for name in inner]
    )
    graph.doc_string = "8x8 digit, raw pixels 0..16 -> ten uint8 logits (argmax is the digit)"
    out = helper.make_model(
        graph,
        producer_name="assay-examples",
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
        ir_version=8,
    )
    onnx.checker.check_model(out, full_check=True)
    onnx.shape_inference.infer_shapes(out, check_type=True, strict_mode=True)
    return out


# ---------------------------------------------------------------- main


def accuracy(model, images):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    guess = [int(session.run([OUTPUT], {INPUT: x[None]})[0].argmax()) for x in images]
    return float(np.mean(np.array(guess) == y_test))


if __name__ == "__main__":
    float_model = float_onnx(train())
    model = tidy(quantise(float_model), float_model)
    (HERE / "digits.onnx").write_bytes(model.SerializeToString(deterministic=True))

    measured = accuracy(model, x_test)
    print(f"float32 {accuracy(float_model, x_test.astype(np.float32)):.4f}  uint8 {measured:.4f}")
    test = {
        "model": "digits.onnx",
        "inputNames": [INPUT],
        "dtype": "uint8",
        "shape": [1, 1, 8, 8],
        "decision": "argmax",
        "accuracy": measured,
        "labels": y_test.tolist(),
        "inputs": [base64.b64encode(x.tobytes()).decode() for x in x_test],
    }
    (HERE / "test.json").write_text(json.dumps(test, indent=0) + "\n")
