"""Deterministic data sets that need no network.

Each function says what the data is, its size, where it comes from and its licence.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Split:
    """Images and labels, already split.

    Attributes:
        x_train, x_test: float32 in [0, 1], shape (n, 8, 8).
        y_train, y_test: int64 class labels 0–9, shape (n,).
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


@cache
def digits(test_fraction: float = 0.2) -> Split:
    """Handwritten digits: 1,797 images of 8 by 8 pixels in ten classes.

    Scanned forms of 43 writers, counted down to 8 by 8 blocks (Alpaydin and Kaynak,
    "Optical Recognition of Handwritten Digits", UCI, 1998, CC BY 4.0), as shipped in
    scikit-learn. The split is stratified by class and always the same.

    Args:
        test_fraction: share of the images kept for testing, between 0 and 1.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    raw = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        (raw.images / 16.0).astype("float32"),
        raw.target.astype("int64"),
        test_size=test_fraction,
        random_state=0,
        stratify=raw.target,
    )
    split = Split(x_train, y_train, x_test, y_test)
    for array in vars(split).values():
        array.setflags(write=False)
    return split


def photo(name: str) -> np.ndarray:
    """A photograph: uint8, shape (427, 640, 3), channels red, green, blue.

    ``"flower"`` and ``"china"`` come with scikit-learn, which credits both to
    danielbuechele (CC BY 2.0) in ``load_sample_images().DESCR``.

    Raises:
        ValueError: there is no photograph of that name.
    """
    from sklearn.datasets import load_sample_image

    if name not in ("flower", "china"):
        raise ValueError(f"no photograph {name!r}; there are 'flower' and 'china'")
    return np.array(load_sample_image(f"{name}.jpg"))
