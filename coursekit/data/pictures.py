"""Pictures: handwritten digits and photographs, as scikit-learn ships them."""

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


def scatter(
    images: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
    *,
    size: int = 12,
    turns: int = 4,
) -> tuple[np.ndarray, np.ndarray]:
    """Lay each picture on a larger, empty sheet, at a random place and any way up.

    Args:
        images: shape (n, side, side), background 0.
        labels: integers, shape (n,).
        rng: draws the places and the quarter turns.
        size: side of a sheet, in pixels; no smaller than that of a picture.
        turns: how many of the four ways up occur; 1 leaves every picture upright.

    Returns:
        Sheets, float32, shape (n, size * size), and their answers, shape (n,):
        ``label * turns + quarter turns``, the turns counted anticlockwise.
    """
    side = images.shape[1]
    turned = rng.integers(0, turns, len(images))
    corners = rng.integers(0, size - side + 1, (len(images), 2))
    sheets = np.zeros((len(images), size, size), np.float32)
    for k, (row, column) in enumerate(corners):
        picture = np.rot90(images[k], turned[k])
        sheets[k, row : row + side, column : column + side] = picture
    return sheets.reshape(len(images), -1), labels * turns + turned


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
