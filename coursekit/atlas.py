"""The map of the course with the learner's progress, and what to do next."""

import html
import re
from collections.abc import Iterator, Mapping

from coursekit.engine.render import Rendered, linked
from coursekit.journal import Standing
from coursekit.spine import Chapter, Course, Section

Done = Mapping[str, Standing]
Quizzes = Mapping[str, Mapping[str, bool]]

SOLVED, BEGUN, OPEN = "●", "◐", "○"
_KEY = f"{SOLVED} solved   {BEGUN} in progress   {OPEN} not begun"
_FEW = 5


def sign(standing: Standing | None) -> str:
    """One character for an exercise: solved, in progress, not begun."""
    if standing is None:
        return OPEN
    return SOLVED if standing.right else BEGUN


def sections(course: Course) -> list[Section]:
    """The sections of all chapters that are written, in order."""
    return [section for chapter in course.ready for section in chapter.sections]


def next_section(course: Course, done: Done) -> Section | None:
    """The section to go on with; None when every exercise is solved.

    That is the one in hand, or the first open one after what was done last, for the
    course need not be taken in order.
    """
    all_of = sections(course)
    touched = [i for i, section in enumerate(all_of) if section.id in done]
    here = max(touched, key=lambda i: done[all_of[i].id].last, default=0)
    for section in all_of[here:] + all_of[:here]:
        if section.id not in done or not done[section.id].right:
            return section
    return None


def next_step(course: Course, done: Done) -> str:
    """What to do next, in one sentence."""
    section = next_section(course, done)
    if section is None:
        return "Every exercise that is written so far is solved."
    if section.id in done:
        return f"Next: go on with exercise {section.id}, {section.title}."
    return f"Next: section {section.id}, {section.title}, and its exercise."


def _state(chapter: Chapter, done: Done, quizzes: Quizzes) -> str:
    if not chapter.ready:
        return "in preparation"
    standings = [done.get(section.id) for section in chapter.sections]
    signs = "".join(map(sign, standings))
    state = f"{signs} {signs.count(SOLVED)} of {len(signs)} solved"
    if asked := quizzes.get(chapter.number):
        total = max(_questions(chapter), len(asked))
        state += f", quiz {sum(asked.values())} of {total}"
    return state


def _questions(chapter: Chapter) -> int:
    """How many quiz questions the lesson has."""
    try:
        lesson = chapter.lesson.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return 0
    return len(re.findall(r'"ck\.quiz\(', lesson))  # each begins a line of its cell


def _remarks(course: Course, done: Done) -> Iterator[str]:
    """What deserves attention, a sentence each, what is next last."""
    known = [(s, done[s.id]) for s in sections(course) if s.id in done]
    begun = [f"{s.id} {s.title}" for s, standing in known if not standing.right]
    if begun:
        yield f"In progress: {_listed(begun)}."
    again = []
    for section, standing in known:
        if standing.revisit:
            again.append(f"{section.id} ({standing.revisit})")
        elif standing.changed:
            again.append(f"{section.id} (its task has changed since you solved it)")
        elif standing.slipped:
            again.append(f"{section.id} (solved, but its last check was not right)")
    if again:
        yield f"Worth another look: {_listed(again)}."
    yield next_step(course, done)


def _listed(items: list[str]) -> str:
    more = [f"and {len(items) - _FEW} more"] if len(items) > _FEW else []
    return "; ".join([*items[:_FEW], *more])


def course_map(course: Course, done: Done, quizzes: Quizzes | None = None) -> Rendered:
    """The map of the course with the learner's progress.

    Links are relative to a folder beside ``notebooks/``, where every notebook lives.

    Args:
        course: its modules and chapters.
        done, quizzes: the learner's, as the journal has them.
    """
    rows, lines = [], []
    width = max(len(chapter.title) for chapter in course.chapters)
    for module in course.modules:
        rows.append(
            '<tr><th colspan="3" scope="colgroup" style="text-align: left">'
            f"{html.escape(module.title)}</th></tr>"
        )
        lines.append(module.title)
        for chapter in module.chapters:
            state = _state(chapter, done, quizzes or {})
            lines.append(f"  {chapter.number} {chapter.title:<{width}}  {state}")
            title = f"{chapter.number} {html.escape(chapter.title)}"
            links = ""
            if chapter.ready:
                stem = f"{chapter.stem}.ipynb"
                title = f'<a href="../notebooks/{stem}">{title}</a>'
                links = f'<a href="../exercises/{stem}">exercises</a>'
            cells = (title, links, state)
            rows.append(
                "<tr>"
                + "".join(f'<td style="text-align: left">{c}</td>' for c in cells)
                + "</tr>"
            )
    remarks = list(_remarks(course, done))
    told = "".join(f"<p>{linked(remark)}</p>" for remark in reversed(remarks))
    return Rendered(  # what matters most stands first on a page, last in a terminal
        f"{told}<table>{''.join(rows)}</table><p>{_KEY}</p>",
        "\n".join([*lines, "", _KEY, "", *remarks]),
    )
