"""Indicators of a time series that look at the past only, day by day.

Each takes a series of shape (n,) and returns one of the same shape, whose element k
depends on the elements up to and including k.
"""

import numpy as np


def trailing(x: np.ndarray, days: int = 20) -> np.ndarray:
    """The mean of the last ``days`` elements; NaN where there are not yet so many.

    Raises:
        ValueError: ``days`` is not between 1 and the length of the series.
    """
    if not 1 <= days <= len(x):
        raise ValueError(f"{days} days of a series of {len(x)}")
    windows = np.lib.stride_tricks.sliding_window_view(x, days)
    return np.concatenate([np.full(days - 1, np.nan), windows.mean(axis=1)])


def fading(x: np.ndarray, days: int) -> np.ndarray:
    """The exponential mean, y[k] = y[k - 1] + a (x[k] - y[k - 1]), a = 2 / (days + 1).

    It begins with y[0] = x[0]. The past fades, and is never quite forgotten.
    """
    out = np.array(x, dtype="float64")
    for k in range(1, len(out)):
        out[k] += (1 - 2 / (days + 1)) * (out[k - 1] - out[k])
    return out


def macd(x: np.ndarray) -> np.ndarray:
    """Moving average convergence and divergence, less its signal line.

    The exponential mean of 12 days less that of 26, less its own mean of 9 (Appel,
    "Technical Analysis", 2005); the histogram below many a chart.
    """
    line = fading(x, 12) - fading(x, 26)
    return line - fading(line, 9)


def rsi(x: np.ndarray, days: int = 14) -> np.ndarray:
    """Relative strength index: the ups in per cent of ups and downs, 0 to 100.

    Both are exponential means with a = 1 / days (Wilder, "New Concepts in Technical
    Trading Systems", 1978). It is 50 as long as nothing has moved.
    """
    change = np.diff(x, prepend=x[:1])
    up, down = (fading(np.maximum(c, 0), 2 * days - 1) for c in (change, -change))
    moved = up + down
    return 100 * np.divide(up, moved, out=np.full(len(x), 0.5), where=moved > 0)


def bollinger(x: np.ndarray, days: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper of Bollinger's bands.

    They lie two (population) standard deviations of the last ``days`` elements below
    and above their mean (Bollinger, "Bollinger on Bollinger Bands", 2001).
    """
    mean = trailing(x, days)
    spread = np.lib.stride_tricks.sliding_window_view(x, days).std(axis=1)
    reach = 2 * np.concatenate([np.full(days - 1, np.nan), spread])
    return mean - reach, mean + reach
