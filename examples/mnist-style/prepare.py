"""Writes data/digits.csv: 1,797 pictures of digits, 8 by 8 pixels, that come with scikit-learn.

Equal versions of scikit-learn give equal bytes.
"""

import csv
from pathlib import Path

from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent


def main():
    digits = load_digits()
    (HERE / "data").mkdir(exist_ok=True)
    with open(HERE / "data" / "digits.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([f"pixel{i}" for i in range(digits.data.shape[1])] + ["digit"])
        for pixels, digit in zip(digits.data.astype(int), digits.target):
            table.writerow([*pixels.tolist(), int(digit)])
    print(f"{len(digits.target)} digits")


if __name__ == "__main__":
    main()
