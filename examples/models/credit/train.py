"""Train and export credit.onnx and its held-out test.json.

    pip install -r ../requirements.txt && python train.py

A random forest as one TreeEnsembleRegressor of ai.onnx.ml. The applicants are made up, by the rule in `simulate`: nobody should be
refused a loan for what this model says.
"""

import base64
import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from sklearn.ensemble import RandomForestRegressor

HERE = pathlib.Path(__file__).resolve().parent
SEED, TREES, DEPTH, TEST = 13, 24, 5, 300
INPUT, OUTPUT = "applicant", "p_repaid"
# Income a month in ether; debts as a share of a year's income; months in the present job; late payments in two years; open loans.
FEATURES = 5


def simulate(count, rng):
    income = rng.lognormal(0.3, 0.7, count)
    debts = rng.gamma(1.5, 0.25, count)
    months = rng.gamma(1.2, 40, count)
    late = rng.poisson(rng.gamma(0.6, 1.0, count))
    loans = rng.poisson(1.2, count)
    odds = 2.4 + 0.5 * np.log(income) - 2.0 * debts + 0.012 * np.minimum(months, 120) - 0.8 * late - 0.3 * loans
    repaid = rng.random(count) < 1 / (1 + np.exp(-odds))
    return np.stack([income, debts, months, late, loans], 1).astype(np.float32), repaid.astype(np.int64)


rng = np.random.default_rng(SEED)
x_train, y_train = simulate(8_000, rng)
x_test, y_test = simulate(TEST, rng)
forest = RandomForestRegressor(TREES, max_depth=DEPTH, min_samples_leaf=40, random_state=SEED)
forest.fit(x_train, y_train)


def export():
    nodes = {name: [] for name in ("treeids", "nodeids", "featureids", "values", "truenodeids", "falsenodeids", "modes")}
    target = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}

    def add(**row):
        for name, value in row.items():
            nodes[name].append(value)

    for t, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        for n in range(tree.node_count):
            leaf = tree.children_left[n] < 0
            add(
                treeids=t,
                nodeids=n,
                featureids=0 if leaf else int(tree.feature[n]),
                values=0.0 if leaf else float(np.float32(tree.threshold[n])),
                truenodeids=0 if leaf else int(tree.children_left[n]),
                falsenodeids=0 if leaf else int(tree.children_right[n]),
                modes="LEAF" if leaf else "BRANCH_LEQ",
            )
            if leaf:
                weight = float(np.float32(tree.value[n].item() / TREES))
                for name, value in zip(target, (t, n, 0, weight)):
                    target[name].append(value)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [OUTPUT],
        "forest",
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        **{f"nodes_{name}": values for name, values in nodes.items()},
        **{f"target_{name}": values for name, values in target.items()},
    )
    graph = helper.make_graph(
        [node],
        "credit",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, FEATURES])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, 1])],
    )
    graph.doc_string = "an applicant -> probability that a loan is paid back"
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, producer_name="assay-examples", opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    model = export()
    (HERE / "credit.onnx").write_bytes(model.SerializeToString(deterministic=True))

    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    p = np.array([session.run([OUTPUT], {INPUT: x[None]})[0].item() for x in x_test])
    assert np.abs(p - forest.predict(x_test)).max() < 1e-5
    measured = float(np.mean((p >= 0.5) == y_test))
    good = float(np.mean(y_test[p >= 0.8])), float(np.mean(p >= 0.8))
    print(f"accuracy {measured:.4f}, always yes {np.mean(y_test):.4f}; of those at 0.8 or more ({good[1]:.3f}) repay {good[0]:.4f}")
    test = {
        "model": "credit.onnx",
        "inputNames": [INPUT],
        "dtype": "float32",
        "shape": [1, FEATURES],
        "decision": "p >= 0.5",
        "accuracy": measured,
        "labels": y_test.tolist(),
        "inputs": [base64.b64encode(x.astype("<f4").tobytes()).decode() for x in x_test],
    }
    (HERE / "test.json").write_text(json.dumps(test, indent=0) + "\n")
