"""Exercise 03.4: ``fit_loop``."""

import keras
import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

_RATE, _MOMENTUM, _PENALTY = 0.1, 0.9, 0.25


def _probe_fit(answer: Answer, case: Case) -> Plain:
    """Train a small model; what the loop reports, and what has become of the model."""
    kind, kernel, bias, x, y, epochs, batch_size = case.args
    layers = [keras.layers.BatchNormalization()] if kind == "normalised" else []
    penalty = keras.regularizers.L2(_PENALTY) if kind == "penalty" else None
    layers.append(keras.layers.Dense(len(bias), kernel_regularizer=penalty))
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    layers[-1].set_weights([kernel, bias])
    optimizer = keras.optimizers.SGD(_RATE, momentum=_MOMENTUM)
    loss_fn = keras.losses.MeanSquaredError()
    if kind == "crossentropy":
        loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
    history = answer(model, optimizer, loss_fn, x.copy(), y.copy(), epochs, batch_size)
    by_fit = model.compiled
    return {
        "trained by": "compile and fit" if by_fit else "a loop",
        "history": None if by_fit else to_plain(history),
        "steps of the optimizer": None if by_fit else int(optimizer.iterations),
        "weights": None if by_fit else [to_plain(v) for v in model.get_weights()],
    }


def _fit_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, kind: str, rows: int, batch_size: int) -> Case:
        n_in, n_out, epochs = 3, 2, 2
        x = rng.normal(size=(rows, n_in)) + rng.uniform(-1, 1, n_in)
        kernel = rng.normal(size=(n_in, n_out))
        y = rng.normal(size=(rows, n_out)) * 2
        if kind == "crossentropy":
            y = rng.uniform(0.05, 0.95, size=(rows, n_out))
        arrays = (kernel, rng.normal(size=n_out), x, y)
        args = tuple(array.astype("float32") for array in arrays)
        model = {"normalised": "BatchNormalization, Dense", "penalty": "Dense with L2"}
        loss = "BinaryCrossentropy" if kind == "crossentropy" else "MeanSquaredError"
        call = (
            f"fit_loop(model, …, epochs={epochs}, batch_size={batch_size}): "
            f"{model.get(kind, 'Dense')}, {loss}, {rows} rows"
        )
        return Case(group, (kind, *args, epochs, batch_size), call)

    return [
        case("whole batches", "crossentropy", 4, 2),
        case("a short last batch", "plain", 5, 2),
        case("layers that train differently", "normalised", 6, 3),
        case("penalties of layers", "penalty", 4, 2),
    ]


def _loss_and_slope(kind: str, y: np.ndarray, z: np.ndarray):
    """The mean loss, and its slope by z."""
    if kind == "crossentropy":
        loss = np.logaddexp(0, z) - y * z
        return loss.mean(), (1 / (1 + np.exp(-z)) - y) / z.size
    return ((z - y) ** 2).mean(), 2 * (z - y) / z.size


def _fit_expected(case: Case) -> Plain:
    kind, kernel, bias, x, y, epochs, batch_size = case.args
    is_normal = kind == "normalised"
    n_in = x.shape[1]
    # gamma and beta stand still at 1 and 0 unless there is such a layer
    weights = [np.ones(n_in), np.zeros(n_in), kernel.astype(float), bias.astype(float)]
    speeds = [np.zeros_like(value) for value in weights]
    moving = [np.zeros(n_in), np.ones(n_in)]
    strength = _PENALTY if kind == "penalty" else 0.0
    history, steps = [], 0
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            gamma, beta, w, b = weights
            rows, target = x[start : start + batch_size], y[start : start + batch_size]
            scaled = rows.astype(float)
            if is_normal:  # Ioffe and Szegedy, 2015
                mean, spread = scaled.mean(axis=0), scaled.var(axis=0)
                scaled = (scaled - mean) / np.sqrt(spread + 1e-3)
                pairs = zip(moving, (mean, spread), strict=True)
                moving = [0.99 * old + 0.01 * new for old, new in pairs]
            h = gamma * scaled + beta
            loss, slope = _loss_and_slope(kind, target.astype(float), h @ w + b)
            total += (loss + strength * (w**2).sum()) * len(rows)
            back = (slope @ w.T) * is_normal
            gradients = [(back * scaled).sum(axis=0), back.sum(axis=0)]
            gradients += [h.T @ slope + 2 * strength * w, slope.sum(axis=0)]
            speeds = [
                _MOMENTUM * v - _RATE * g
                for v, g in zip(speeds, gradients, strict=True)
            ]
            weights = [value + v for value, v in zip(weights, speeds, strict=True)]
            steps += 1
        history.append(float(total / len(x)))
    found = [*weights[:2], *moving, *weights[2:]] if is_normal else weights[2:]
    return {
        "trained by": "a loop",
        "history": history,
        "steps of the optimizer": steps,
        "weights": [value.astype("float32") for value in found],
    }


def _stepping(training=True, penalty="inside", extra=sum, swap=False, turn="optimizer"):
    """A step; its loss. It is right unless a part is replaced.

    Args:
        training: how the model is called.
        penalty: where the penalties of layers are added to the loss: ``"inside"`` the
            tape, ``"outside"``, ``"reported"`` only, ``"trained"`` only, ``"nowhere"``.
        extra: adds the penalties up.
        swap: exchanges the arguments of the loss.
        turn: who takes the step; ``"again"`` measures the loss after it.
    """

    def step(model, optimizer, loss_fn, rows, target):
        def measured():
            said = model(rows, training=training)
            return loss_fn(said, target) if swap else loss_fn(target, said)

        with tf.GradientTape() as tape:
            plain = measured()
            loss = plain + extra(model.losses) if penalty != "nowhere" else plain
            watched = plain if penalty == "reported" else loss
        if penalty == "outside":
            watched = plain + 0.0  # the tape does not see it
        gradients = tape.gradient(watched, model.trainable_variables)
        if turn == "hand":
            rate = float(optimizer.learning_rate)
            for v, slope in zip(model.trainable_variables, gradients, strict=True):
                v.assign_sub(rate * slope)
        elif turn != "nobody":
            optimizer.apply(gradients, model.trainable_variables)
        if turn == "again":
            return measured() + extra(model.losses)
        return plain if penalty == "trained" else loss

    return step


_step = _stepping()


def _looping(report="weighted", drop=False, one_batch=False, **parts):
    """An answer made of steps; ``report`` says what an epoch adds to the history."""

    step = _stepping(**parts)

    def fit_loop(model, optimizer, loss_fn, x, y, epochs, batch_size):
        history, losses, rows = [], [], []
        batch_size = len(x) if one_batch else batch_size
        for _ in range(epochs):
            if report != "never reset":
                losses, rows = [], []
            for start in range(0, len(x), batch_size):
                part = slice(start, start + batch_size)
                if drop and len(x[part]) < batch_size:
                    continue
                losses.append(float(step(model, optimizer, loss_fn, x[part], y[part])))
                rows.append(len(x[part]))
            match report:
                case "last batch":
                    history.append(losses[-1])
                case "afterwards":
                    loss = loss_fn(y, model(x)) + sum(model.losses)
                    history.append(float(loss))
                case "mean of means":
                    history.append(float(np.mean(losses)))
                case "full batches":
                    history.append(sum(losses) * batch_size / len(x))
                case _:
                    history.append(float(np.average(losses, weights=rows)))
        return history[-1] if report == "last epoch" else history

    return fit_loop


_fit_inference = _looping(training=False)
_fit_no_penalty = _looping(penalty="nowhere")
_fit_penalty_reported = _looping(penalty="reported")
_fit_penalty_trained = _looping(penalty="trained")
_fit_outside = _looping(penalty="outside")
_fit_add_n = _looping(extra=tf.add_n)
_fit_swapped = _looping(swap=True)
_fit_by_hand = _looping(turn="hand")
_fit_never_applied = _looping(turn="nobody")
_fit_measures_again = _looping(turn="again")
_fit_full_batches = _looping("full batches")
_fit_mean_of_means = _looping(report="mean of means")
_fit_last_batch = _looping(report="last batch")
_fit_afterwards = _looping(report="afterwards")
_fit_never_reset = _looping(report="never reset")
_fit_last_epoch = _looping(report="last epoch")
_fit_drops = _looping(drop=True)
_fit_one_batch = _looping(one_batch=True)


def _fit_calls_fit(model, optimizer, loss_fn, x, y, epochs, batch_size):
    model.compile(optimizer, loss_fn)  # what fit gives after that, nobody looks at


def _fit_variant_metric(model, optimizer, loss_fn, x, y, epochs, batch_size):
    mean = keras.metrics.Mean()
    history = []
    for _ in range(epochs):
        mean.reset_state()
        for start in range(0, len(x), batch_size):
            rows, target = x[start : start + batch_size], y[start : start + batch_size]
            loss = _step(model, optimizer, loss_fn, rows, target)
            mean.update_state(loss, sample_weight=len(rows))
        history.append(float(mean.result()))
    return history


def _fit_variant_graph(model, optimizer, loss_fn, x, y, epochs, batch_size):
    variables = model.trainable_variables
    optimizer.build(variables)

    @tf.function(reduce_retracing=True)
    def step(rows, target):
        with tf.GradientTape() as tape:
            loss = loss_fn(target, model(rows, training=True))
            loss = tf.add_n([loss, *model.losses])
        pairs = zip(tape.gradient(loss, variables), variables, strict=True)
        optimizer.apply_gradients(pairs)
        return loss * tf.cast(tf.shape(rows)[0], loss.dtype)

    cuts = range(batch_size, len(x), batch_size)
    batches = list(zip(np.split(x, cuts), np.split(y, cuts), strict=True))
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    history = [sum(float(step(*b)) for b in batches) / len(x) for _ in range(epochs)]
    logger.setLevel(level)
    return history


EXERCISE = Exercise(
    id="03.4",
    name="fit_loop",
    points=4,
    minutes=20,
    difficulty="core",
    rtol=1e-4,
    atol=1e-5,
    inputs=_fit_inputs,
    probe=_probe_fit,
    expected=_fit_expected,
    mistakes=(
        Mistake(
            "runs the model in inference mode",
            "`model(x)` runs layers in inference mode, so `BatchNormalization` used "
            "its moving averages, and never moved them; `Dropout` would drop nothing. "
            "In a loop of your own you have to say it: `model(x, training=True)`.",
            _fit_inference,
        ),
        Mistake(
            "averages the batches, not the rows",
            "The weights are right, but the loss of an epoch is the mean over rows, "
            "and a short last batch has fewer of them. Add up `loss * rows` and divide "
            "by the number of all rows.",
            _fit_mean_of_means,
        ),
        Mistake(
            "counts every batch as full",
            "You count each batch as `batch_size` rows, and a short last batch has "
            "fewer: `total += float(loss) * len(x_batch)`.",
            _fit_full_batches,
        ),
        Mistake(
            "drops the short last batch",
            "The rows that fill no whole batch never reach the model. Let the start go "
            "up to the end, `range(0, len(x), batch_size)`: a slice that reaches "
            "beyond it just gets shorter.",
            _fit_drops,
        ),
        Mistake(
            "leaves out the penalties of layers",
            "A layer may add to the loss, as `kernel_regularizer` does, and `fit` "
            "takes that into account. Add `sum(model.losses)` to the loss, inside the "
            "tape.",
            _fit_no_penalty,
        ),
        Mistake(
            "reports penalties without training on them",
            "The penalties are in your history, but not in what the gradients are of, "
            "so the weights go where they would without. Add `sum(model.losses)` "
            "inside the tape, and take the gradients of the sum.",
            _fit_penalty_reported,
        ),
        Mistake(
            "trains on penalties without reporting them",
            "The weights are right, but your history holds the loss without the "
            "penalties. What `fit` reports is what it trains on: `loss_fn(…) + "
            "sum(model.losses)`.",
            _fit_penalty_trained,
        ),
        Mistake(
            "finishes the loss outside the tape",
            "The tape notes operations while its block runs. Your loss was computed, "
            "or added to, after it, so no variable has a part in it, and every "
            "gradient is `None`. Indent that line into the block.",
            _fit_outside,
        ),
        Mistake(
            "adds up nothing with tf.add_n",
            "`model.losses` is an empty list where no layer has a penalty, and "
            "`tf.add_n` refuses an empty list. Python's `sum` gives 0.",
            _fit_add_n,
        ),
        Mistake(
            "swaps the arguments of the loss",
            "A loss is called with what is true first: `loss_fn(y, prediction)`. The "
            "squared error hides the order, the cross-entropy does not.",
            _fit_swapped,
        ),
        Mistake(
            "makes steps of its own",
            "You subtract the rate times the gradient yourself. The optimizer knows "
            "more, here a momentum that it keeps from step to step: "
            "`optimizer.apply(gradients, model.trainable_variables)`.",
            _fit_by_hand,
        ),
        Mistake(
            "never changes the weights",
            "The model is as it was before. A tape only computes gradients; "
            "`optimizer.apply(gradients, model.trainable_variables)` takes the step.",
            _fit_never_applied,
        ),
        Mistake(
            "measures after the step",
            "You compute the loss of a batch once more, when the step has been taken, "
            "so it is smaller. `fit` reports the loss that the gradients are of; that "
            "costs no second pass.",
            _fit_measures_again,
        ),
        Mistake(
            "measures after the epoch",
            "You compute the loss on all rows when the epoch is over. `fit` averages "
            "the losses that its steps have computed on the way, while the weights "
            "still moved; that costs no second pass.",
            _fit_afterwards,
        ),
        Mistake(
            "reports the last batch",
            "Your history holds the loss of the last batch of each epoch. It should "
            "hold the mean over all rows of the epoch.",
            _fit_last_batch,
        ),
        Mistake(
            "never starts the mean anew",
            "From the second epoch on, your mean still contains the epochs before. "
            "Begin each epoch with a sum of 0.",
            _fit_never_reset,
        ),
        Mistake(
            "returns one number",
            "You return the loss of the last epoch. Append each epoch's mean to a "
            "list and return the list.",
            _fit_last_epoch,
        ),
        Mistake(
            "trains on everything at once",
            "You take one step per epoch, on all rows together. Cut `x` and `y` into "
            "batches, `x[start : start + batch_size]`, and take a step for each.",
            _fit_one_batch,
        ),
        Mistake(
            "leaves the work to fit",
            "You compiled the model, so that `fit` or `train_on_batch` could do it. "
            "The task is to write what they do: a tape, the gradients, one step of the "
            "optimizer for each batch.",
            _fit_calls_fit,
        ),
    ),
    variants=(_fit_variant_metric, _fit_variant_graph),
    hints=(
        "Two loops: over the epochs, and inside over "
        "`start in range(0, len(x), batch_size)`. A batch is "
        "`x[start : start + batch_size]`; the last one may be short.",
        "One step: under `tf.GradientTape() as tape`, `loss = loss_fn(y_batch, "
        "model(x_batch, training=True)) + sum(model.losses)`; then "
        "`tape.gradient(loss, model.trainable_variables)`.",
        "After the gradients: `optimizer.apply(gradients, model.trainable_variables)` "
        "and `total += float(loss) * len(x_batch)`. At the end of an epoch: "
        "`history.append(total / len(x))`, and `total` starts at 0 again.",
    ),
    explain="This is what `fit` does between its progress bars: forward in training "
    "mode, loss with the penalties of the layers, gradients, one step. Its history is "
    "the mean over the rows of losses computed while the weights moved, which is why a "
    "training loss can be worse than the loss measured after the epoch.",
)
