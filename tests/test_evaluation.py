"""Confusion, calibration and the sweep, against scikit-learn and closed forms."""

import keras
import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import classification_report

from coursekit.evaluation import Slip, confusion_report, reliability
from coursekit.training import rate_sweep


def test_a_confusion_report_counts_as_one_would_by_hand() -> None:
    truth, said = [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 1, 1, 2, 2, 2, 0]
    report = confusion_report(truth, said, ["ant", "bee", "cat", "dog"])
    by_hand = [[1, 2, 0, 0], [0, 1, 1, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    assert report.matrix.tolist() == by_hand
    assert report.support.tolist() == [3, 2, 3, 0]
    np.testing.assert_allclose(report.precision, [1 / 2, 1 / 3, 2 / 3, 0])
    np.testing.assert_allclose(report.recall, [1 / 3, 1 / 2, 2 / 3, 0])
    assert report.accuracy == 0.5
    assert report.top(2) == [Slip("ant", "bee", 2, 2 / 3), Slip("bee", "cat", 1, 0.5)]
    assert len(report.top(9)) == 3


def test_a_confusion_report_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    truth, said = rng.integers(5, size=(2, 200))
    report = confusion_report(truth, said, "abcde")
    theirs = classification_report(
        truth, said, target_names=list("abcde"), output_dict=True
    )
    assert report.accuracy == theirs["accuracy"]
    for k, name in enumerate("abcde"):
        ours = report.precision[k], report.recall[k], report.f1[k], report.support[k]
        np.testing.assert_allclose(ours, list(theirs[name].values()))


@pytest.mark.parametrize(
    ("truth", "said", "why"),
    [
        ([0, 1], [[0.2, 0.8], [0.5, 0.5]], "take argmax"),
        ([0, 1], [0, 1, 1], "got shapes"),
        ([0, 2], [0, 1], "class 2 has no name"),
        ([0, -1], [0, 1], "class -1 has no name"),
        ([], [], "no row"),
    ],
)
def test_a_confusion_report_says_what_it_wants(truth, said, why) -> None:
    with pytest.raises(ValueError, match=why):
        confusion_report(truth, said, ["no", "yes"])


def test_reliability_agrees_with_scikit_learn_and_its_error_with_the_sum() -> None:
    rng = np.random.default_rng(4)
    chances = rng.uniform(0.3, 1.0, 500)
    truth = rng.uniform(size=500) < chances**2
    ours = reliability(truth, chances, bins=8)
    seen, said = calibration_curve(truth, chances, n_bins=8)
    np.testing.assert_allclose(ours.seen, seen)
    np.testing.assert_allclose(ours.said, said)
    assert ours.counts.sum() == 500 and len(ours.counts) == 6
    by_hand = sum(
        n * abs(a - b) for n, a, b in zip(ours.counts, said, seen, strict=True)
    )
    assert ours.error == pytest.approx(by_hand / 500)
    assert reliability([0, 1], [0.0, 1.0]).error == 0
    assert reliability([1, 0], [0.0, 1.0]).error == 1


@pytest.mark.parametrize(
    ("truth", "chances", "why"),
    [
        ([0, 1], [[0.1], [0.2]], "equal length"),
        ([0, 1], [0.1, 1.2], "from 0 to 1"),
        ([0, 2], [0.1, 0.2], "0 or 1"),
        ([0, 1], [0.1, np.nan], "from 0 to 1"),
    ],
)
def test_reliability_says_what_it_wants(truth, chances, why) -> None:
    with pytest.raises(ValueError, match=why):
        reliability(truth, chances)


def parabola(rate: float = 0.01) -> keras.Model:
    """One weight w, loss w squared, whatever the row; it begins at 1."""
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), dense])
    model.compile(keras.optimizers.SGD(rate, momentum=0.0), "mse", run_eagerly=True)
    return model


def test_a_sweep_follows_the_closed_form_and_leaves_no_trace() -> None:
    model = parabola()
    x, y = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
    sweep = rate_sweep(model, x, y, lowest=1e-3, highest=1e-1, steps=12, batch_size=3)
    np.testing.assert_allclose(sweep.rates, np.geomspace(1e-3, 1e-1, 12))
    weights = np.cumprod([1.0, *(1 - 2 * sweep.rates[:-1])])
    np.testing.assert_allclose(sweep.losses, weights**2, rtol=1e-5)
    pulls = 0.2 * 0.8 ** np.arange(12)
    smooth = [pulls[: k + 1][::-1] @ sweep.losses[: k + 1] for k in range(12)]
    np.testing.assert_allclose(sweep.smooth, smooth / (1 - 0.8 ** np.arange(1, 13)))
    assert model.get_weights()[0] == 1.0
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert int(model.optimizer.iterations) == 0


def test_a_sweep_stops_once_the_loss_explodes_and_recommends_a_rate_before() -> None:
    x, y = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
    sweep = rate_sweep(parabola(), x, y, lowest=1e-3, highest=100.0, steps=60)
    assert len(sweep.rates) < 60
    # The weight shrinks while the rate is below 1 and grows beyond.
    assert 1e-2 < sweep.steepest < 1.0
    assert sweep.smooth[-1] >= 4 * sweep.smooth.min()


def test_a_sweep_says_what_it_wants() -> None:
    x = np.ones((4, 1), "float32")
    with pytest.raises(ValueError, match="compile the model"):
        rate_sweep(keras.Sequential([keras.layers.Dense(1)]), x, x)
    with pytest.raises(ValueError, match="rise from above 0"):
        rate_sweep(parabola(), x, x, lowest=1.0, highest=0.1)
    model = parabola()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    model.compile(keras.optimizers.SGD(schedule), "mse")
    with pytest.raises(ValueError, match="schedule"):
        rate_sweep(model, x, x)
