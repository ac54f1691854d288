"""Tells penguin species apart by multinomial logistic regression.

Reads params.yaml, features.yaml and data/penguins.csv beside this file; writes metrics.json and model.json.
Python 3.8 or newer, standard library only. Equal inputs give equal bytes.
"""

import csv
import json
import math
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LABEL = "species"
MISSING = ("", "NA")


# --- The part of YAML that the two files here are written in: nested maps, lists of maps, scalars, [a, b].


def scalar(text):
    """The value that a scalar, or a list of scalars in brackets, stands for."""
    if text.startswith("[") and text.endswith("]"):
        inner = text[1:-1].strip()
        return [scalar(item.strip()) for item in inner.split(",")] if inner else []
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    words = {"true": True, "false": False, "null": None, "~": None, "": None}
    if text in words:
        return words[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    return text


def yaml_lines(path):
    """Yields (line number, indentation, text) of every line that says something."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.split(" #")[0].rstrip()
        body = text.lstrip(" ")
        if body and not body.startswith("#"):
            yield number, len(text) - len(body), body


def read_yaml(path):
    """The map or list of maps that a file holds."""
    root = None
    open_maps = []  # (indentation of its keys, map), outermost first
    for number, indent, text in yaml_lines(path):
        if text.startswith("- "):
            root = [] if root is None else root
            if indent != 0 or not isinstance(root, list):
                sys.exit(f"{path.name}:{number}: a list is only understood at the top")
            root.append({})
            indent, text = 2, text[2:].lstrip()
            open_maps = [(2, root[-1])]
        elif root is None:
            root = {}
            open_maps = [(0, root)]
        while open_maps and open_maps[-1][0] > indent:
            open_maps.pop()
        key, colon, value = text.partition(":")
        if not open_maps or open_maps[-1][0] != indent or not colon:
            sys.exit(f"{path.name}:{number}: expected 'key: value', indented like its neighbours")
        if value.strip():
            open_maps[-1][1][key] = scalar(value.strip())
        else:
            open_maps[-1][1][key] = {}
            open_maps.append((indent + 2, open_maps[-1][1][key]))
    return root


# --- From the table to numbers.


def read_rows():
    with open(HERE / "data" / "penguins.csv", newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row[LABEL] not in MISSING]


def split(rows, share, seed):
    """Training and test rows; each species is split in the same ratio."""
    generator = random.Random(seed)
    train, test = [], []
    for species in sorted({row[LABEL] for row in rows}):
        group = [row for row in rows if row[LABEL] == species]
        generator.shuffle(group)
        cut = round(len(group) * share)
        test += group[:cut]
        train += group[cut:]
    generator.shuffle(train)
    return train, test


def measure(feature, row):
    """The number that a numeric feature takes from a row; None if a column is missing."""
    texts = [row[column] for column in feature["columns"]]
    if any(text in MISSING for text in texts):
        return None
    numbers = [float(text) for text in texts]
    if feature["transform"] == "ratio":
        return numbers[0] / numbers[1]
    return math.log(numbers[0]) if feature["transform"] == "log" else numbers[0]


class Numeric:
    """A number, brought to mean 0 and deviation 1 on the training rows; the mean where it is missing."""

    def __init__(self, feature, rows):
        self.feature = feature
        known = [x for x in (measure(feature, row) for row in rows) if x is not None]
        self.mean = math.fsum(known) / len(known)
        self.scale = math.sqrt(math.fsum((x - self.mean) ** 2 for x in known) / len(known)) or 1.0

    def inputs(self, row):
        number = measure(self.feature, row)
        return [0.0 if number is None else (number - self.mean) / self.scale]

    def state(self):
        return {"name": self.feature["name"], "mean": self.mean, "scale": self.scale}


class Category:
    """One input for each value that the training rows have; all 0 where it is missing or new."""

    def __init__(self, feature, rows):
        self.feature = feature
        self.column = feature["columns"][0]
        self.values = sorted({row[self.column] for row in rows} - set(MISSING))

    def inputs(self, row):
        return [float(row[self.column] == value) for value in self.values]

    def state(self):
        return {"name": self.feature["name"], "values": self.values}


def encoders(features, rows):
    kinds = {"standardise": Numeric, "log": Numeric, "ratio": Numeric, "one-hot": Category}
    for feature in features:
        if feature.get("transform") not in kinds:
            sys.exit(f"features.yaml: '{feature.get('name')}' has an unknown transform: {feature.get('transform')}")
        unknown = [column for column in feature["columns"] if column not in rows[0]]
        if unknown:
            sys.exit(f"features.yaml: '{feature['name']}' is built from a column that is not there: {unknown[0]}")
    return [kinds[feature["transform"]](feature, rows) for feature in features]


# --- The model.


def dot(a, b):
    """The sum of the products, in order: `sum` of floats rounds otherwise since Python 3.12."""
    total = 0.0
    for x, y in zip(a, b):
        total += x * y
    return total


def probabilities(weights, inputs):
    """Softmax of the scores of the classes."""
    scores = [dot(row, inputs) for row in weights]
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    total = math.fsum(powers)
    return [power / total for power in powers]


def fit(samples, labels, classes, lr, epochs, l2):
    """Weights, a row a class, by gradient descent on the whole training set. The bias is not penalised."""
    width = len(samples[0])
    weights = [[0.0] * width for _ in range(classes)]
    for _ in range(epochs):
        gradient = [[0.0] * width for _ in range(classes)]
        for inputs, label in zip(samples, labels):
            for k, probability in enumerate(probabilities(weights, inputs)):
                error = probability - (k == label)
                row = gradient[k]
                for j, x in enumerate(inputs):
                    row[j] += error * x
        for k, row in enumerate(weights):
            for j in range(width):
                penalty = l2 * row[j] if j else 0.0
                row[j] -= lr * (gradient[k][j] / len(samples) + penalty)
    return weights


def score(weights, samples, labels):
    """Accuracy, the mean F1 of the classes, and log loss."""
    predictions = [probabilities(weights, inputs) for inputs in samples]
    guesses = [p.index(max(p)) for p in predictions]
    f1 = []
    for k in range(len(weights)):
        hits = sum(g == k == y for g, y in zip(guesses, labels))
        named = sum(g == k for g in guesses) + sum(y == k for y in labels)
        f1.append(2 * hits / named if named else 0.0)
    return {
        "accuracy": sum(g == y for g, y in zip(guesses, labels)) / len(labels),
        "macro_f1": math.fsum(f1) / len(f1),
        "log_loss": -math.fsum(math.log(max(p[y], 1e-15)) for p, y in zip(predictions, labels)) / len(labels),
    }


def write_json(name, value):
    with open(HERE / name, "w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(value, indent=2, sort_keys=True) + "\n")


def main():
    params, features = read_yaml(HERE / "params.yaml"), read_yaml(HERE / "features.yaml")
    train, test = split(read_rows(), params["split"]["test"], params["seed"])
    columns = encoders(features, train)
    classes = sorted({row[LABEL] for row in train})
    samples, held_out = ([[1.0] + sum((c.inputs(row) for c in columns), []) for row in rows] for rows in (train, test))
    labels, truth = ([classes.index(row[LABEL]) for row in rows] for rows in (train, test))

    knobs = params["train"]
    weights = fit(samples, labels, len(classes), knobs["lr"], knobs["epochs"], knobs["l2"])
    result, seen = score(weights, held_out, truth), score(weights, samples, labels)
    write_json("metrics.json", {"test": result, "train": {"accuracy": seen["accuracy"]}})
    write_json("model.json", {"classes": classes, "features": [c.state() for c in columns], "weights": weights})
    print(f"{len(train)} penguins to train, {len(test)} to test, {len(features)} features")
    print("test: accuracy {accuracy:.4f}, macro F1 {macro_f1:.4f}, log loss {log_loss:.4f}".format(**result))


if __name__ == "__main__":
    main()
