"""What ``coursekit watch`` shows: a page of text made from what is known."""

from dataclasses import dataclass, field

from coursekit import journal
from coursekit.atlas import sign
from coursekit.learner import NO_SOLUTIONS, hints_left, next_hint, solution_source
from coursekit.seat import paper
from coursekit.seat.runner import About, Verdict
from coursekit.spine import load_course

_KEYS = (
    ("h", "hint"),
    ("n", "next"),
    ("l", "list"),
    ("s", "solution"),
    ("r", "check again"),
    ("q", "quit"),
)


@dataclass
class View:
    """All that the page depends on.

    Attributes:
        exercises: those of the file, by id, in order.
        current: the id of the one in hand.
        helped: hints, solutions and remarks shown below the verdict.
        problem: why the file cannot be checked as it is.
        working: what is being done just now.
        listing: the list is shown in place of the exercise.
        keys: whether keys can be pressed.
        kept: whether progress could be written.
    """

    path: str
    exercises: dict[str, About] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    current: str = ""
    helped: list[str] = field(default_factory=list)
    problem: str = ""
    working: str = ""
    listing: bool = False
    keys: bool = True
    kept: bool = True

    def go(self, id: str) -> None:
        """Take another exercise in hand."""
        self.current, self.helped, self.listing = id, [], False

    def say(self, text: str) -> None:
        """Add a remark, unless it was the last."""
        if self.helped[-1:] != [text]:
            self.helped.append(text)

    def hint(self) -> None:
        about = self.exercises[self.current]
        self.say(next_hint(about.id, about.hints, "the key s"))

    def solution(self) -> None:
        about = self.exercises[self.current]
        if left := hints_left(about.id, about.hints):
            more = "hint is" if left == 1 else "hints are"
            self.say(
                "The solution opens after a pass or after the last hint; "
                f"{left} {more} left: press h."
            )
        elif source := solution_source(about.id):
            self.say(f"One good answer to {about.id}:\n{paper.code(source)}")
        else:
            self.say(NO_SOLUTIONS)


def page(view: View) -> str:
    """The whole page, ending where the cursor stays."""
    parts = [_head(view)]
    if view.problem:
        parts.append(paper.wrapped(view.problem))
    elif view.listing:
        parts.append(_list(view))
    elif view.current:
        parts += exercise(view)
    if not view.kept:
        parts.append(f"Progress is not kept: {journal.journal_file()} is not writable.")
    parts.append(_foot(view))
    return "\n\n".join(parts)


def _head(view: View) -> str:
    if not view.exercises:
        return paper.bold(view.path)
    course, done = load_course(), journal.standings()
    signs = "".join(sign(done.get(id)) for id in view.exercises)
    solved = f"{signs.count('●')} of {len(signs)} solved"
    chapter = course.chapter(next(iter(view.exercises)))
    title = paper.bold(f"{chapter.number} {chapter.title}")
    return f"{title}   {signs} {solved}\n{paper.dim(view.path)}"


def title(about: About) -> str:
    """What the exercise is, in a line."""
    section = load_course().section(about.id)
    return (
        f"{paper.bold(f'{about.id} {section.title}')}\n{about.name} · "
        f"{about.difficulty} · {about.minutes} minutes · {about.points} points"
    )


def exercise(view: View) -> list[str]:
    """The exercise in hand: what it is, its verdict, and what helps."""
    about = view.exercises[view.current]
    parts = [title(about)]
    if verdict := view.verdicts.get(view.current):
        parts.append(told(verdict))
    others = [
        paper.headline(verdict)
        for id, verdict in view.verdicts.items()
        if id != view.current and verdict.state in ("wrong", "error")
    ]
    parts += [paper.helped(text) for text in view.helped]
    if others:
        parts.append("\n".join(["Also in this file:", *others]))
    return parts


def told(verdict: Verdict) -> str:
    """The verdict, and what to do about it."""
    parts = [paper.told(verdict)]
    if verdict.state == "right" and solution_source(verdict.id):
        parts += ["", "s shows a reference solution to compare with yours."]
    elif verdict.state == "not attempted":
        parts.append(
            "Write your code in place of `raise NotImplementedError()` and save."
        )
    return "\n".join(parts)


def _list(view: View) -> str:
    done = journal.standings()
    course = load_course()
    lines = []
    for id, about in view.exercises.items():
        mark = ">" if id == view.current else " "
        known = sign(done.get(id))
        lines.append(
            f"{mark} {known} {id} {course.section(id).title} ({about.minutes} minutes)"
        )
    others = [id for id in view.exercises if id != view.current]
    keys = [f"Press {id[3:]} to go to {id}." for id in others[:1]]
    return "\n".join([*lines, "", *keys])


def _foot(view: View) -> str:
    working = paper.dim(f"{view.working}\n") if view.working else ""
    if not view.keys:
        return f"{working}Checks again when the file is saved."
    digits = sorted({id[3:] for id in view.exercises})
    known = [*_KEYS[:-1], *_digits(digits), _KEYS[-1]]
    keys = "   ".join(f"{paper.bold(key)} {what}" for key, what in known)
    return f"{working}{keys}\n"


def _digits(digits: list[str]) -> list[tuple[str, str]]:
    """The keys that go to an exercise: ``1–6``; none where there is but one."""
    return [(f"{digits[0]}–{digits[-1]}", "go to")] if len(digits) > 1 else []
