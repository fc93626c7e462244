"""What judges a chapter, as digests, and the result of what cannot be judged."""

from contextlib import suppress
from hashlib import sha256

from coursekit.classroom.inbox import visible
from coursekit.classroom.result import ExerciseResult, SubmissionResult
from coursekit.classroom.sources import fingerprints, told
from coursekit.spine import load_course


class Checks:
    """Digests of what judges each exercise, and blanks for what cannot be judged."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._known: dict[str, dict[str, str]] = {}

    def of(self, chapter: str) -> dict[str, str]:
        """By exercise id; another seed draws other cases, so it counts too."""
        if chapter not in self._known:
            prints = fingerprints(load_course().chapter(chapter))
            self._known[chapter] = {
                id: sha256(f"{self.seed} {one}".encode()).hexdigest()[:16]
                for id, one in prints.items()
            }
        return self._known[chapter]

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
