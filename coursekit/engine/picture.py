"""Arrays as pictures: what was expected, what came, and where they differ."""

import base64
import html
import io

import numpy as np

from coursekit.engine.plain import Plain

_LEAST = 5
"""Fewer rows or columns are read faster as numbers."""
_MOST = 256
_SIDE = 130
_MARK, _SAME = 40, 225


def is_picture(array: Plain) -> bool:
    """Whether an array is best looked at: a matrix, an image, or a stack of them."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "buif":
        return False
    sides = array.shape[-3:-1] if _has_channels(array) else array.shape[-2:]
    return len(sides) == 2 and min(sides) >= _LEAST and max(sides) <= _MOST


def _has_channels(array: np.ndarray) -> bool:
    shape = array.shape
    return len(shape) >= 3 and shape[-1] in (1, 3) and min(shape[-3:-1]) >= _LEAST


def pictures(want: np.ndarray, got: np.ndarray, *, rtol: float, atol: float) -> str:
    """HTML of two arrays side by side, and of where they differ.

    Of a stack, the first member that differs is shown. Both have one scale of greys,
    that of what was expected.

    Args:
        want, got: arrays of one shape, pictures according to ``is_picture``.
        rtol, atol: as in ``compare``.
    """
    differs = ~np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    at, channels = "", _has_channels(want)
    while want.ndim > (3 if channels else 2):
        k = int(differs.reshape(len(want), -1).any(axis=1).argmax())
        want, got, differs, at = want[k], got[k], differs[k], f"{at}[{k}]"
    if channels:
        differs = differs.any(axis=-1)
    size = "{} by {}".format(*differs.shape)
    low, high = _range(want)
    grey = f"black is {low:.4g} or less, white {high:.4g} or more"
    marks = np.where(differs, _MARK, _SAME).astype(np.uint8)
    shown = (
        (f"Expected{at}", _levels(want, low, high), f"Expected, {size}; {grey}."),
        (f"Got{at}", _levels(got, low, high), f"Got, {size}, in the same greys."),
        ("Where they differ: dark", marks, _where(differs)),
    )
    figures = "".join(_figure(*parts) for parts in shown)
    return f'<div style="display: flex; flex-wrap: wrap">{figures}</div>'


def _where(differs: np.ndarray) -> str:
    rows, columns = np.nonzero(differs)
    if not rows.size:
        return "They differ nowhere."
    return (
        f"They differ in {rows.size} of {differs.size} places, in rows {rows.min()} to "
        f"{rows.max()} and columns {columns.min()} to {columns.max()}."
    )


def _range(want: np.ndarray) -> tuple[float, float]:
    finite = want[np.isfinite(want)].astype(float)
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (min(low, 0.0), max(high, 1.0))


def _levels(array: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values as grey levels or colours from 0 to 255; what is not a number as 0."""
    share = (np.nan_to_num(array.astype(float), nan=low) - low) / (high - low)
    levels = (255 * share.clip(0, 1)).round().astype(np.uint8)
    return levels[..., 0] if levels.ndim == 3 and levels.shape[-1] == 1 else levels


def _figure(caption: str, levels: np.ndarray, alt: str) -> str:
    from PIL import Image

    scale = max(1, _SIDE // max(levels.shape[:2]))
    large = levels.repeat(scale, axis=0).repeat(scale, axis=1)
    drawn = io.BytesIO()
    Image.fromarray(large).save(drawn, format="png", optimize=True)
    data = base64.b64encode(drawn.getvalue()).decode("ascii")
    return (
        '<figure style="margin: 0 1em 0.5em 0">'
        f'<img alt="{html.escape(alt)}" width="{large.shape[1]}" '
        f'style="border: 1px solid #8a8a8a" src="data:image/png;base64,{data}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )
