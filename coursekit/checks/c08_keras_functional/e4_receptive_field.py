"""Exercise 08.4: ``receptive_field``."""

from functools import partial

import numpy as np

from coursekit.engine import Case, Exercise, Mistake, Plain, Raised


def _field_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, layers: list) -> Case:
        return Case(group, (layers,), f"receptive_field({layers})")

    s, t, u = (int(n) for n in rng.integers(2, 4, 3))
    k, c = (int(n) for n in rng.choice([5, 7], 2))
    d, e = (int(n) for n in rng.integers(2, 5, 2))
    big, small = [(7, 1, 3), (5, 1, d)], [(3, 1, 2)]
    wide, long = [(9, 1, 4)], [(3, 1, 1)] * 3
    apart = [[(3, s, 1)], [(1, s, 1), (c, 1, 1)], [(3, 1, 2)]]
    inner = [[small, [], big], (3, t, 1)]
    return [
        case("one layer", [(k, 1, 1)]),
        case("one layer", [(k, 1, d)]),
        case("one layer", [(k, s, e)]),
        case("one layer", []),
        case("a chain", [(3, 1, 1), (k, 1, 1), (1, 1, 1)]),
        case("a chain", [(k, s, d), (c, t, e), (5, 1, 1), (3, 4, 3)]),
        case("a chain", [(1, s, 1), (3, 1, d), (1, t, 2), (k, u, 1), (3, 1, 1)]),
        case("branches", [(3, s, 1), [big, small], (3, 1, 2)]),
        case("branches", [(3, t, 1), [small, big, long], (5, 2, 1)]),
        case("branches", [(k, s, 1), [[], small], (3, 1, d)]),
        case("branches", [[small, []], [long, wide]]),
        case(
            "branches that stride", [[[(3, s, 1)], [(1, s, 1), (k, 1, d)]], (3, 2, 2)]
        ),
        case(
            "branches that stride", [[[(3, 2, 1), (3, 3, 1)], [(5, 6, d)]], (c, 1, 1)]
        ),
        case("branches in branches", [(3, s, 1), [inner, [(5, t, 1)]], (3, 1, d)]),
        case("branches that do not fit", [(3, t, 1), apart, (3, 1, 1)]),
        case("branches that do not fit", [(3, t, 1), apart[::-1], (3, 1, 1)]),
        case("branches that do not fit", [[[(3, 2, 1)], []], (3, 1, 1)]),
        case("branches that do not fit", [(3, 1, 1), [[[small, apart[0]]], small]]),
    ]


def _field_seen(layers: list, places: set[int]) -> set[int]:
    """Walks back: the input positions that the output positions depend on."""
    for layer in reversed(layers):
        if isinstance(layer, list):
            steps = set()
            for branch in layer:  # how far the field moves from one output to the next
                one, two = _field_seen(branch, {0}), _field_seen(branch, {1})
                steps.add(min(two) - min(one))
            if len(steps) > 1:
                raise ValueError
            places = set().union(*(_field_seen(branch, places) for branch in layer))
        else:
            k, s, d = layer
            reach = range(-(k // 2), k // 2 + 1)
            places = {place * s + j * d for place in places for j in reach}
    return places


def _field_expected(case: Case) -> Plain:
    try:
        places = _field_seen(case.args[0], {0})
    except ValueError:
        return Raised("ValueError", "")
    return max(places) - min(places) + 1


def _field_grow(layer, size, jump):
    k, s, d = layer
    return size + (k - 1) * d * jump, jump * s


def _field_fit(ends, size, jump):
    if len({jump for _, jump in ends}) > 1:
        raise ValueError("the branches have different strides")
    return max(ends)


def _field_walk(layers, size=1, jump=1, grow=_field_grow, merge=_field_fit):
    """A right walk in parts that the mistakes replace."""
    for layer in layers:
        if isinstance(layer, list):
            ends = [_field_walk(b, size, jump, grow, merge) for b in layer]
            size, jump = merge(ends, size, jump)
        else:
            size, jump = grow(layer, size, jump)
    return size, jump


def _field(layers, **how):
    return _field_walk(layers, **how)[0]


def _with_layer(rule):
    """An answer whose step from layer to layer is another one."""
    return partial(_field, grow=lambda layer, size, jump: rule(*layer, size, jump))


def _with_merge(rule):
    """An answer that checks the strides, and merges in another way."""

    def merge(ends, size, jump):
        return rule(ends, size, _field_fit(ends, size, jump)[1], jump)

    return partial(_field, merge=merge)


_field_no_stride = _with_layer(lambda k, s, d, size, jump: (size + (k - 1) * d, 1))
_field_no_dilation = _with_layer(
    lambda k, s, d, size, jump: (size + (k - 1) * jump, jump * s)
)
_field_dilated_whole = _with_layer(
    lambda k, s, d, size, jump: (size + (k * d - 1) * jump, jump * s)
)
_field_stride_first = _with_layer(
    lambda k, s, d, size, jump: (size + (k - 1) * d * jump * s, jump * s)
)
_field_last_stride = _with_layer(
    lambda k, s, d, size, jump: (size + (k - 1) * d * jump, s)
)
_field_whole_kernel = _with_layer(
    lambda k, s, d, size, jump: (size + k * d * jump, jump * s)
)
_field_multiplies = _with_layer(
    lambda k, s, d, size, jump: (size * ((k - 1) * d + 1), jump * s)
)
_field_dilation_stays = _with_layer(
    lambda k, s, d, size, jump: (size + (k - 1) * d * jump, jump * s * d)
)
_field_from_zero = partial(_field, size=0)

_field_sums = _with_merge(
    lambda ends, size, jump, old: (size + sum(end - size for end, _ in ends), jump)
)
_field_first = _with_merge(lambda ends, size, jump, old: (ends[0][0], jump))
_field_last = _with_merge(lambda ends, size, jump, old: (ends[-1][0], jump))
_field_forgets_stride = _with_merge(lambda ends, size, jump, old: (max(ends)[0], old))
_field_widest_wins = partial(_field, merge=lambda ends, size, jump: max(ends))
_field_last_stride_wins = partial(
    _field, merge=lambda ends, size, jump: (max(ends)[0], ends[-1][1])
)


def _field_none_strides(ends, size, jump):
    if {own for _, own in ends} != {jump}:
        raise ValueError("a branch strides")
    return max(ends)


_field_refuses_strides = partial(_field, merge=_field_none_strides)


def _field_in_a_row(layers, size=1, jump=1):
    def flat(layers):
        for layer in layers:
            yield from flat(layer) if isinstance(layer, list) else [layer]

    return _field_walk([*flat(layers)], size, jump)[0]


def _field_each_alone(layers):
    """The field of a branch is worked out as if it stood at the input."""

    def walk(layers):
        size = jump = 1
        for layer in layers:
            if isinstance(layer, list):
                ends = [walk(branch) for branch in layer]
                more, step = _field_fit(ends, size, jump)
                size, jump = size + more - 1, jump * step
            else:
                size, jump = _field_grow(layer, size, jump)
        return size, jump

    return walk(layers)[0]


def _field_one_level(layers):
    size = jump = 1
    for layer in layers:
        if isinstance(layer, list):
            ends = []
            for branch in layer:
                inner = size, jump
                for step in branch:
                    inner = _field_grow(step, *inner)
                ends.append(inner)
            size, jump = _field_fit(ends, size, jump)
        else:
            size, jump = _field_grow(layer, size, jump)
    return size


def _field_variant_backwards(layers):
    """From the output to the input: ``size = (size - 1) * s + (k - 1) * d + 1``."""

    def stride(layers):
        total = 1
        for layer in layers:
            if isinstance(layer, tuple):
                total *= layer[1]
                continue
            several = [stride(branch) for branch in layer]
            if min(several) != max(several):
                raise ValueError("strides differ")
            total *= several[0]
        return total

    def back(layers, size):
        for layer in layers[::-1]:
            if isinstance(layer, tuple):
                k, s, d = layer
                size = (size - 1) * s + (k - 1) * d + 1
            else:
                size = max(back(branch, size) for branch in layer)
        return size

    stride(layers)
    return back(layers, 1)


def _field_variant_paths(layers):
    """Every way through the net is a chain, and the widest chain counts."""

    def paths(layers):
        found = [()]
        for layer in layers:
            if isinstance(layer, tuple):
                found = [(*path, layer) for path in found]
                continue
            groups = [paths(branch) for branch in layer]
            ways = [way for group in groups for way in group]
            if len({np.prod([s for _, s, _ in way], dtype=int) for way in ways}) != 1:
                raise ValueError("strides differ")
            found = [path + way for path in found for way in ways]
        return found

    return max(_field_walk(path)[0] for path in paths(layers))


EXERCISE = Exercise(
    id="08.4",
    name="receptive_field",
    points=5,
    minutes=15,
    difficulty="core",
    inputs=_field_inputs,
    expected=_field_expected,
    mistakes=(
        Mistake(
            "ignores the strides",
            "You do not count strides. Behind a stride of 2 two neighbours are two "
            "inputs apart, and each further layer sees twice as far: keep the product "
            "of the strides so far.",
            _field_no_stride,
        ),
        Mistake(
            "ignores the dilation",
            "A dilation of d puts the places that a layer looks at d apart, so it "
            "reaches over `(kernel - 1) * dilation` steps.",
            _field_no_dilation,
        ),
        Mistake(
            "dilates the last place as well",
            "You take a dilated kernel for `kernel * dilation` wide. There are "
            "`kernel - 1` gaps between its places, so it is "
            "`(kernel - 1) * dilation + 1` wide.",
            _field_dilated_whole,
        ),
        Mistake(
            "takes the stride before the kernel",
            "A layer's own stride moves its output apart, not what it looks at. Grow "
            "the field first, and multiply by the stride afterwards, for the layers "
            "that follow.",
            _field_stride_first,
        ),
        Mistake(
            "keeps the last stride only",
            "You keep the stride of the layer before. Strides multiply: behind two "
            "strides of 2 neighbours are four inputs apart.",
            _field_last_stride,
        ),
        Mistake(
            "adds the whole kernel",
            "Each layer of yours adds `kernel` steps. One place it sees already; it "
            "adds `kernel - 1`.",
            _field_whole_kernel,
        ),
        Mistake(
            "multiplies the kernels",
            "You multiply the widths, but the windows of neighbours overlap: two "
            "layers with a kernel of 3 see 5 inputs, not 9. Fields grow by adding.",
            _field_multiplies,
        ),
        Mistake(
            "carries the dilation on",
            "You multiply the later steps by the dilation. It spreads one layer's own "
            "places; the outputs are as close as before. Only strides carry on.",
            _field_dilation_stays,
        ),
        Mistake(
            "starts at 0",
            "Without any layer an output sees one input, its own: start with a field "
            "of 1, not of 0.",
            _field_from_zero,
        ),
        Mistake(
            "puts the branches in a row",
            "You run through the branches one behind the other. They stand side by "
            "side: each begins with the field and the stride from before the fork.",
            _field_in_a_row,
        ),
        Mistake(
            "adds the branches up",
            "You add what all branches see. They look at the same place, so the merge "
            "sees what the widest of them sees: `max`.",
            _field_sums,
        ),
        Mistake(
            "follows the first branch",
            "You follow the first branch only. The merge depends on each of them; the "
            "largest field counts.",
            _field_first,
        ),
        Mistake(
            "follows the last branch",
            "You go on with the field of the branch that came last in the loop. Keep "
            "the results of all branches, and take the largest.",
            _field_last,
        ),
        Mistake(
            "forgets the strides of the branches",
            "Behind the merge you go on with the stride from before the fork. What the "
            "branches strode counts from then on.",
            _field_forgets_stride,
        ),
        Mistake(
            "starts anew in each branch",
            "Inside a branch you count steps as if it stood at the input. Behind a "
            "stride its steps are larger: hand the stride so far on to the branches.",
            _field_each_alone,
        ),
        Mistake(
            "knows one level of branches",
            "Your branches may hold layers only. A branch is a net like the whole, "
            "with forks of its own: let a function for a list of layers call itself.",
            _field_one_level,
        ),
        Mistake(
            "merges what does not fit",
            "Branches with different strides give maps of different lengths, and "
            "those cannot be merged. Compare the strides, and raise `ValueError`.",
            _field_widest_wins,
        ),
        Mistake(
            "merges by the stride of the last branch",
            "You go on with the last branch's stride without looking at the others. "
            "If they differ, the lengths differ: raise `ValueError`.",
            _field_last_stride_wins,
        ),
        Mistake(
            "refuses branches that stride",
            "You raise an error as soon as a branch strides. If all of them stride "
            "alike, their maps are equally long, and can be merged.",
            _field_refuses_strides,
        ),
    ),
    variants=(_field_variant_backwards, _field_variant_paths),
    hints=(
        "Keep two numbers: the field, 1 at first, and how many inputs apart two "
        "neighbours are, also 1. A layer makes the first grow by "
        "`(kernel - 1) * dilation` such steps, and multiplies the second by its "
        "stride.",
        "Write a function that walks along a list of layers and takes and returns both "
        "numbers. At a fork, `isinstance(layer, list)`, it calls itself for every "
        "branch, each time with the numbers from before the fork.",
        "At a fork: `ends = [walk(branch, size, step) for branch in layer]`; if "
        "`len({step for _, step in ends}) > 1`, `raise ValueError`; else go on with "
        "`max(ends)`.",
    ),
    explain="The field grows by adding and the steps grow by multiplying, which is why "
    "a few strides or growing dilations see far at little cost. Side by side, branches "
    "look at several scales at once, and the widest decides how far the merge can see. "
    "A net whose field is smaller than the thing it looks for cannot find it, however "
    "long it is trained.",
)
