"""Train and export volatility.onnx and its held-out test.json.

    pip install -r ../requirements.txt && python train.py

A float32 multilayer perceptron that looks at nine prices, five minutes apart, and says how much the next one will move. The
prices are made up: a GARCH(1,1) process with jumps of its level of volatility, of which the true answer is known.
"""

import base64
import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from sklearn.neural_network import MLPRegressor

HERE = pathlib.Path(__file__).resolve().parent
SEED, PRICES, TEST = 11, 9, 200
INPUT, OUTPUT = "prices", "volatility"
LEAST = 1e-5  # of a return: keeps the logarithm away from zero


def simulate(paths, rng):
    """Prices of each path, and the standard deviation of the return after the last."""
    level = 10 ** rng.uniform(-3.7, -2.0, paths)  # deviation of a five-minute return, in the long run
    variance = level**2 * rng.uniform(0.3, 3.0, paths)
    price = 10 ** rng.uniform(-4, 5, paths)
    prices = [price]
    for _ in range(PRICES - 1):
        moved = np.sqrt(variance) * rng.standard_normal(paths)
        prices.append(prices[-1] * np.exp(moved))
        variance = 0.05 * level**2 + 0.25 * moved**2 + 0.70 * variance
    return np.stack(prices, 1).astype(np.float32), np.sqrt(variance)


rng = np.random.default_rng(SEED)
x_train, y_train = simulate(20_000, rng)
x_test, y_test = simulate(TEST, rng)


def log_moves(prices):
    logs = np.log(prices)
    return np.log(np.abs(logs[:, 1:] - logs[:, :-1]) + np.float32(LEAST))


mean, std = (f(log_moves(x_train), axis=0, dtype=np.float64).astype(np.float32) for f in (np.mean, np.std))
net = MLPRegressor(hidden_layer_sizes=(12,), activation="tanh", alpha=1e-3, max_iter=400, random_state=SEED)
net.fit((log_moves(x_train) - mean) / std, np.log(y_train))


def export():
    (w1, w2), (b1, b2) = net.coefs_, net.intercepts_
    # The differences of neighbouring logarithms, as one product.
    difference = np.zeros((PRICES, PRICES - 1), np.float32)
    for i in range(PRICES - 1):
        difference[i, i], difference[i + 1, i] = -1, 1
    weights = {"difference": difference, "least": np.float32([LEAST]), "mean": mean[None], "std": std[None]}
    weights |= {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    node = helper.make_node
    nodes = [
        node("Log", [INPUT], ["logs"], "logs"),
        node("MatMul", ["logs", "difference"], ["returns"], "returns"),
        node("Abs", ["returns"], ["moves"], "moves"),
        node("Add", ["moves", "least"], ["floored"], "floor"),
        node("Log", ["floored"], ["logmoves"], "logmoves"),
        node("Sub", ["logmoves", "mean"], ["centred"], "centre"),
        node("Div", ["centred", "std"], ["standard"], "standardise"),
        node("Gemm", ["standard", "w1", "b1"], ["dense1"], "dense1"),
        node("Tanh", ["dense1"], ["hidden"], "tanh"),
        node("Gemm", ["hidden", "w2", "b2"], ["dense2"], "dense2"),
        node("Exp", ["dense2"], [OUTPUT], "exp"),
    ]
    graph = helper.make_graph(
        nodes,
        "volatility",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, PRICES])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, 1])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()],
    )
    graph.doc_string = "nine prices, five minutes apart, oldest first -> standard deviation of the next return, as a share"
    model = helper.make_model(
        graph, producer_name="assay-examples", opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    model = export()
    (HERE / "volatility.onnx").write_bytes(model.SerializeToString(deterministic=True))

    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    guess = np.array([session.run([OUTPUT], {INPUT: x[None]})[0].item() for x in x_test])
    returns = np.diff(np.log(x_test.astype(np.float64)), axis=1)

    def error(values):
        return float(np.sqrt(np.mean((np.log(values) - np.log(y_test)) ** 2)))

    measured, plain, constant = error(guess), error(returns.std(1)), error(np.exp(np.log(y_train).mean()))
    print(f"error of the logarithm: model {measured:.3f}, deviation of the eight returns {plain:.3f}, constant {constant:.3f}")
    test = {
        "model": "volatility.onnx",
        "inputNames": [INPUT],
        "dtype": "float32",
        "shape": [1, PRICES],
        "decision": "the number itself",
        "accuracy": measured,
        "labels": y_test.tolist(),
        "inputs": [base64.b64encode(x.astype("<f4").tobytes()).decode() for x in x_test],
    }
    (HERE / "test.json").write_text(json.dumps(test, indent=0) + "\n")
