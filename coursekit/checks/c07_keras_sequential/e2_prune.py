"""Exercise 07.2: ``prune``."""

from copy import deepcopy

import numpy as np

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_prune(answer: Answer, case: Case) -> Plain:
    """What comes back, and whether the arguments are as they were."""
    weights, x = deepcopy(case.args)
    pruned = to_plain(answer(weights, x))
    kept = len(weights) == len(case.args[0]) and all(
        np.array_equal(a, b)
        for a, b in zip([*weights, x], [*case.args[0], case.args[1]], strict=True)
    )
    return {"weights": pruned, "arguments": "as they were" if kept else "changed"}


def _quarters(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers with which float32 is exact."""
    return rng.choice([-7, -5, -3, -2, -1, 1, 2, 3, 5, 6], size=shape) / 4


_ROLES = ("dead", "at 0", "once", "barely", "most", "bias")


def _layer(
    rng: np.random.Generator, a: np.ndarray, roles: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of a layer whose units play these roles for the inputs ``a``.

    Roles: dead though its kernel gives positive sums; at most 0, and 0 for one row;
    positive for few rows; for one and by very little (only in a layer on its own, or
    float32 is not exact); positive for most; and positive by its bias alone.
    """
    columns: list[np.ndarray] = []
    tries = 0
    while len(columns) < len(roles):
        column, tries = _quarters(rng, a.shape[1]), tries + 1
        if (a @ column).min() < 0 < (a @ column).max() or tries > 100:
            columns.append(column)
    kernel = np.stack(columns, axis=1)
    z = np.sort(a @ kernel, axis=0)
    bias = {"dead": -z[-1] - 0.25, "at 0": -z[-1], "once": -z[-1] + 0.25}
    bias |= {"barely": -z[-1] + 2**-18, "most": -z[0], "bias": -z[0] + 0.75}
    return kernel, np.array([bias[role][k] for k, role in enumerate(roles)])


def _net(
    rng: np.random.Generator, x: np.ndarray, hidden: list[list[str]], n_out: int
) -> list[np.ndarray]:
    weights, a = [], x
    for roles in hidden:
        kernel, bias = _layer(rng, a, rng.permutation(roles).tolist())
        weights += [kernel, bias]
        a = np.maximum(a @ kernel + bias, 0)
    kernel = _quarters(rng, a.shape[1], n_out)
    bias = _quarters(rng, n_out)
    # an output that is negative for every row is still an output
    bias[0] = -(a @ kernel)[:, 0].max() - 0.5
    return [*weights, kernel, bias]


def _prune_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, n_in: int, hidden: list[list[str]], rows: int = 6) -> Case:
        n_out = int(rng.integers(2, 4))
        while True:
            x = _quarters(rng, rows, n_in)
            weights = _net(rng, x, hidden, n_out)
            if not hidden or all_dead in hidden or _told_apart(weights, x):
                break
        sizes = [n_in, *map(len, hidden), n_out]
        call = f"prune(weights, x), layers of {sizes}, {rows} rows"
        args = [w.astype("float32") for w in weights], x.astype("float32")
        return Case(group, args, call)

    dead, zero, once, barely, most, bias = _ROLES
    more = int(rng.integers(1, 3))
    all_dead = [dead, zero, dead]
    nothing_left = case("a whole layer is dead", 3, [all_dead])
    weights, x = nothing_left.args
    kernel = _quarters(rng, 3, 5).astype("float32")  # gets nothing but zeros
    level = rng.permutation([-0.5, 0.25, 0, 1.5, -1]).astype("float32")
    last = [_quarters(rng, 5, 2).astype("float32"), weights[3][:2]]
    call = f"prune(weights, x), layers of [3, 3, 5, 2], {len(x)} rows"
    args = [*weights[:2], kernel, level, *last], x
    biases_left = Case(nothing_left.group, args, call)
    return [
        case("one hidden layer", 4, [[dead, once, most, dead, bias] + [most] * more]),
        case("one hidden layer", 3, [[barely, most, bias, most, dead]]),
        case("several hidden layers", 3, [[dead, once, *[most] * 3, dead]] * 2),
        case(
            "several hidden layers",
            4,
            [[most, dead, once], [most, dead, once, most], [dead, most, once]],
        ),
        case("a unit at 0", 3, [[zero, once, zero, zero, most], [once, zero, most]]),
        nothing_left,
        biases_left,
        case("no hidden layer", 4, []),
    ]


def _told_apart(weights: list[np.ndarray], x: np.ndarray) -> bool:
    """Whether wrong ways to find the dead differ in the first layer.

    And if there is a second one, whether a ReLU that is forgotten changes who is dead.
    """
    z = x @ weights[0] + weights[1]
    masks = [(z > 0).all(axis=0), z.mean(axis=0) > 0, z[0] > 0, (z > 0).any(axis=0)]
    masks.append((x @ weights[0] > 0).any(axis=0))
    masks.append((weights[0] > 0).any(axis=0) | (weights[1] > 0))
    if len(weights) == 4:
        return len({tuple(mask) for mask in masks}) == len(masks)
    handed_on = z.clip(0), z, z * masks[3]
    fire = [(a @ weights[2] + weights[3] > 0).any(axis=0) for a in handed_on]
    return all((mask != fire[0]).any() for mask in fire[1:])


def _prune_expected(case: Case) -> Plain:
    """Unit by unit, in Python's numbers."""
    weights, x = case.args
    rows = x.tolist()
    layers = [
        (k.tolist(), b.tolist())
        for k, b in zip(weights[::2], weights[1::2], strict=True)
    ]
    left = [list(range(x.shape[1]))]
    for kernel, bias in layers[:-1]:
        outputs = [
            [
                max(0.0, sum(row[i] * kernel[i][unit] for i in range(len(row))) + level)
                for unit, level in enumerate(bias)
            ]
            for row in rows
        ]
        left.append([u for u in range(len(bias)) if max(row[u] for row in outputs)])
        rows = outputs
    left.append(list(range(len(layers[-1][1]))))
    pruned = []
    for k in range(len(layers)):
        pruned.append(weights[2 * k][np.ix_(left[k], left[k + 1])])
        pruned.append(weights[2 * k + 1][left[k + 1]])
    return {"weights": pruned, "arguments": "as they were"}


def _fires(z):
    return (z > 0).any(axis=0)


def _prune(weights, x, fires=_fires, relu=lambda z: np.maximum(z, 0), **how):
    """A right answer in parts that the mistakes replace; `fires` is given sums."""
    weights = weights if how.get("in_place") else list(weights)
    stop = len(weights) - 2 if how.get("layers") is None else 2 * how["layers"]
    a = x
    for k in range(0, min(stop, len(weights)), 2):
        z = a @ weights[k] + weights[k + 1] * how.get("bias", 1)
        left = fires(z)
        a = relu(z)[:, left]
        weights[k] = weights[k][:, left]
        weights[k + 1] = weights[k + 1][left]
        if k + 2 < len(weights):
            weights[k + 2] = weights[k + 2][left]
    return weights


def _prune_always(weights, x):
    return _prune(weights, x, lambda z: (z > 0).all(axis=0))


def _prune_mean(weights, x):
    return _prune(weights, x, lambda z: z.mean(axis=0) > 0)


def _prune_keeps_zero(weights, x):
    return _prune(weights, x, lambda z: (z >= 0).any(axis=0))


def _prune_no_relu(weights, x):
    return _prune(weights, x, relu=lambda z: z)


def _prune_no_bias(weights, x):
    return _prune(weights, x, bias=0)


def _prune_outputs(weights, x):
    return _prune(weights, x, layers=len(weights) // 2)


def _prune_first_only(weights, x):
    return _prune(weights, x, layers=min(1, len(weights) // 2 - 1))


def _prune_in_place(weights, x):
    return _prune(weights, x, in_place=True)


def _prune_first_row(weights, x):
    return _prune(weights, x[:1])


def _prune_axis(weights, x):
    return _prune(weights, x, lambda z: (z > 0).any(axis=1))


def _left(weights, x):
    """Which units of each hidden layer fire."""
    found, a = [], x
    for k in range(0, len(weights) - 2, 2):
        a = np.maximum(a @ weights[k] + weights[k + 1], 0)
        found.append(_fires(a))
    return found


def _prune_by_kernel(weights, x):
    weights = list(weights)
    for k in range(0, len(weights) - 2, 2):
        left = ((weights[k] > 0).any(axis=0)) | (weights[k + 1] > 0)
        weights[k : k + 2] = weights[k][:, left], weights[k + 1][left]
        weights[k + 2] = weights[k + 2][left]
    return weights


def _prune_own_only(weights, x):
    weights = list(weights)
    for k, left in enumerate(_left(weights, x)):
        weights[2 * k] = weights[2 * k][:, left]
        weights[2 * k + 1] = weights[2 * k + 1][left]
    return weights


def _prune_no_bias_entry(weights, x):
    weights = list(weights)
    for k, left in enumerate(_left(weights, x)):
        weights[2 * k] = weights[2 * k][:, left]
        weights[2 * k + 2] = weights[2 * k + 2][left]
    return weights


def _prune_zeros(weights, x):
    weights = list(weights)
    for k, left in enumerate(_left(weights, x)):
        weights[2 * k] = weights[2 * k] * left
        weights[2 * k + 1] = weights[2 * k + 1] * left
        weights[2 * k + 2] = weights[2 * k + 2] * left[:, np.newaxis]
    return weights


def _prune_dead_ones(weights, x):
    return _prune(weights, x, lambda z: ~_fires(z))


def _prune_variant_indices(weights, x):
    pruned, a, kept = [], x, np.arange(x.shape[1])
    for k in range(0, len(weights), 2):
        kernel, bias = weights[k : k + 2]
        a = np.maximum(a @ kernel + bias, 0)
        last = k == len(weights) - 2
        units = np.arange(len(bias)) if last else np.flatnonzero(a.max(axis=0))
        pruned += [kernel[kept][:, units], bias[units]]
        kept = units
    return pruned


def _prune_variant_delete(weights, x):
    pruned = [np.array(w) for w in weights]
    for k in range(0, len(weights) - 2, 2):
        x = np.maximum(x @ weights[k] + weights[k + 1], 0)
        dead = np.flatnonzero(x.sum(axis=0) == 0)
        pruned[k] = np.delete(pruned[k], dead, axis=1)
        pruned[k + 1] = np.delete(pruned[k + 1], dead)
        pruned[k + 2] = np.delete(pruned[k + 2], dead, axis=0)
    return pruned


EXERCISE = Exercise(
    id="07.2",
    name="prune",
    points=4,
    minutes=18,
    difficulty="core",
    inputs=_prune_inputs,
    probe=_probe_prune,
    expected=_prune_expected,
    mistakes=(
        Mistake(
            "removes what is 0 now and then",
            "You remove every unit that is 0 for some row. That is what a ReLU is "
            "for; dead is a unit that is 0 for all of them. Keep it if `any` row is "
            "above 0.",
            _prune_always,
        ),
        Mistake(
            "goes by the mean of the sums",
            "You look at the mean over the rows before the ReLU. A unit that fires for "
            "one row in a hundred has a negative mean, and is not dead.",
            _prune_mean,
        ),
        Mistake(
            "takes 0 for firing",
            "A unit whose largest sum is exactly 0 gives 0 for every row, and you keep "
            "it. It fires above 0: `> 0`.",
            _prune_keeps_zero,
        ),
        Mistake(
            "passes on what the ReLU stops",
            "Your next layer gets sums that are negative. What a layer hands on is "
            "`np.maximum(x @ kernel + bias, 0)`.",
            _prune_no_relu,
        ),
        Mistake(
            "forgets the bias in the sum",
            "You decide by `x @ kernel` alone. The bias is what kills most dead units: "
            "add it before you look.",
            _prune_no_bias,
        ),
        Mistake(
            "prunes the output",
            "You remove columns of the last kernel too. Its units are the outputs, "
            "have no ReLU, and may be negative for every row.",
            _prune_outputs,
        ),
        Mistake(
            "stops behind the first layer",
            "Only the first hidden layer is pruned. Go on with what it hands on, to "
            "the layer in front of the last.",
            _prune_first_only,
        ),
        Mistake(
            "changes the list that it is given",
            "The result is right, but the caller's list has changed as well. Begin "
            "with a copy: `weights = list(weights)`.",
            _prune_in_place,
        ),
        Mistake(
            "looks at one row",
            "You ask the first row only. A unit that it does not need may fire for the "
            "others.",
            _prune_first_row,
        ),
        Mistake(
            "asks the rows, not the units",
            "You go along the wrong axis: `any(axis=1)` says which rows make some unit "
            "fire. Which units fire for some row is `any(axis=0)`.",
            _prune_axis,
        ),
        Mistake(
            "looks at weights, not at rows",
            "You judge a unit by the signs of its weights. Whether it fires depends on "
            "what comes in: compute the layer's outputs for `x`.",
            _prune_by_kernel,
        ),
        Mistake(
            "forgets the next kernel",
            "The next kernel still has a row for each unit that is gone, so the shapes "
            "do not fit. A unit is a column of its kernel, an entry of its bias and a "
            "row of the kernel behind.",
            _prune_own_only,
        ),
        Mistake(
            "leaves the bias as long as it was",
            "The bias still has an entry for each unit that is gone. Keep the same "
            "ones as of the kernel's columns: `bias[left]`.",
            _prune_no_bias_entry,
        ),
        Mistake(
            "writes zeros instead",
            "You set the weights of dead units to 0. The outputs are right, but "
            "nothing got smaller: select the units that are left.",
            _prune_zeros,
        ),
        Mistake(
            "keeps the dead",
            "You keep exactly those units that never fire, and remove the others. Turn "
            "the mask round.",
            _prune_dead_ones,
        ),
    ),
    variants=(_prune_variant_indices, _prune_variant_delete),
    hints=(
        "Go through the hidden layers, `for k in range(0, len(weights) - 2, 2)`: the "
        "kernel is `weights[k]`, the bias `weights[k + 1]`, and the kernel behind "
        "`weights[k + 2]`.",
        "The outputs of the layer are `np.maximum(x @ kernel + bias, 0)`, of shape "
        "(rows, units). `(outputs > 0).any(axis=0)` is a mask of the units that are "
        "left.",
        "With the mask `left`: `kernel[:, left]`, `bias[left]`, and `behind[left]` of "
        "the kernel behind. Go on with `x = outputs[:, left]`, or use the weights as "
        "they were for the sums.",
    ),
    explain="A unit is a column of its own kernel and a row of the one behind; "
    "whoever takes it out has to take out both. Here the outputs stay what they were, "
    "for these rows. For others they need not: dead is a word about data. That is why "
    "pruning is done with the training rows, and checked with those of the validation.",
)
