"""Indicators of time series: the known formulas, and no look at tomorrow."""

import numpy as np
import pytest

from coursekit.data import prices
from coursekit.series import bollinger, fading, macd, rsi, trailing

CLOSE = prices()[1]


def test_a_trailing_mean_ends_at_its_own_day() -> None:
    assert trailing(np.array([1.0, 3, 8]), 2).tolist()[1:] == [2, 5.5]
    means = trailing(CLOSE, 20)
    assert np.isnan(means[:19]).all() and means.shape == CLOSE.shape
    assert np.isclose(means[19], CLOSE[:20].mean())
    assert np.isclose(means[-1], CLOSE[-20:].mean())
    assert np.array_equal(trailing(CLOSE, 1), CLOSE)
    for days in (0, 4):
        with pytest.raises(ValueError, match=f"{days} days of a series of 3"):
            trailing(np.zeros(3), days)


def test_an_exponential_mean_is_the_sum_of_its_weights() -> None:
    a = 2 / (9 + 1)
    weights = a * (1 - a) ** np.arange(29, -1, -1)
    weights[0] = (1 - a) ** 29
    assert np.isclose(weights.sum(), 1)
    assert np.isclose(fading(CLOSE[:30], 9)[-1], weights @ CLOSE[:30])
    assert fading(np.array([2, 4]), 1).tolist() == [2, 4]


def test_macd_is_zero_without_a_trend_and_rsi_in_the_middle() -> None:
    flat = np.full(40, 7.0)
    assert np.allclose(macd(flat), 0) and np.allclose(rsi(flat), 50)
    assert np.allclose(rsi(np.arange(40.0))[1:], 100)
    assert np.allclose(rsi(-np.arange(40.0))[1:], 0)
    swing = np.cumsum(np.resize([3.0, -1.0], 400))
    assert abs(rsi(swing)[-60:].mean() - 75) < 1
    assert np.all((rsi(CLOSE) >= 0) & (rsi(CLOSE) <= 100))


def test_the_bands_lie_two_deviations_about_the_mean() -> None:
    low, high = bollinger(CLOSE)
    assert np.allclose((low + high)[19:] / 2, trailing(CLOSE)[19:])
    assert np.isclose(high[-1] - low[-1], 4 * CLOSE[-20:].std())


@pytest.mark.parametrize("indicator", [trailing, macd, rsi, bollinger])
def test_no_indicator_sees_tomorrow(indicator) -> None:
    other = np.append(CLOSE[:500], CLOSE[500:] * 2)
    old, new = (np.atleast_2d(indicator(x))[:, :500] for x in (CLOSE, other))
    assert np.array_equal(old, new, equal_nan=True)
