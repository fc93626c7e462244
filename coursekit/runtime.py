"""Make a notebook repeatable and quiet, and show figures that everybody can read."""

import base64
import html
import importlib
import io
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEED = 42

PALETTE = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#000000",  # black
)
"""Colours that stay apart under the common colour-vision deficiencies.

Source: Okabe and Ito, "Color Universal Design", 2008 (yellow left out: too pale
for lines on white).
"""

STYLE: dict[str, Any] = {
    "figure.figsize": (6.4, 3.6),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "grid.alpha": 0.25,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


@contextmanager
def silenced_stderr() -> Iterator[None]:
    """Send file descriptor 2 to nowhere while the block runs.

    TensorFlow's C++ side writes there before any Python setting can reach it, so
    replacing ``sys.stderr`` would not help. An exception still surfaces as usual.
    """
    sys.stderr.flush()
    saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(sink)
        os.close(saved)


def quiet_import() -> ModuleType:
    """Import TensorFlow and Keras without the C++ start-up messages; runs no op.

    Returns:
        The ``tensorflow`` module.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    with silenced_stderr():
        tf = importlib.import_module("tensorflow")
        importlib.import_module("keras")
    return tf


def reseed(seed: int = SEED) -> None:
    """Seed Python, NumPy and, where it is loaded, TensorFlow and Keras."""
    if keras := sys.modules.get("keras"):
        keras.utils.set_random_seed(seed)
        return
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)


def _fix_threads(tf: ModuleType) -> bool:
    threads = int(os.environ.get("COURSEKIT_THREADS", "2"))
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # an op has already run in this process
        return False
    return True


def setup(seed: int = SEED) -> None:
    """Make this notebook repeatable; say in one line what was done.

    Loads TensorFlow and Keras quietly, seeds Python, NumPy, TensorFlow and Keras,
    turns on deterministic ops, fixes the number of threads (two, or the environment
    variable ``COURSEKIT_THREADS``) and sets the plot style. Call it in the first
    cell, before anything uses TensorFlow.

    Args:
        seed: the seed of all four generators.
    """
    tf = quiet_import()
    fixed = _fix_threads(tf)
    tf.config.experimental.enable_op_determinism()
    reseed(seed)
    _style()
    keras = sys.modules["keras"]
    threads = (
        "threads fixed" if fixed else "threads NOT fixed: restart the kernel first"
    )
    print(
        f"TensorFlow {tf.__version__}, Keras {keras.__version__} | seed {seed}, "
        f"deterministic ops, {threads}"
    )


def _style() -> None:
    import matplotlib
    from cycler import cycler

    matplotlib.use("agg")  # figures are shown by show(), never as a side effect
    matplotlib.rcParams.update(STYLE)
    matplotlib.rcParams["axes.prop_cycle"] = cycler(color=PALETTE)


def show(fig: "Figure", *, alt: str) -> None:
    """Show a figure together with a description of what is to be seen in it.

    The description is the image's ``alt`` text, so that JupyterLab, nbconvert and
    every other viewer of HTML carry it, and the output's text form. The image is
    embedded in the HTML because viewers ignore ``alt`` in an output's metadata.

    Args:
        fig: the figure; it is closed afterwards.
        alt: what a person who cannot see the figure needs to know, one to three
            sentences: "Loss falls from 2.3 to 0.1 and flattens after epoch 4".

    Raises:
        ValueError: the description is missing or too short to describe anything.
    """
    from IPython.display import display
    from matplotlib import pyplot as plt

    alt = " ".join(alt.split())
    if len(alt) < 20:
        raise ValueError(f"alt={alt!r}: say in a sentence what is to be seen")
    width = round(fig.get_figwidth() * fig.dpi)
    image = base64.b64encode(_webp(fig)).decode("ascii")
    plt.close(fig)
    display(
        {
            "text/html": f'<img alt="{html.escape(alt)}" width="{width}" '
            f'src="data:image/webp;base64,{image}">',
            "text/plain": alt,
        },
        raw=True,
    )


def _webp(fig: "Figure") -> bytes:
    """The figure at 1.44 times its size, sharp on fine screens, in few bytes.

    Line art is smallest without loss, photographs at quality 90: a fifth of a PNG.
    """
    from PIL import Image

    drawn = io.BytesIO()
    fig.savefig(drawn, format="png", dpi=1.44 * fig.dpi)
    picture = Image.open(drawn).convert("RGB")
    encoded = []
    for options in ({"lossless": True}, {"quality": 90}):
        buffer = io.BytesIO()
        picture.save(buffer, format="webp", **options)
        encoded.append(buffer.getvalue())
    return min(encoded, key=len)
