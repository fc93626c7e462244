"""Before a long training: which learning rates are worth a try."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import keras


class Sweep(NamedTuple):
    """Losses while the learning rate grew.

    Attributes:
        rates: learning rate of each step that was taken, rising.
        losses: loss of the step's batch, before the step.
        smooth: the same as a moving average.
        steepest: the rate at which ``smooth`` fell fastest; a rate to begin with.
    """

    rates: np.ndarray
    losses: np.ndarray
    smooth: np.ndarray
    steepest: float


def rate_sweep(
    model: "keras.Model",
    x: Any,
    y: Any,
    *,
    lowest: float = 1e-5,
    highest: float = 1.0,
    steps: int = 60,
    batch_size: int = 32,
    memory: float = 0.8,
) -> Sweep:
    """Train for one short run while the learning rate rises, and watch the loss.

    The range test of Smith, "Cyclical Learning Rates for Training Neural Networks"
    (2017), with rates spaced evenly in logarithm. It ends early once the average is
    four times the lowest. Afterwards the model and its optimizer are as they were.

    Args:
        model: compiled, with an optimizer whose rate is a number and not a schedule.
        x: inputs, arrays of equal length, in whatever structure the model takes.
        y: targets, likewise.
        lowest: rate of the first step.
        highest: rate of the last.
        steps: how many batches at most; rows are drawn in a shuffled order, again and
            again if there are too few.
        batch_size: rows in a batch.
        memory: share of the old average in the new one, from 0 to below 1.

    Raises:
        ValueError: the model is not compiled, its rate follows a schedule, or the rates
            do not rise from above 0.
    """
    import keras

    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        raise ValueError("compile the model first: the sweep needs optimizer and loss")
    if not 0 < lowest < highest:
        raise ValueError(f"rates must rise from above 0; got {lowest} to {highest}")

    if not isinstance(optimizer.learning_rate, keras.Variable):
        raise ValueError("the optimizer follows a schedule; the sweep sets the rate")

    def pick(rows: np.ndarray) -> Any:
        return keras.tree.map_structure(lambda array: np.asarray(array)[rows], (x, y))

    total = len(keras.tree.flatten(x)[0])
    rng = np.random.default_rng(0)
    need = steps * batch_size
    rows = np.concatenate([rng.permutation(total) for _ in range(-(-need // total))])
    if not model.built:
        model.build(keras.tree.map_structure(np.shape, pick(rows[:1])[0]))
    optimizer.build(model.trainable_variables)
    kept = [(v, v.numpy()) for v in [*model.variables, *optimizer.variables]]

    rates = np.geomspace(lowest, highest, steps)
    losses: list[float] = []
    smooth: list[float] = []
    average = 0.0
    for step, rate in enumerate(rates):
        optimizer.learning_rate = rate
        model.reset_metrics()
        batch = pick(rows[step * batch_size : (step + 1) * batch_size])
        losses.append(model.train_on_batch(*batch, return_dict=True)["loss"])
        average = memory * average + (1 - memory) * float(losses[-1])
        # The average begins at 0; dividing takes that out again, as Adam does.
        smooth.append(average / (1 - memory ** (step + 1)))
        if not smooth[-1] < 4 * min(smooth):
            break
    for variable, value in kept:
        variable.assign(value)
    model.reset_metrics()

    taken = rates[: len(losses)]
    fall = np.asarray(smooth[: int(np.nanargmin(smooth)) + 1])
    at = int(np.argmin(np.gradient(fall))) if len(fall) > 1 else 0
    return Sweep(taken, np.asarray(losses), np.asarray(smooth), float(taken[at]))
