"""Train and export breast-cancer.onnx and its held-out test.json.

    pip install -r ../requirements.txt && python train.py

A float32 multilayer perceptron with tanh and sigmoid. The standardisation is part
of the graph, so that the input is the 30 raw measurements.
"""

import base64
import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HERE = pathlib.Path(__file__).resolve().parent
SEED = 7
INPUT, OUTPUT = "features", "p_malignant"

data = load_breast_cancer()
features = data.data.astype(np.float32)
malignant = (data.target == 0).astype(np.int64)  # scikit-learn's class 0 is "malignant"
x_train, x_test, y_train, y_test = train_test_split(
    features, malignant, test_size=171, stratify=malignant, random_state=SEED
)

mean = x_train.mean(0, dtype=np.float64).astype(np.float32)
std = x_train.std(0, dtype=np.float64).astype(np.float32)
net = MLPClassifier((16, 8), activation="tanh", alpha=1.0, max_iter=2000, random_state=SEED)
net.fit((x_train - mean) / std, y_train)


def export():
    weights = {"mean": mean[None], "std": std[None]}
    nodes = [
        helper.make_node("Sub", [INPUT, "mean"], ["centred"], "centre"),
        helper.make_node("Div", ["centred", "std"], ["standard"], "standardise"),
    ]
    value, last = "standard", len(net.coefs_) - 1
    for i, (w, b) in enumerate(zip(net.coefs_, net.intercepts_)):
        weights[f"dense{i + 1}.weight"] = w.astype(np.float32)
        weights[f"dense{i + 1}.bias"] = b.astype(np.float32)
        out = OUTPUT if i == last else f"hidden{i + 1}"
        nodes += [
            helper.make_node(
                "Gemm", [value, f"dense{i + 1}.weight", f"dense{i + 1}.bias"], [f"dense{i + 1}"], f"dense{i + 1}"
            ),
            helper.make_node(
                "Sigmoid" if i == last else "Tanh", [f"dense{i + 1}"], [out], "sigmoid" if i == last else f"tanh{i + 1}"
            ),
        ]
        value = out
    graph = helper.make_graph(
        nodes,
        "breast-cancer",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, 30])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, 1])],
        [numpy_helper.from_array(v, k) for k, v in weights.items()],
    )
    graph.doc_string = "30 raw measurements of a cell nucleus -> probability that the tumour is malignant"
    model = helper.make_model(
        graph, producer_name="assay-examples", opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    model = export()
    (HERE / "breast-cancer.onnx").write_bytes(model.SerializeToString(deterministic=True))

    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    p = np.array([session.run([OUTPUT], {INPUT: x[None]})[0].item() for x in x_test])
    measured = float(np.mean((p >= 0.5) == y_test))
    print(f"float32 {measured:.4f}  (scikit-learn, float64: {net.score((x_test - mean) / std, y_test):.4f})")
    test = {
        "model": "breast-cancer.onnx",
        "inputNames": [INPUT],
        "dtype": "float32",
        "shape": [1, 30],
        "decision": "p >= 0.5",
        "accuracy": measured,
        "labels": y_test.tolist(),
        "inputs": [base64.b64encode(x.astype("<f4").tobytes()).decode() for x in x_test],
    }
    (HERE / "test.json").write_text(json.dumps(test, indent=0) + "\n")
