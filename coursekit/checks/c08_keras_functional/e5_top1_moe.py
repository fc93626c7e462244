"""Exercise 08.5: ``top1_moe``."""

from functools import partial

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_layer(kernel: np.ndarray, inputs: keras.KerasTensor) -> keras.layers.Layer:
    """A Dense without bias, which has its weights."""
    layer = keras.layers.Dense(kernel.shape[1], use_bias=False)
    layer.build(inputs.shape)
    layer.kernel.assign(kernel)
    return layer


def _probe_top1_moe(answer: Answer, case: Case) -> Plain:
    """Results of the mixture, and the slopes of a weighted sum of them."""
    what, shape, gate, experts, x, c = case.args
    inputs = keras.Input(shape)
    made = [_probe_layer(kernel, inputs) for kernel in (gate, *experts)]
    outputs = answer(inputs, made[0], made[1:])
    if not isinstance(outputs, keras.KerasTensor):
        return {"returns": f"a {type(outputs).__name__}", "shape": None, what: None}
    report = {"returns": "a KerasTensor", "shape": str(tuple(outputs.shape))}
    model = keras.Model(inputs, outputs)
    if what == "results":
        return report | {what: to_plain(model(x))}
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(x) * c)
    slopes = tape.gradient(total, [layer.kernel for layer in made])
    found = ["none" if s is None else to_plain(s) for s in slopes]
    return report | {what: {"gate": found[0], "experts": found[1:]}}


def _top1_moe_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, what: str, shape: tuple, n: int, rows: int) -> Case:
        d, units = shape[-1], int(rng.integers(3, 6))
        experts = [rng.normal(size=(d, units)).astype("float32") for _ in range(n)]
        while True:  # until no choice is close, and there is some variety
            gate = rng.normal(size=(d, n)).astype("float32") * 0.8
            x = rng.normal(size=(rows, *shape)).astype("float32")
            logits = np.sort(x @ gate, axis=-1)
            best = (x @ gate).argmax(axis=-1)
            close = (logits[..., -1] - logits[..., -2]).min() < 0.05
            odd = _shares(x @ gate).max(axis=-1)
            spread = odd.min() < 0.45 < 0.55 < odd.max()
            if not close and spread and len(np.unique(best)) >= 3:
                break
        c = rng.normal(size=(*x.shape[:-1], units)).astype("float32")
        call = f"top1_moe(x, gate, experts) with {n} experts, x of shape {x.shape}"
        call += ": slopes" * (what == "slopes")
        return Case(group, (what, shape, gate, experts, x, c), call)

    d, n = int(rng.integers(3, 6)), int(rng.integers(3, 5))
    return [
        case("rows", "results", (d,), n, 7),
        case("more axes", "results", (n + 2, d), n, 2),
        case("slopes", "slopes", (d,), n, 6),
    ]


def _shares(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _top1_moe_expected(case: Case) -> Plain:
    """Row by row, with an if: what a graph cannot do."""
    what, shape, gate, experts, x, c = case.args
    units = experts[0].shape[1]
    report = {"returns": "a KerasTensor", "shape": str((None, *shape[:-1], units))}
    results = np.zeros(c.shape)
    flat, out = x.reshape(-1, shape[-1]).astype(float), results.reshape(-1, units)
    slopes = [np.zeros(kernel.shape) for kernel in (gate, *experts)]
    for row, weights, result in zip(flat, c.reshape(-1, units), out, strict=True):
        shares = _shares(row @ gate)
        best = int(shares.argmax())
        said = row @ experts[best]
        result[:] = shares[best] * said
        slopes[1 + best] += shares[best] * np.outer(row, weights)
        steep = shares[best] * (np.eye(len(shares))[best] - shares)
        slopes[0] += np.outer(row, steep) * (said @ weights)
    if what == "results":
        return report | {what: results.astype("float32")}
    slopes = [slope.astype("float32") for slope in slopes]
    return report | {what: {"gate": slopes[0], "experts": slopes[1:]}}


def _moe(x, gate, experts, squash=ops.softmax, weigh=None):
    """A right answer in parts that the mistakes replace."""
    logits = gate(x)
    shares = squash(logits)
    chosen = ops.one_hot(ops.argmax(shares, axis=-1), len(experts))
    weights = weigh(shares, chosen, logits) if weigh else shares * chosen
    said = ops.stack([expert(x) for expert in experts], axis=-2)
    return ops.sum(said * weights[..., None], axis=-2)


def _with_weights(rule):
    return partial(_moe, weigh=rule)


_moe_soft = _with_weights(lambda shares, chosen, logits: shares)
_moe_hard = _with_weights(lambda shares, chosen, logits: chosen)
_moe_again = _with_weights(
    lambda shares, chosen, logits: ops.softmax(ops.where(chosen > 0, logits, -1e9))
)
_moe_logits = _with_weights(lambda shares, chosen, logits: logits * chosen)
_moe_stopped = _with_weights(
    lambda shares, chosen, logits: ops.stop_gradient(shares) * chosen
)
_moe_half = _with_weights(
    lambda shares, chosen, logits: ops.where(shares >= 0.5, shares, 0.0)
)
_moe_sigmoid = partial(_moe, squash=ops.sigmoid)
_moe_batch_best = _with_weights(
    lambda shares, chosen, logits: (
        shares * ops.cast(ops.equal(shares, ops.max(shares)), "float32")
    )
)
_moe_identity = _with_weights(
    lambda shares, chosen, logits: ops.where(
        shares == ops.max(shares, axis=-1, keepdims=True), shares, 0.0
    )
)
_moe_least = _with_weights(
    lambda shares, chosen, logits: (
        shares * ops.one_hot(ops.argmin(shares, axis=-1), shares.shape[-1])
    )
)
_moe_over_batch = partial(_moe, squash=lambda logits: ops.softmax(logits, axis=0))
_moe_second_axis = partial(_moe, squash=lambda logits: ops.softmax(logits, axis=1))


def _moe_one_for_all(x, gate, experts):
    """The votes of all rows are added, and one expert serves the batch."""
    shares = ops.softmax(gate(x))
    votes = ops.mean(shares, axis=tuple(range(len(shares.shape) - 1)))
    chosen = ops.one_hot(ops.argmax(votes), len(experts))
    said = ops.stack([expert(x) for expert in experts], axis=-2)
    return ops.sum(said * (shares * chosen)[..., None], axis=-2)


def _moe_python_if(x, gate, experts):
    shares = ops.softmax(gate(x))
    best, result = ops.argmax(shares, axis=-1), 0
    for number, expert in enumerate(experts):
        if best == number:
            result = expert(x) * ops.max(shares, axis=-1, keepdims=True)
    return result


def _moe_index(x, gate, experts):
    shares = ops.softmax(gate(x))
    best = ops.argmax(shares, axis=-1)
    return experts[best](x) * ops.max(shares, axis=-1, keepdims=True)


def _moe_tensorflow(x, gate, experts):
    shares = tf.nn.softmax(gate(x))
    chosen = tf.one_hot(tf.argmax(shares, axis=-1), len(experts))
    said = tf.stack([expert(x) for expert in experts], axis=-2)
    return tf.reduce_sum(said * (shares * chosen)[..., None], axis=-2)


def _moe_flat_only(x, gate, experts):
    shares = ops.softmax(gate(x))
    best = ops.argmax(shares, axis=1)
    said = ops.stack([expert(x) for expert in experts], axis=1)
    chosen = ops.one_hot(best, len(experts))
    return ops.sum(said * (shares * chosen)[:, :, None], axis=1)


def _moe_concatenates(x, gate, experts):
    shares = ops.softmax(gate(x))
    weights = shares * ops.one_hot(ops.argmax(shares, axis=-1), len(experts))
    parts = [e(x) * weights[..., k : k + 1] for k, e in enumerate(experts)]
    return layers.concatenate(parts)


def _moe_variant_loop(x, gate, experts):
    """A sum over the experts, in which all but one are switched off."""
    shares = layers.Softmax()(gate(x))
    best, total = ops.argmax(shares, axis=-1), []
    for number, expert in enumerate(experts):
        on = ops.expand_dims(ops.cast(ops.equal(best, number), "float32"), -1)
        total.append(on * shares[..., number : number + 1] * expert(x))
    return layers.add(total)


def _moe_variant_take(x, gate, experts):
    """Picks from what all experts say by position."""
    shares = keras.activations.softmax(gate(x), axis=-1)
    best = ops.argmax(shares, axis=-1)
    said = ops.stack([expert(x) for expert in experts], axis=-2)
    picked = ops.take_along_axis(said, best[..., None, None], axis=-2)
    return ops.squeeze(picked, -2) * ops.max(shares, axis=-1, keepdims=True)


EXERCISE = Exercise(
    id="08.5",
    name="top1_moe",
    points=5,
    minutes=20,
    difficulty="stretch",
    rtol=1e-3,
    atol=1e-4,
    inputs=_top1_moe_inputs,
    probe=_probe_top1_moe,
    expected=_top1_moe_expected,
    mistakes=(
        Mistake(
            "mixes all experts",
            "You add up all experts, each with its share. Asked for is the best one "
            "alone: multiply the shares by `ops.one_hot(ops.argmax(shares, axis=-1), "
            "n)` first.",
            _moe_soft,
        ),
        Mistake(
            "forgets the share of the chosen one",
            "You return what the chosen expert says as it is. The choice itself has no "
            "slope, so the gate would never learn; its share, as a factor, is the only "
            "way for a gradient.",
            _moe_hard,
        ),
        Mistake(
            "takes a softmax of the chosen alone",
            "You take the softmax after the others have been ruled out. Of one number "
            "it is always 1, and the gate gets no gradient. Softmax over all, then "
            "choose.",
            _moe_again,
        ),
        Mistake(
            "multiplies by the logit",
            "Your factor is the raw result of the gate, which may be negative and as "
            "large as it likes. It should be the share: `ops.softmax(gate(x))`.",
            _moe_logits,
        ),
        Mistake(
            "keeps the gate from learning",
            "The results are right, but no gradient reaches the gate: take "
            "`stop_gradient` away.",
            _moe_stopped,
        ),
        Mistake(
            "wants a share of one half",
            "You choose an expert only where its share is at least 0.5. With three "
            "experts the best may have less, and then nobody answers. Choose the "
            "largest.",
            _moe_half,
        ),
        Mistake(
            "squashes each logit alone",
            "A sigmoid looks at one expert at a time. Shares are a softmax over the "
            "experts: they sum to 1, so what one gains the others lose.",
            _moe_sigmoid,
        ),
        Mistake(
            "chooses once for the whole batch",
            "You compare with the largest share of the whole batch, so one row gets an "
            "answer and the others get 0. Each row chooses: `axis=-1`.",
            _moe_batch_best,
        ),
        Mistake(
            "compares KerasTensors with ==",
            "`a == b` of two `KerasTensor` is Python's: whether both are one object. "
            "It is False at once, so every factor is 0. `ops.equal(a, b)` compares "
            "values, later.",
            _moe_identity,
        ),
        Mistake(
            "lets the rows vote",
            "Your rows agree on one expert, so what a row gets depends on the company "
            "it is in. Each row has its own choice: `axis=-1`.",
            _moe_one_for_all,
        ),
        Mistake(
            "chooses the least likely expert",
            "You pick the expert with the smallest share: `argmax`, not `argmin`.",
            _moe_least,
        ),
        Mistake(
            "takes the softmax over the batch",
            "With `axis=0` your shares sum to 1 over the rows. The experts stand on "
            "the last axis: `axis=-1`.",
            _moe_over_batch,
        ),
        Mistake(
            "takes the softmax over axis 1",
            "Axis 1 is the last one only for tensors with two axes. `axis=-1` is the "
            "last one always.",
            _moe_second_axis,
        ),
        Mistake(
            "counts axes from the front",
            "You name axes from the front, and it works for (rows, d) only. Count from "
            "the back, -1 and -2, and any number of axes may stand in front.",
            _moe_flat_only,
        ),
        Mistake(
            "asks a KerasTensor with if",
            "While the graph is built there are no rows and no values. "
            "`best == number` only asks whether both are one object, and they never "
            "are. Let all experts speak, and choose with numbers: `one_hot`, `where`.",
            _moe_python_if,
        ),
        Mistake(
            "indexes a list with a tensor",
            "`experts[best]` needs one Python int now, and `best` is a number for each "
            "row later. Stack what all experts say, and choose from the stack.",
            _moe_index,
        ),
        Mistake(
            "hands a KerasTensor to TensorFlow",
            "Functions of `tf` cannot work on a `KerasTensor`; those of `keras.ops` "
            "can: `ops.softmax`, `ops.argmax`, `ops.one_hot`, `ops.stack`, `ops.sum`.",
            _moe_tensorflow,
        ),
        Mistake(
            "puts the experts side by side",
            "Your result has the width of all experts together. Add them up: all but "
            "one are 0.",
            _moe_concatenates,
        ),
    ),
    variants=(_moe_variant_loop, _moe_variant_take),
    hints=(
        "Let all experts speak, `[expert(x) for expert in experts]`, and switch all "
        "but one off by a factor of 0. The shares are `ops.softmax(gate(x))`.",
        "`ops.one_hot(ops.argmax(shares, axis=-1), len(experts))` is 1 for the best "
        "and 0 for the others; multiplied by the shares it gives the factors, one for "
        "each row and expert.",
        "`said = ops.stack([…], axis=-2)` has the shape (…, experts, units), and "
        "`factors[..., None]` the shape (…, experts, 1): "
        "`ops.sum(said * factors[..., None], axis=-2)`.",
    ),
    explain="A choice has no slope: `argmax` stays the same while the logits move a "
    "little. What teaches the gate is the share with which the chosen expert is "
    "multiplied: if its answer helped, the share grows. Here every expert computes and "
    "all but one are thrown away; large models send each row only to its expert, with "
    "the same numbers and a fraction of the work.",
)
