"""Figures that more than one lesson draws; show them with ``ck.show``."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def tiles(
    images: Sequence[Any],
    titles: Sequence[object] = (),
    *,
    columns: int | None = None,
    size: float = 1.3,
    height: float | None = None,
    **look: Any,
) -> "Figure":
    """Pictures side by side, each with its title, in rows of equal length.

    Args:
        images: what ``imshow`` takes: shape (rows, columns) or (rows, columns, 3).
        titles: one for each picture, or none at all.
        columns: pictures in a row; by default all of them.
        size: width of a picture, in inches.
        height: its height; by default the same.
        look: passed on to ``imshow``, such as ``cmap`` and ``vmax``.
    """
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    room = (height or size) + (0.25 if len(titles) else 0.0)
    fig, axes = plt.subplots(
        rows, columns, figsize=(columns * size, rows * room), squeeze=False
    )
    for k, axis in enumerate(axes.flat):
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        axis.spines[:].set(visible=k < len(images), color="0.8")
        if k < len(images):
            axis.imshow(images[k], **look)
        if k < len(titles):
            axis.set_title(str(titles[k]), fontsize=9, loc="center")
    return fig


def cells(
    texts: Sequence[Sequence[str]],
    shades: Sequence[Sequence[float]],
    names: Sequence[str] = (),
    *,
    size: tuple[float, float] = (10.0, 2.6),
) -> "Figure":
    """A table of short texts on shaded ground, such as the tokens of a batch.

    Args:
        texts: rows of texts; rows may be of unequal length.
        shades: for each text a number from 0, white, to 1, a clear blue.
        names: one for each row, at its left, or none at all.
        size: of the figure, in inches.
    """
    fig, axis = plt.subplots(figsize=size)
    ground = np.zeros((len(texts), max(map(len, texts))))
    for row, (words, levels) in enumerate(zip(texts, shades, strict=True)):
        ground[row, : len(levels)] = levels
        for column, word in enumerate(words):
            axis.text(column, row, word, ha="center", va="center", fontsize=7)
    axis.imshow(ground, cmap="Blues", vmin=0, vmax=2, aspect="auto")
    axis.set(xticks=[], yticks=range(len(names)), yticklabels=names)
    axis.grid(False)
    axis.tick_params(length=0)
    return fig


def spectrogram(axis: "Axes", strength: Any, rate: int, length: float) -> None:
    """Draw how strong each frequency is over time; dark is strong, in logarithm.

    Args:
        axis: where to draw.
        strength: not negative, shape (frames, bins); the bins reach from 0 Hz to half
            the rate.
        rate: samples a second.
        length: of the recording, in seconds.
    """
    shades = np.log(np.asarray(strength).T + 0.05)
    axis.imshow(
        shades,
        cmap="Greys",
        origin="lower",
        aspect="auto",
        extent=(0.0, length, 0.0, rate / 2000),
        vmin=-3,
        vmax=5,
    )
    axis.set(xlabel="seconds", ylabel="kHz")
    axis.grid(False)


def curves(
    runs: Mapping[str, Mapping[str, Sequence[float]]],
    quantity: str = "loss",
    *,
    size: tuple[float, float] | None = None,
) -> "Figure":
    """Training against validation by epoch, a panel for each run, on one scale.

    Training is a line with dots, validation dashed with squares; a dotted vertical line
    marks the epoch at which validation was best: the highest for a quantity whose name
    holds ``acc``, ``auc``, ``precision``, ``recall`` or ``f1``, else the lowest.

    Args:
        runs: titles, each with what ``fit`` returned, its ``history``.
        quantity: a key of each history; its validation is drawn where there is one.
        size: of the figure, in inches.
    """
    fig, axes = plt.subplots(
        1,
        len(runs),
        figsize=size or (max(4.5, 3.4 * len(runs)), 2.8),
        sharey=True,
        squeeze=False,
    )
    rising = any(w in quantity for w in ("acc", "auc", "precision", "recall", "f1"))
    for axis, (title, history) in zip(axes[0], runs.items(), strict=True):
        epochs = np.arange(1, len(history[quantity]) + 1)
        axis.plot(epochs, history[quantity], "o-", ms=3, label="training")
        seen = history.get(f"val_{quantity}")
        if seen is not None:
            axis.plot(epochs, seen, "s--", ms=3, label="validation")
            best = int(np.argmax(seen) if rising else np.argmin(seen)) + 1
            axis.axvline(best, color="0.4", ls=":", lw=1)
        axis.set(title=title, xlabel="epoch")
    axes[0, 0].set_ylabel(quantity.replace("_", " "))
    axes[0, 0].legend()
    return fig


def confusion(axis: "Axes", matrix: Any, names: Sequence[object]) -> None:
    """Draw counts of truth (rows) against prediction (columns); dark is many.

    Args:
        axis: where to draw.
        matrix: counts, shape (classes, classes).
        names: one for each class.
    """
    matrix = np.asarray(matrix)
    axis.imshow(matrix, cmap="Blues")
    for (row, column), number in np.ndenumerate(matrix):
        if number:
            shade = "white" if number > matrix.max() / 2 else "black"
            axis.text(
                column, row, number, ha="center", va="center", fontsize=8, color=shade
            )
    places = range(len(names))
    axis.set(xticks=places, yticks=places, xlabel="predicted", ylabel="truth")
    axis.set_xticklabels(names)
    axis.set_yticklabels(names)
    axis.grid(False)
    axis.tick_params(length=0)
