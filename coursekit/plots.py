"""Figures that more than one lesson draws; show them with ``ck.show``."""

from collections.abc import Mapping, Sequence
from itertools import count
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


def tree(
    name: str,
    branches: Mapping[str, Any],
    *,
    size: tuple[float, float] = (10.0, 5.0),
) -> "Figure":
    """A tree of names that grows to the right, such as objects or folders.

    Args:
        name: of the root.
        branches: what hangs on it: names, each with its own branches. Whatever is no
            mapping, or an empty one, makes its name a leaf.
        size: of the figure, in inches.
    """
    fig, axis = plt.subplots(figsize=size)
    rows = count()
    depths = [0]

    def grow(name: str, branches: Any, depth: int) -> float:
        children = branches.items() if isinstance(branches, Mapping) else ()
        heights = [grow(*child, depth + 1) for child in children]
        height = sum(heights) / len(heights) if heights else -next(rows)
        for other in heights:
            axis.plot([depth, depth + 1], [height, other], color="0.6", lw=1, zorder=1)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        axis.text(depth, height, name, ha="center", va="center", fontsize=8, bbox=box)
        depths.append(depth)
        return height

    grow(name, branches, 0)
    axis.set(xlim=(-0.4, max(depths) + 0.4), ylim=(-next(rows) + 0.4, 0.6))
    axis.axis("off")
    return fig
