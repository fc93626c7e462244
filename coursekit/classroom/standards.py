"""What judges a chapter, as digests, and the result of what cannot be judged."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256

from coursekit.classroom.inbox import visible
from coursekit.classroom.result import ExerciseResult, SubmissionResult
from coursekit.classroom.sources import fingerprints, told
from coursekit.spine import load_course


class Checks:
    """Digests of what judges each exercise, and blanks for what cannot be judged."""

    def __init__(self, seeds: Sequence[int]) -> None:
        """
        Args:
            seeds: first the one that draws the cases now, then those that did so in
                the gradebooks that were merged into this one.
        """
        self._seeds = seeds
        self._prints: dict[str, dict[str, str]] = {}

    def of(self, chapter: str) -> dict[str, str]:
        """By exercise id; another seed draws other cases, so it counts too."""
        prints = self._fingerprints(chapter)
        return {id: _digest(self._seeds[0], one) for id, one in prints.items()}

    def stale(self, chapter: str, known: Mapping[str, str]) -> tuple[str, ...]:
        """The exercises that were judged by other checks than those of today."""
        prints = self._fingerprints(chapter).items()
        return tuple(
            id
            for id, one in prints
            if known.get(id) not in [_digest(seed, one) for seed in self._seeds]
        )

    def _fingerprints(self, chapter: str) -> dict[str, str]:
        if chapter not in self._prints:
            self._prints[chapter] = fingerprints(load_course().chapter(chapter))
        return self._prints[chapter]

    def blank(self, chapter: str, reason: str) -> SubmissionResult:
        """The result of what could not even be opened."""
        exercises = ()
        with suppress(KeyError, OSError):
            said = told(load_course().chapter(chapter))
            exercises = tuple(
                ExerciseResult(
                    id=id,
                    name=str(one["name"]),
                    state="not attempted",
                    earned=0.0,
                    points=int(str(one["points"])),
                )
                for id, one in said.items()
            )
        return SubmissionResult(
            chapter=chapter,
            state="unreadable",
            reason=visible(reason, 500),
            exercises=exercises,
        )


def _digest(seed: int, fingerprint: str) -> str:
    return sha256(f"{seed} {fingerprint}".encode()).hexdigest()[:16]
