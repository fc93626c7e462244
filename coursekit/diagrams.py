"""Drawings of how things hang together; show them with ``ck.show``."""

from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure


def tree(
    name: str,
    branches: Mapping[str, Any],
    *,
    size: tuple[float, float] = (10.0, 5.0),
) -> "Figure":
    """A tree of names that grows to the right, such as objects or folders.

    Args:
        name: of the root.
        branches: what hangs on it: names, each with its own branches. Whatever is no
            mapping, or an empty one, makes its name a leaf.
        size: of the figure, in inches.
    """
    fig, axis = plt.subplots(figsize=size)
    rows = count()
    depths = [0]

    def grow(name: str, branches: Any, depth: int) -> float:
        children = branches.items() if isinstance(branches, Mapping) else ()
        heights = [grow(*child, depth + 1) for child in children]
        height = sum(heights) / len(heights) if heights else -next(rows)
        for other in heights:
            axis.plot([depth, depth + 1], [height, other], color="0.6", lw=1, zorder=1)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        axis.text(depth, height, name, ha="center", va="center", fontsize=8, bbox=box)
        depths.append(depth)
        return height

    grow(name, branches, 0)
    axis.set(xlim=(-0.4, max(depths) + 0.4), ylim=(-next(rows) + 0.4, 0.6))
    axis.axis("off")
    return fig


Call = tuple[str, int]


def _calls(model: "keras.Model") -> tuple[dict[Call, list[Call]], dict[Call, str]]:
    """Each call of a layer with the calls that feed it, and the shape it gives out."""
    feeds: dict[Call, list[Call]] = {}
    shapes: dict[Call, str] = {}

    def note(call: Call, shape: Sequence[int | None]) -> None:
        shapes[call] = " × ".join("?" if n is None else str(n) for n in shape[1:])

    def sources(part: Any) -> list[Call]:
        if isinstance(part, Mapping):
            if part.get("class_name") == "__keras_tensor__":
                name, node, _ = part["config"]["keras_history"]
                note((name, node), part["config"]["shape"])
                return [(name, node)]
            part = list(part.values())
        if isinstance(part, list | tuple):
            return [call for inner in part for call in sources(inner)]
        return []

    described = model.get_config()["layers"]
    if "inbound_nodes" in described[0]:
        for layer in described:
            for node, inbound in enumerate(layer["inbound_nodes"] or [{}]):
                feeds[layer["name"], node] = sources(inbound)
        first = {operation.name: operation.output for operation in model.operations}
        for call in feeds.keys() - shapes.keys():
            output = first[call[0]]
            note(call, getattr(output, "shape", None) or next(iter(output)).shape)
    else:
        shape, before = model.input_shape, ("input", 0)
        feeds[before] = []
        note(before, shape)
        for layer in model.layers:
            feeds[layer.name, 0], before = [before], (layer.name, 0)
            shape = layer.compute_output_shape(shape)
            note(before, shape)
    return feeds, shapes


def _layout(feeds: Mapping[Call, Sequence[Call]]) -> tuple[dict, list[list]]:
    """Places of calls, and for each arrow the places it passes through.

    Columns by the longest way from an input; an arrow over several columns gets a place
    of its own in each of them (Sugiyama, Tagawa and Toda, 1981), so none crosses a box.
    """
    columns: dict[Any, int] = {}
    for call in feeds:  # a model lists layers before those that they feed, mostly
        pending = [call]
        while pending:
            waiting = [c for c in feeds[pending[-1]] if c not in columns]
            if waiting:
                pending += waiting
                continue
            done = pending.pop()
            columns[done] = 1 + max((columns[c] for c in feeds[done]), default=-1)
    before: dict[Any, list] = defaultdict(list)
    ways = []
    for call, sources in feeds.items():
        for k, source in enumerate(sources):
            between = range(columns[source] + 1, columns[call])
            way = [source, *((call, k, column) for column in between), call]
            columns |= {place: place[2] for place in way[1:-1]}
            for left, right in pairwise(way):
                before[right].append(left)
            ways.append(way)
    after: dict[Any, list] = defaultdict(list)
    for right, lefts in before.items():
        for left in lefts:
            after[left].append(right)

    heights = {place: -float(k) for k, place in enumerate(columns)}
    for turn in range(8):
        near = after if turn % 2 else before
        for column in sorted(set(columns.values()), reverse=bool(turn % 2)):
            here = [place for place in columns if columns[place] == column]
            wish = {
                p: np.mean([heights[q] for q in near[p]]) if near[p] else heights[p]
                for p in here
            }
            here.sort(key=lambda p: -wish[p])
            # One row apart at least, and the whole column where its wishes are.
            rows = []
            for place in here:
                rows.append(min(wish[place], rows[-1] - 1) if rows else wish[place])
            shift = np.mean([wish[p] for p in here]) - np.mean(rows)
            heights |= {p: row + shift for p, row in zip(here, rows, strict=True)}
    places = {place: (columns[place], heights[place]) for place in columns}
    return places, ways


def graph(
    model: "keras.Model",
    *,
    mark: Container[str] = (),
    size: tuple[float, float] | None = None,
) -> "Figure":
    """A Sequential or functional model as boxes and arrows.

    Each box is one call of a layer and bears its name; beside the arrow that leaves it
    stands the shape of what it gives out, without the batch axis. A layer that is
    called more than once, and so shares its weights, has a thick frame at each call.
    Short models run from left to right, those of more than seven steps downwards.

    Args:
        model: built, and not a subclass with a ``call`` of its own, which has no graph.
        mark: names of layers to shade.
        size: of the figure, in inches; by default it follows the graph.

    Raises:
        ValueError: the model has no graph to draw.
    """
    if not getattr(model, "inputs", None):
        raise ValueError(
            f"{type(model).__name__} has no graph: it is not built yet, or its layers "
            "are wired by Python code in call()"
        )
    feeds, shapes = _calls(model)
    places, ways = _layout(feeds)
    steps, lanes = np.array(list(places.values())).T
    down = np.ptp(steps) > 6
    # From step and lane to inches on the page; a shape has to fit between two boxes.
    room = max(0.5, 0.15 + 0.06 * max(map(len, shapes.values())))
    long, wide = (0.85, 1.45) if down else (1.1 + room, 0.66)
    box = np.array([1.1, 0.42])

    def spot(place: Any) -> np.ndarray:
        step, lane = places[place]
        return np.array(
            [-lane * wide, -step * long] if down else [step * long, lane * wide]
        )

    spots = np.array([spot(place) for place in places])
    low, high = spots.min(axis=0) - box, spots.max(axis=0) + box
    fig, axis = plt.subplots(figsize=size or tuple(high - low))
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axis.axis("off")
    ahead = np.array([0, -box[1] / 2] if down else [box[0] / 2, 0])
    last = {c for c in feeds if not any(c in sources for sources in feeds.values())}

    drawn: Counter[tuple] = Counter()
    for way in [*ways, *([call] for call in last)]:
        ends = way[0], way[-1]
        # Several arrows from one box to another run side by side.
        aside = -0.12 * drawn[ends]
        drawn[ends] += 1
        points = [spot(place) + ([aside, 0] if down else [0, aside]) for place in way]
        points[0] = points[0] + ahead
        points[-1] = points[-1] - ahead if len(way) > 1 else points[0]
        if len(way) == 1:
            points.append(points[0] + ahead * (1.2 if down else 0.6))
        track, codes = [points[0]], [Path.MOVETO]
        for here, there in pairwise(points):
            bend = (there - here) * ([0, 0.5] if down else [0.5, 0])
            track += [here + bend, there - bend, there]
            codes += [Path.CURVE4] * 3
        look = {"arrowstyle": "-|>", "mutation_scale": 9, "color": "0.55", "zorder": 1}
        axis.add_patch(FancyArrowPatch(path=Path(track, codes), **look))
    for call, sources in feeds.items():
        name, centre = call[0], spot(call)
        shared = sum(other == name for other, _ in feeds) > 1
        frame = FancyBboxPatch(
            centre - box / 2 + 0.06,
            *(box - 0.12),
            boxstyle="round,pad=0.06",
            facecolor="#cfe3f5" if name in mark else "white",
            edgecolor="black" if sources else "0.6",
            lw=2.4 if shared else 0.8,
        )
        axis.add_patch(frame)
        text = name if len(name) < 16 else name.replace("_", "\n", 1)
        middle = {"ha": "center", "va": "center"}
        axis.text(*centre, text, fontsize=8, linespacing=0.95, **middle)
        side = {"ha": "left", "va": "center" if down else "bottom", "zorder": 2}
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        axis.text(
            *(centre + ahead + ([0.06, -0.1] if down else [0.03, 0.03])),
            shapes[call],
            fontsize=7,
            color="0.2",
            bbox=ground,
            **side,
        )
    return fig
