"""What a classifier gets wrong, and whether its probabilities can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support


class Slip(NamedTuple):
    """One way to be wrong: rows of one class that were given to another.

    Attributes:
        truth: name of the class they belong to.
        said: name of the class they were given.
        count: how many.
        share: of all the rows of the true class, from 0 to 1.
    """

    truth: str
    said: str
    count: int
    share: float


@dataclass(frozen=True)
class ConfusionReport:
    """Counts of truth against prediction; arrays have one number for each class.

    Attributes:
        names: of the classes.
        matrix: counts, shape (classes, classes); rows are the truth.
        precision: share of the rows given to a class that belong to it; 0 if none were.
        recall: share of a class's rows that were found; 0 if it has none.
        f1: harmonic mean of the two; 0 if both are 0.
        support: number of rows that belong to the class.
    """

    names: tuple[str, ...]
    matrix: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of all rows that were given to their own class."""
        return float(np.trace(self.matrix) / self.matrix.sum())

    def top(self, n: int = 3) -> list[Slip]:
        """The most frequent confusions, at most ``n``; of equals, by class order."""
        wrong = self.matrix - np.diag(np.diag(self.matrix))
        order = np.argsort(-wrong, axis=None, kind="stable")[:n]
        places = [divmod(int(k), len(self.names)) for k in order]
        return [
            Slip(
                self.names[i],
                self.names[j],
                int(wrong[i, j]),
                float(wrong[i, j] / self.support[i]),
            )
            for i, j in places
            if wrong[i, j]
        ]


def confusion_report(
    truth: Any, predicted: Any, names: Sequence[object]
) -> ConfusionReport:
    """Count what was taken for what, and the shares that follow, by scikit-learn.

    Args:
        truth: class of each row, integers from 0 to k - 1, shape (rows,).
        predicted: the class it was given, likewise; not probabilities.
        names: one for each of the k classes, also for those that do not occur.

    Raises:
        ValueError: the shapes differ, there is no row, or a class has no name.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise ValueError(
            f"two lists of classes are wanted; got shapes {truth.shape} and "
            f"{predicted.shape}: take argmax or a threshold of probabilities first"
        )
    classes = range(len(names))
    unknown = sorted(set(np.concatenate([truth, predicted]).tolist()) - set(classes))
    if unknown or not len(truth):
        what = f"class {unknown[0]} has no name" if unknown else "there is no row"
        raise ValueError(f"{what}; {len(names)} names were given")
    shares = precision_recall_fscore_support(
        truth, predicted, labels=classes, zero_division=0
    )
    matrix = confusion_matrix(truth, predicted, labels=classes)
    return ConfusionReport(tuple(map(str, names)), matrix, *shares)


class Reliability(NamedTuple):
    """Probabilities in bins of equal width; empty bins are left out.

    Attributes:
        said: mean probability in each bin.
        seen: share of positives in it; equal to ``said`` if the model is calibrated.
        counts: rows in it.
        error: mean of ``|said - seen|`` over all rows, the expected calibration error
            (Naeini, Cooper and Hauskrecht, 2015).
    """

    said: np.ndarray
    seen: np.ndarray
    counts: np.ndarray
    error: float


def reliability(truth: Any, probabilities: Any, bins: int = 10) -> Reliability:
    """Compare what a model says with what happens.

    Args:
        truth: 0 or 1 for each row, shape (rows,).
        probabilities: of 1, from 0 to 1, shape (rows,).
        bins: number of bins; a probability on a border goes to the upper one, 1 to the
            last.

    Raises:
        ValueError: the shapes differ, or something lies outside 0 to 1.
    """
    truth, chances = np.asarray(truth, float), np.asarray(probabilities, float)
    if truth.ndim != 1 or truth.shape != chances.shape:
        raise ValueError(
            "a list of truths and one of probabilities of equal length are wanted; "
            f"got shapes {truth.shape} and {chances.shape}"
        )
    if not (np.isin(truth, (0, 1)).all() and ((chances >= 0) & (chances <= 1)).all()):
        raise ValueError("truths are 0 or 1, probabilities lie from 0 to 1")
    place = np.digitize(chances, np.linspace(0, 1, bins + 1)[1:-1])
    counts = np.bincount(place, minlength=bins)
    full = counts > 0
    said, seen = (
        np.bincount(place, values, bins)[full] / counts[full]
        for values in (chances, truth)
    )
    error = float(np.abs(said - seen) @ counts[full] / counts.sum())
    return Reliability(said, seen, counts[full], error)
