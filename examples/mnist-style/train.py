"""Tells handwritten digits apart with a small neural network of scikit-learn.

Reads params.json and data/digits.csv beside this file; writes metrics.json and model.npz. Where MDL_METRICS names a
file, each epoch is told there. Equal inputs, packages and machines give equal bytes.
"""

import json
import os
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HERE = Path(__file__).resolve().parent


def tell(**line):
    """Appends a line to the file of metrics, if somebody asked for one."""
    path = os.environ.get("MDL_METRICS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def judge(model, inputs, digits):
    chances = model.predict_proba(inputs)
    return {
        "accuracy": float(accuracy_score(digits, chances.argmax(axis=1))),
        "log_loss": float(log_loss(digits, chances, labels=np.arange(10))),
    }


def main():
    params = json.loads((HERE / "params.json").read_text(encoding="utf-8"))
    table = np.loadtxt(HERE / "data" / "digits.csv", delimiter=",", skiprows=1, dtype=np.float64)
    inputs, digits = table[:, :-1] / 16.0, table[:, -1].astype(int)
    train_x, test_x, train_y, test_y = train_test_split(
        inputs, digits, test_size=params["split"]["test"], random_state=params["seed"], stratify=digits
    )
    train = params["train"]
    model = MLPClassifier(
        hidden_layer_sizes=[params["model"]["width"]] * params["model"]["depth"],
        learning_rate_init=train["lr"],
        batch_size=train["batch"],
        alpha=train["l2"],
        random_state=params["seed"],
    )
    warnings.simplefilter("ignore", ConvergenceWarning)
    tell(phase="train")
    for epoch in range(1, train["epochs"] + 1):
        model.partial_fit(train_x, train_y, classes=np.arange(10))
        test = judge(model, test_x, test_y)
        tell(name="loss", step=epoch, value=float(model.loss_))
        for name, value in test.items():
            tell(name=name, step=epoch, value=value, context="test")
        print(f"epoch {epoch:3d}  loss {model.loss_:.4f}  test accuracy {test['accuracy']:.4f}", flush=True)
    tell(phase="eval")
    metrics = {"train": judge(model, train_x, train_y), "test": judge(model, test_x, test_y)}
    (HERE / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    layers = {f"weights{i}": layer for i, layer in enumerate(model.coefs_)}
    layers |= {f"biases{i}": layer for i, layer in enumerate(model.intercepts_)}
    np.savez(HERE / "model.npz", **layers)


if __name__ == "__main__":
    main()
