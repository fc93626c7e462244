"""A check answers in under a second: the median over all exercises of the course."""

import statistics
import time

import pytest

from coursekit.engine import Exercise, grade, load_exercises
from coursekit.engine.render import render
from coursekit.spine import load_course

LIMIT = 1.0
"""Seconds. Processor time, so that a busy machine does not fail the test."""


def seconds(exercise: Exercise, answer) -> float:
    start = time.process_time()
    render(grade(exercise, answer))
    return time.process_time() - start


@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_the_median_check_answers_in_a_second(kind: str, record_property) -> None:
    found = {}
    for chapter in load_course().ready:
        for id, exercise in load_exercises(chapter.number).items():
            right = exercise.variants[0]
            answer = right if kind == "right" else exercise.mistakes[-1].answer
            found[id] = seconds(exercise, answer)
    median = statistics.median(found.values())
    slowest = max(found, key=found.__getitem__)
    told = f"{kind}: median {median:.3f} s, slowest {found[slowest]:.3f} s ({slowest})"
    print(told)
    record_property("seconds", told)
    assert median < LIMIT, told
