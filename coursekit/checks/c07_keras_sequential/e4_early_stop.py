"""Exercise 07.4: ``early_stop``."""

import keras
import numpy as np

from coursekit.engine import Case, Exercise, Mistake, Plain

_NAN = float("nan")


def _early_stop_inputs(rng: np.random.Generator) -> list[Case]:
    def case(
        group: str, steps: list[float], patience: int, delta: int, level: int = 64
    ) -> Case:
        """Losses that fall for a while, and then the steps, relative to the last one.

        All numbers are quarters, so that sums and differences are exact.
        """
        lead = int(rng.integers(1, 5))
        unit = int(rng.integers(1, 5)) / 4
        fall = (rng.integers(delta + 1, delta + 4, lead)[::-1].cumsum()[::-1]).tolist()
        losses = [(level + k) * unit for k in [*fall, 0, *steps]]
        return Case(group, (losses, patience, delta * unit))

    p = int(rng.integers(2, 5))
    q = int(rng.integers(2, 5))
    up = [3, 1, 2, 1, 3]
    again = [*up[: p - 1], -2, *up[: p - 1], -5, *up[:p]]
    return [
        case("stops", [*up[:p], 1, -9, -8], p, 0),
        case("stops", [1, -1, 2, -3], 1, 0),
        case("stops", [*up[:q]], q, 0),
        case("waits in vain or not at all", [-1, 2, -2, *up[: p - 1]], p, 0),
        case("waits in vain or not at all", [*up[: q - 1]], q, 0),
        case("begins to count again", again, p, 0),
        case("no progress", [0, 0, *up[:p]], p + 1, 0),
        case("no progress", [1, -2, 4, 2, 3, -1, -3, 0, 5], 3, 0, level=0),
        case("min_delta", [-1, -2, 1, -3, *up], 4, 3),
        case("min_delta", [-1, -2, -3, -4, -5, -5, -4], 3, 2),
        case("min_delta", [-1, 5, -1, -4, 2, -4, *up[:q]], q + 1, 3),
        case("a loss that is no number", [-2, _NAN, _NAN, 1, -1, -9], 4, 0),
        case("a loss that is no number", [*up[: p - 1], _NAN, -5], p, 0),
    ]


def _early_stop_expected(case: Case) -> Plain:
    losses, patience, delta = case.args
    best, count = 0, len(losses)
    for epoch, loss in enumerate(losses):
        if loss < losses[best] - delta:
            best = epoch
        if epoch - best == patience:
            count = epoch + 1
            break
    return count, best


def _better(loss, best, delta):
    return loss < best - delta


def _run(losses, patience, delta, **how):
    """A right answer in parts that the mistakes replace.

    Returns:
        Epochs run, the best one, and the losses of the epochs run.
    """
    better = how.get("better", _better)
    best, best_epoch, wait, epochs = losses[0], 0, 0, len(losses)
    for epoch, loss in enumerate(losses[1:], 1):
        if better(loss, best, delta):
            best, best_epoch, wait = loss, epoch, 0
        else:
            wait += 1
            if wait >= patience + how.get("more", 0):
                epochs = epoch + 1
                break
        best = how.get("bar", lambda best, loss: best)(best, loss)
    return epochs, best_epoch, losses[:epochs]


def _early_stop_late(losses, patience, min_delta):
    return _run(losses, patience, min_delta, more=1)[:2]


def _early_stop_early(losses, patience, min_delta):
    return _run(losses, patience, min_delta, more=-1)[:2]


def _early_stop_last_index(losses, patience, min_delta):
    epochs, best, _ = _run(losses, patience, min_delta)
    return epochs - 1, best


def _early_stop_from_one(losses, patience, min_delta):
    epochs, best, _ = _run(losses, patience, min_delta)
    return epochs, best + 1


def _early_stop_swapped(losses, patience, min_delta):
    epochs, best, _ = _run(losses, patience, min_delta)
    return best, epochs


def _early_stop_ties(losses, patience, min_delta):
    def better(loss, best, delta):
        return loss <= best - delta

    return _run(losses, patience, min_delta, better=better)[:2]


def _early_stop_no_delta(losses, patience, min_delta):
    return _run(losses, patience, 0)[:2]


def _early_stop_plus_delta(losses, patience, min_delta):
    return _run(losses, patience, -min_delta)[:2]


def _early_stop_any_change(losses, patience, min_delta):
    def better(loss, best, delta):
        return abs(loss - best) > delta

    return _run(losses, patience, min_delta, better=better)[:2]


def _early_stop_nan(losses, patience, min_delta):
    def better(loss, best, delta):
        return not loss >= best - delta

    return _run(losses, patience, min_delta, better=better)[:2]


def _early_stop_previous(losses, patience, min_delta):
    return _run(losses, patience, min_delta, bar=lambda best, loss: loss)[:2]


def _early_stop_moving_bar(losses, patience, min_delta):
    return _run(losses, patience, min_delta, bar=min)[:2]


def _early_stop_total(losses, patience, min_delta):
    best, best_epoch, wait = losses[0], 0, 0
    for epoch, loss in enumerate(losses[1:], 1):
        if loss < best - min_delta:
            best, best_epoch = loss, epoch
        else:
            wait += 1
            if wait >= patience:
                return epoch + 1, best_epoch
    return len(losses), best_epoch


def _early_stop_last(losses, patience, min_delta):
    epochs, _, _ = _run(losses, patience, min_delta)
    return epochs, epochs - 1


def _early_stop_lowest(losses, patience, min_delta):
    epochs, _, seen = _run(losses, patience, min_delta)
    return epochs, int(np.nanargmin(seen))


def _early_stop_lowest_nan(losses, patience, min_delta):
    epochs, _, seen = _run(losses, patience, min_delta)
    return epochs, int(np.argmin(seen))


def _early_stop_any_lower(losses, patience, min_delta):
    best = wait = 0
    for epoch, loss in enumerate(losses[1:], 1):
        wait = 0 if loss < losses[best] - min_delta else wait + 1
        if loss < losses[best]:
            best = epoch
        if wait == patience:
            return epoch + 1, best
    return len(losses), best


def _early_stop_foresees(losses, patience, min_delta):
    return _run(losses, patience, min_delta)[0], int(np.nanargmin(losses))


def _early_stop_runs_on(losses, patience, min_delta):
    return len(losses), _run(losses, len(losses), min_delta)[1]


def _early_stop_none(losses, patience, min_delta):
    epochs, best, _ = _run(losses, patience, min_delta)
    return (epochs, best) if epochs < len(losses) else None


def _early_stop_variant_keras(losses, patience, min_delta):
    """Keras's own callback, without a training."""
    stop = keras.callbacks.EarlyStopping(
        "loss", min_delta=min_delta, patience=patience, mode="min"
    )
    stop.set_model(keras.Sequential())
    stop.model.stop_training = False
    stop.on_train_begin()
    epochs = 0
    while epochs < len(losses) and not stop.model.stop_training:
        stop.on_epoch_end(epochs, {"loss": losses[epochs]})
        epochs += 1
    return epochs, stop.best_epoch


def _early_stop_variant_numpy(losses, patience, min_delta):
    best = epoch = 0
    while epoch < len(losses):
        later = np.array(losses[epoch + 1 : best + patience + 1])
        better = np.flatnonzero(later < losses[best] - min_delta)
        if not better.size:
            break
        best = epoch = epoch + 1 + better[0]
    return min(int(best) + patience + 1, len(losses)), int(best)


EXERCISE = Exercise(
    id="07.4",
    name="early_stop",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_early_stop_inputs,
    expected=_early_stop_expected,
    mistakes=(
        Mistake(
            "stops an epoch late",
            "You stop when more than `patience` epochs in a row were no improvement. "
            "It ends with the epoch that makes them `patience`: `wait >= patience`.",
            _early_stop_late,
        ),
        Mistake(
            "stops an epoch early",
            "You stop after `patience - 1` epochs without improvement. The best epoch "
            "itself does not count as waiting.",
            _early_stop_early,
        ),
        Mistake(
            "returns the last epoch's index",
            "The first number is how many epochs were run, and yours is the index of "
            "the last of them, one less.",
            _early_stop_last_index,
        ),
        Mistake(
            "counts the best from 1",
            "Your best epoch is one too high: it is an index into `losses`, and the "
            "first epoch is 0.",
            _early_stop_from_one,
        ),
        Mistake(
            "returns the best first",
            "Right numbers in the wrong order: how many epochs were run comes first, "
            "then the best one.",
            _early_stop_swapped,
        ),
        Mistake(
            "takes equal for better",
            "A loss that is lower by `min_delta` exactly counts as an improvement in "
            "yours, so that with 0 a flat line never stops. Use `<`.",
            _early_stop_ties,
        ),
        Mistake(
            "has no min_delta",
            "Every loss below the best resets your counter. It has to be lower by more "
            "than `min_delta`: `loss < best - min_delta`.",
            _early_stop_no_delta,
        ),
        Mistake(
            "adds min_delta",
            "With `best + min_delta` even a worse loss is an improvement. Lower is "
            "better, so the bar is `best - min_delta`.",
            _early_stop_plus_delta,
        ),
        Mistake(
            "takes every change for progress",
            "With `abs` a loss that rises far resets the counter as well. Only a loss "
            "below `best - min_delta` does.",
            _early_stop_any_change,
        ),
        Mistake(
            "takes nan for progress",
            "A loss that is nan resets your counter. Every comparison with nan is "
            "false, so ask whether the loss is better, not whether it is worse.",
            _early_stop_nan,
        ),
        Mistake(
            "compares with the epoch before",
            "You compare each loss with the one before it. A loss that goes up and "
            "down improves half of the time that way; compare with the best.",
            _early_stop_previous,
        ),
        Mistake(
            "moves the bar",
            "You lower the bar with every loss that is a little lower, though it is no "
            "improvement yet. Then a slow but steady fall is never seen: keep `best` "
            "until a loss is below `best - min_delta`.",
            _early_stop_moving_bar,
        ),
        Mistake(
            "never begins to count again",
            "You count all epochs without improvement together. They count in a row: "
            "an improvement sets the counter to 0.",
            _early_stop_total,
        ),
        Mistake(
            "takes the last epoch for the best",
            "Your best epoch is the one at which training ended. The best one is that "
            "of the last improvement; `restore_best_weights` goes back to it.",
            _early_stop_last,
        ),
        Mistake(
            "takes the lowest loss for the best",
            "Your best epoch is that of the lowest loss. A loss that is lower, but not "
            "by more than `min_delta`, is no improvement, and Keras keeps no weights.",
            _early_stop_lowest,
        ),
        Mistake(
            "lets argmin find the best",
            "`np.argmin` finds the lowest loss, and a nan, if there is one. Neither "
            "need be the best epoch: that is the one of the last improvement, a loss "
            "lower by more than `min_delta`.",
            _early_stop_lowest_nan,
        ),
        Mistake(
            "keeps every lower loss",
            "You take every lower loss for the new best, also if it is not lower by "
            "more than `min_delta`. Best epoch, bar and counter change together, at an "
            "improvement only.",
            _early_stop_any_lower,
        ),
        Mistake(
            "looks into the future",
            "Your best epoch may lie behind the end of the training. Losses of epochs "
            "that were never run are not known; stop the loop first.",
            _early_stop_foresees,
        ),
        Mistake(
            "never stops",
            "You find the best epoch and run all the others. End the loop at the epoch "
            "that uses up the patience.",
            _early_stop_runs_on,
        ),
        Mistake(
            "returns nothing at the end",
            "If patience lasts to the end, your function returns None. All epochs were "
            "run then: return `len(losses)` and the best one.",
            _early_stop_none,
        ),
    ),
    variants=(_early_stop_variant_keras, _early_stop_variant_numpy),
    hints=(
        "Three things to carry through a loop over the epochs: the best loss, the "
        "epoch of it, and how many epochs have passed since.",
        "An improvement, `loss < best - min_delta`, renews the first two and sets the "
        "third to 0. Any other epoch adds 1 to it, and ends the loop at `patience`.",
        "The waiting time is `epoch - best_epoch`, so no counter is needed: `if epoch "
        "- best_epoch >= patience: return epoch + 1, best_epoch`. Behind the loop, "
        "`return len(losses), best_epoch`.",
    ),
    explain="The rule decides from the past alone, and so it may stop just before "
    "things get better: a case in the check does. Patience buys against that, and "
    "costs epochs. Without `restore_best_weights=True` you keep the weights of the "
    "last epoch, which is by definition not the best.",
)
