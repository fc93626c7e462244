"""An exercise as a recording: a check that works where nothing may solve it.

In the student edition the module of an exercise holds its probe, as it is, and ends
with ``EXERCISE = load(__file__, probe)``. The rest lies beside it as JSON: the cases of
the notebook's seed, what is expected for each, and what each mistake gave. Neither the
oracle nor a mistake's code is needed to judge an answer and to name the misconception.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from coursekit.engine.exercise import Answer, Case, Exercise, Mistake, call
from coursekit.engine.grading import NOTEBOOK_SEED, run
from coursekit.engine.plain import Opaque, Plain, Raised, to_plain

Probe = Callable[[Answer, Case], Plain]
_TEXTS = ("id", "name", "points", "minutes", "difficulty", "hints", "explain")
_TOLERANCES = ("rtol", "atol")


@dataclass(frozen=True)
class Playback:
    """What an answer gave for each case, in place of the answer."""

    outputs: tuple[Plain, ...]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a recording can be looked at, not called")


def record(exercise: Exercise, seed: int = NOTEBOOK_SEED) -> dict[str, Any]:
    """The exercise as JSON data, without its code; runs the oracle and the mistakes."""
    cases = exercise.cases(seed)
    mistakes = [
        {
            "name": mistake.name,
            "says": mistake.says,
            "outputs": [encode(_output(exercise, mistake, case)) for case in cases],
        }
        for mistake in exercise.mistakes
    ]
    return {
        **{name: getattr(exercise, name) for name in _TEXTS + _TOLERANCES},
        "cases": [
            {"group": c.group, "call": c.call, "args": encode(c.args)} for c in cases
        ],
        "expected": [encode(to_plain(exercise.expected(case))) for case in cases],
        "mistakes": mistakes,
    }


def _output(exercise: Exercise, mistake: Mistake, case: Case) -> Plain:
    """What a mistake gives, without the line of its code that raised."""
    output = run(exercise, mistake.answer, case)
    if isinstance(output, Raised):
        output = replace(output, line=None, source="")
    return output


def restore(
    row: Mapping[str, Any], probe: Probe = call, kind: type[Exercise] = Exercise
) -> Exercise:
    """The exercise of a recording; its cases are the recorded ones, whatever the seed.

    Args:
        row: what :func:`record` gave.
        probe: the exercise's probe.
        kind: its class, where it judges in a way of its own.
    """
    cases = tuple(
        Case(case["group"], decode(case["args"]), case["call"]) for case in row["cases"]
    )
    expected = [decode(value) for value in row["expected"]]

    def place(case: Case) -> int:
        return next(i for i, known in enumerate(cases) if known is case)

    def replaying(answer: Answer, case: Case) -> Plain:
        if isinstance(answer, Playback):
            return answer.outputs[place(case)]
        return probe(answer, case)

    return kind(
        **{name: row[name] for name in _TEXTS + _TOLERANCES}
        | {"hints": tuple(row["hints"])},
        inputs=lambda rng: cases,
        expected=lambda case: expected[place(case)],
        probe=replaying,
        variants=(),
        mistakes=tuple(
            Mistake(m["name"], m["says"], Playback(tuple(map(decode, m["outputs"]))))
            for m in row["mistakes"]
        ),
    )


def load(module: str, probe: Probe = call, kind: type[Exercise] = Exercise) -> Exercise:
    """The exercise recorded beside its module: same name, with ``.json``.

    Args:
        module: the module's ``__file__``.
        probe, kind: as in :func:`restore`.
    """
    text = Path(module).with_suffix(".json").read_text(encoding="utf-8")
    return restore(json.loads(text), probe, kind)


def encode(value: Plain) -> Any:
    """Plain data as JSON data.

    Raises:
        TypeError: it is not plain data.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [encode(item) for item in value]
        case tuple():
            return {"tuple": [encode(item) for item in value]}
        case dict():
            return {"dict": [[key, encode(item)] for key, item in value.items()]}
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
        case complex():
            return {"complex": [value.real, value.imag]}
        case np.ndarray() if not value.dtype.hasobject:
            # bfloat16 and its relatives say "V2" of themselves
            kind = value.dtype.name if value.dtype.kind == "V" else value.dtype.str
            data = base64.b64encode(value.tobytes()).decode()
            return {"array": [kind, list(value.shape), data]}
        case Opaque():
            return {"opaque": asdict(value)}
        case Raised():
            return {"raised": asdict(value)}
    raise TypeError(f"{type(value).__name__} is not plain data")


def decode(value: Any) -> Plain:
    """The plain data that :func:`encode` took."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    [(kind, inner)] = value.items()
    match kind:
        case "tuple":
            return tuple(decode(item) for item in inner)
        case "dict":
            return {key: decode(item) for key, item in inner}
        case "bytes":
            return base64.b64decode(inner)
        case "complex":
            return complex(*inner)
        case "array":
            name, shape, data = inner
            flat = np.frombuffer(base64.b64decode(data), dtype=_dtype(name))
            return flat.reshape(shape).copy()
        case "opaque":
            return Opaque(**inner)
    return Raised(**inner)


def _dtype(name: str) -> np.dtype:
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))
