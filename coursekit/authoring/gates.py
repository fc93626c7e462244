"""What every lesson and every solutions notebook must live up to.

A gate takes a notebook, and the chapter where it needs one, and returns the problems
that it found, one precise line each; an empty list means that the gate is passed.
"""

import ast
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from coursekit.authoring.files import Node, label
from coursekit.authoring.lint import ON_PURPOSE, calls, count_lines
from coursekit.authoring.tidy import IGNORED, code_cells, noise, tags
from coursekit.spine import Chapter

CLOSING = ("Recap", "Quiz", "For the teacher", "Further reading")
TRAP = "**Trap.**"
MIN_ALT = 20
"""Characters; less cannot describe a figure."""


@dataclass
class Part:
    """A ``## `` part of a notebook: its title and its cells, heading included."""

    title: str
    cells: list[tuple[int, Node]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its prose, without code blocks."""
        cells = (c for _, c in self.cells if c.cell_type == "markdown")
        return "\n\n".join(prose(cell.source) for cell in cells)

    @property
    def code(self) -> list[tuple[int, Node]]:
        return [(i, cell) for i, cell in self.cells if cell.cell_type == "code"]


_FENCED = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.M | re.S)


def prose(markdown: str) -> str:
    """Markdown without its fenced code."""
    return _FENCED.sub("", markdown)


def words(markdown: str) -> int:
    """The words of a text, without fenced code, addresses and tags."""
    text = re.sub(r"\]\([^)]*\)|<[^>]+>|https?://\S+", "]", prose(markdown))
    return len(re.findall(r"[^\W_]+(?:['’.-][^\W_]+)*", text))


def parts(nb: Node) -> list[Part]:
    """The notebook cut at its ``## `` headings; what comes before has the title ""."""
    found = [Part("")]
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            found.append(Part(cell.source.splitlines()[0].removeprefix("## ").strip()))
        found[-1].cells.append((index, cell))
    return found


# ---------------------------------------------------------------- anatomy


def headings(nb: Node, chapter: Chapter) -> list[str]:
    """Title, six sections as in the syllabus, the four closing parts, in order."""
    problems = []
    first = nb.cells[0].source.splitlines()[0] if nb.cells else ""
    if not first.startswith("# ") or chapter.title not in first:
        problems.append(f"the first line is {first!r}, not '# … {chapter.title}'")
    wanted = [f"{s.id} {s.title}" for s in chapter.sections] + [*CLOSING]
    got = [part.title for part in parts(nb)[1:]]
    if got != wanted:
        missing = [t for t in wanted if t not in got]
        extra = [t for t in got if t not in wanted]
        problems += [f"no part '## {title}'" for title in missing]
        problems += [f"'## {title}' is not in the syllabus" for title in extra]
        if not missing and not extra:
            problems.append(f"the parts come in another order: {got}")
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown":
            _, *rest = prose(cell.source).splitlines() or [""]
            if any(re.match(r"#{1,2} ", line) for line in rest):
                where = label(cell, index)
                problems.append(f"{where}: a heading is not the first line of its cell")
    return problems


def opening(nb: Node, chapter: Chapter) -> list[str]:
    """Before the first section: why, objectives, what it builds on, what it takes."""
    start = parts(nb)[0]
    text = start.text
    problems = []
    blocks = [b for b in re.split(r"\n\s*\n", text) if not re.match(r"[#\-*>|\d]", b)]
    if not any(words(block) >= 25 for block in blocks):
        problems.append("opening: no paragraph that says why (25 words or more)")
    lists = re.split(r"\n\s*\n", text)
    sizes = [len(re.findall(r"^\s{0,3}(?:[-*+]|\d+[.)]) ", b, re.M)) for b in lists]
    if 6 not in sizes:
        problems.append("opening: no list of six objectives, one for each section")
    if not re.search(r"\bbuilds? on\b", text, re.I):
        problems.append("opening: does not say what the lesson builds on")
    minutes = re.search(r"\b(\d+) minutes\b", text)
    if not minutes:
        problems.append("opening: no minutes to study")
    elif chapter.minutes and int(minutes[1]) != chapter.minutes:
        problems.append(
            f"opening: says {minutes[1]} minutes, the syllabus {chapter.minutes}"
        )
    seconds = re.search(r"\b(\d+) seconds\b", text)
    if not seconds:
        problems.append("opening: no seconds to run")
    elif int(seconds[1]) != chapter.seconds:
        problems.append(
            f"opening: says {seconds[1]} seconds, the syllabus {chapter.seconds}"
        )
    return problems + setup_first(nb)


def setup_first(nb: Node) -> list[str]:
    """The first code cell imports coursekit and calls ``ck.setup()``; no other does."""
    problems = []
    code = code_cells(nb)
    lines = code[0].source.split("\n") if code else []
    if "import coursekit as ck" not in lines or not _sets_up(code[0]):
        problems.append("the first code cell is not the setup cell")
    if sum(map(_sets_up, code)) > 1:
        problems.append("more than one setup cell")
    return problems


def _sets_up(cell: Node) -> bool:
    return re.search(r"^ck\.setup\(", cell.source, re.M) is not None


def sections(nb: Node, chapter: Chapter) -> list[str]:
    """Each section: a question, code, the trap run for real, its exercise."""
    problems = []
    by_id = {part.title.split(" ")[0]: part for part in parts(nb)}
    for section in chapter.sections:
        if section.id not in by_id:
            continue  # told by ``headings``
        found = _section(by_id[section.id], section.id, chapter)
        problems += [f"section {section.id}: {problem}" for problem in found]
    return problems


def _section(part: Part, id: str, chapter: Chapter) -> Iterator[str]:
    if not part.code:
        yield "no code cell"
    if not re.search(
        r"[\w`)\"*]\?(?=[\s*_\"”)]|$)", re.sub(r"`[^`]*`", "x", part.text)
    ):
        yield "asks no question"
    link = f"](../exercises/{chapter.stem}.ipynb"
    if not any(link in line and id in line for line in part.text.splitlines()):
        yield f"no link to exercise {id}: a line with {id} and …{link})"
    traps = [
        index
        for index, cell in part.cells
        if cell.cell_type == "markdown"
        and any(line.startswith(TRAP) for line in prose(cell.source).splitlines())
    ]
    if not traps:
        yield f"no trap: a line that begins {TRAP}"
    elif not any(index > traps[0] for index, _ in part.code):
        yield "the trap is told, but no code cell after it runs it"


def closing(nb: Node) -> list[str]:
    """A recap to keep, a quiz, notes for the teacher, something to read on."""
    problems = []
    by_title = {part.title: part for part in parts(nb)}
    minimum = {"Recap": 20, "For the teacher": 40, "Further reading": 10}
    for title, least in minimum.items():
        count = words(by_title[title].text) if title in by_title else least
        if count < least:
            problems.append(f"'{title}' has {count} words")
    recap = by_title.get("Recap")
    if recap and not re.search(r"^(\||[-*] |\d+\. )", recap.text, re.M):
        problems.append("'Recap' has no table and no list to keep")
    reading = by_title.get("Further reading")
    if reading and not re.search(r"\]\(https://", reading.text):
        problems.append("'Further reading' links to nothing")
    return problems


def quiz(nb: Node) -> list[str]:
    """Five questions or more, one to a cell, every choice explained."""
    asked = list(calls(nb, "ck.quiz"))
    problems = []
    if len(asked) < 5:
        problems.append(f"{len(asked)} quiz questions; five are wanted")
    inside = {i for part in parts(nb) if part.title == "Quiz" for i, _ in part.cells}
    for index, cell, call in asked:
        place = label(cell, index)
        if index not in inside:
            problems.append(f"{place}: a question outside the part 'Quiz'")
        if sum(i == index for i, *_ in asked) > 1:
            problems.append(f"{place}: more than one question in a cell")
        choices = {k.arg: k.value for k in call.keywords}
        problems += [
            f"{place}: {problem}"
            for kind, least in (("right", 1), ("wrong", 2))
            for problem in _choices(kind, least, choices.get(kind))
        ]
    return list(dict.fromkeys(problems))


def _choices(kind: str, least: int, given: ast.expr | None) -> Iterator[str]:
    try:
        explained = ast.literal_eval(given) if given else {}
    except ValueError:
        yield f"the {kind} choices are not written out"
        return
    if len(explained) < least:
        yield f"{len(explained)} {kind} choices; at least {least}"
    for choice, why in explained.items():
        if len(str(why).split()) < 4:
            yield f"the {kind} choice {choice!r} is not explained"


# ------------------------------------------------------------------ style


def style(nb: Node) -> list[str]:
    """Size and rhythm: cells, lines to a cell, words to a line, comments."""
    problems = []
    if not 27 <= len(nb.cells) <= 130:
        problems.append(f"{len(nb.cells)} cells; between 27 and 130 are wanted")
    questions = {index for index, *_ in calls(nb, "ck.quiz")}
    code = comments = count = row = 0
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code" or _sets_up(cell) or index in questions:
            row = 0
            continue  # a quiz is prose in the form of code
        row += 1
        if row == 4:
            problems.append(f"{label(cell, index)}: the fourth code cell in a row")
        lines, notes = count_lines(cell.source)
        code, comments, count = code + lines, comments + notes, count + 1
        if lines > 20 and not cell.metadata.get("why"):
            problems.append(f'{label(cell, index)}: {lines} lines and no "why"')
    if not code:
        return [*problems, "no code"]
    if count > 65:
        problems.append(f"{count} code cells; at most 65 are wanted")
    text = sum(words(c.source) for c in nb.cells if c.cell_type == "markdown")
    if (mean := code / count) > 7:
        problems.append(f"{mean:.1f} lines to a code cell; at most 7 are wanted")
    if not 6 <= (ratio := text / code) <= 20:
        problems.append(f"{ratio:.1f} words to a line of code; 6 to 20 are wanted")
    if (share := comments / (code + comments)) > 0.15:
        problems.append(f"{share:.0%} of the lines are comments; prose explains")
    return problems


# ---------------------------------------------------------------- outputs


def outputs(nb: Node) -> list[str]:
    """Executed from top to bottom, clean, and compared by nbval almost everywhere."""
    problems = noise(nb)
    code = [cell for cell in code_cells(nb) if cell.source.strip()]
    counts = [cell.get("execution_count") for cell in code]
    if counts != [*range(1, len(code) + 1)]:
        problems.append(f"not executed from top to bottom: {counts}")
    if not any(cell.outputs for cell in code):
        problems.append("no stored outputs")
    loose = 0
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        place = label(cell, index)
        marks = {*tags(cell)} & {IGNORED, "nbval-skip", "raises-exception", ON_PURPOSE}
        loose += bool(marks - {ON_PURPOSE})
        if marks and not str(cell.metadata.get("why", "")).strip():
            problems.append(f'{place}: tagged {", ".join(sorted(marks))} without "why"')
        if marks & {"nbval-skip", "raises-exception"}:
            problems.append(f"{place}: catch the exception and print it in one line")
        if re.search(r"^\s*#\s*(NBVAL|PYTEST_VALIDATE)_", cell.source, re.M):
            problems.append(f"{place}: use a tag, not an NBVAL comment")
    if code and loose > 0.15 * len(code):
        problems.append(f"{loose} of {len(code)} code cells are not compared strictly")
    return problems


_IMG = re.compile(r"<img\b[^>]*>", re.I)
_ALT = re.compile(r"""\balt=(?:"([^"]*)"|'([^']*)')""", re.I)
_MARKDOWN_IMAGE = re.compile(r"!\[([^\]]*)\]\(")


def alt_text(nb: Node) -> list[str]:
    """Every figure and image says in words what is to be seen."""
    problems = []
    for index, cell in enumerate(nb.cells):
        place = label(cell, index)
        if cell.cell_type == "markdown":
            texts = [*_MARKDOWN_IMAGE.findall(prose(cell.source)), *_alts(cell.source)]
        else:
            texts = [alt for output in cell.outputs for alt in _shown(output)]
            if re.search(r"\b(plt|fig\w*)\.show\(", cell.source):
                problems.append(f"{place}: show figures with ck.show(fig, alt=…)")
            if any(_is_bare_figure(output) for output in cell.outputs):
                problems.append(f"{place}: a figure that did not go through ck.show")
        for text in texts:
            if len(text.strip()) < MIN_ALT:
                problems.append(f"{place}: image with alt text {text.strip()!r}")
    return problems


def _alts(text: str) -> list[str]:
    """The alt texts of all HTML images; "" for an image that has none."""
    found = [_ALT.search(tag) for tag in _IMG.findall(text)]
    return [html.unescape(m[1] or m[2] or "") if m else "" for m in found]


def _shown(output: Node) -> list[str]:
    data = output.get("data", {})
    bare = ["" for mime in data if mime.startswith("image/")]  # can carry no alt text
    return bare + _alts(data.get("text/html", ""))


def _is_bare_figure(output: Node) -> bool:
    text = output.get("data", {}).get("text/plain", "")
    return re.match(r"<Figure size|\[?<matplotlib\.", text) is not None


# -------------------------------------------------------------- exercises


def triples(nb: Node, chapter: Chapter) -> list[str]:
    """The solutions notebook: a task, an answer and a check for each section."""
    problems = setup_first(nb)
    cells = {cell.id: (index, cell) for index, cell in enumerate(nb.cells)}
    for section in chapter.sections:
        ids = [f"{kind}-{section.id.replace('.', '-')}" for kind in _ROLES]
        if missing := [id for id in ids if id not in cells]:
            problems.append(f"exercise {section.id}: no cell {', '.join(missing)}")
            continue
        task, answer, check = (cells[id] for id in ids)
        if not task[0] < answer[0] < check[0]:
            problems.append(f"exercise {section.id}: its cells are not in order")
        for (_, cell), role in zip((task, answer, check), _ROLES.values(), strict=True):
            problems += [f"{cell.id}: {p}" for p in role(cell, section.id, chapter)]
    known = {
        f"{kind}-{s.id.replace('.', '-')}" for kind in _ROLES for s in chapter.sections
    }
    for index, cell in enumerate(nb.cells):
        if "nbgrader" in cell.metadata and cell.id not in known:
            problems.append(f"{label(cell, index)}: graded, but in no section")
    return problems


def _task(cell: Node, id: str, chapter: Chapter) -> Iterator[str]:
    if cell.cell_type != "markdown" or not cell.source.startswith(f"## {id} "):
        yield f"does not begin with '## {id} '"
    if not re.search(r"^\*[\w-]+ · \d+ minutes · \d+ points?\*$", cell.source, re.M):
        yield "no line '*difficulty · minutes · points*'"
    if f"](../notebooks/{chapter.stem}.ipynb" not in cell.source:
        yield "no link to the lesson"


def _answer(cell: Node, id: str, chapter: Chapter) -> Iterator[str]:
    yield from _nbgrader(cell, grade=False, solution=True, locked=False)
    if "### BEGIN SOLUTION" not in cell.source or "### END SOLUTION" not in cell.source:
        yield "no solution region"


def _check(cell: Node, id: str, chapter: Chapter) -> Iterator[str]:
    yield from _nbgrader(cell, grade=True, solution=False, locked=True)
    if cell.source != f'ck.check("{id}")':
        yield f'is not exactly ck.check("{id}")'
    if not cell.metadata.get("nbgrader", {}).get("points", 0) > 0:
        yield "is worth no points"


def _nbgrader(cell: Node, **roles: bool) -> Iterator[str]:
    given = dict(cell.metadata.get("nbgrader", {}))
    given.pop("points", None)
    wanted = {"schema_version": 3, "task": False, "grade_id": cell.id, **roles}
    if cell.cell_type != "code":
        yield "is not a code cell"
    if given != wanted:
        yield f"its nbgrader metadata is {given}, not {wanted}"


_ROLES: dict[str, Callable[[Node, str, Chapter], Iterator[str]]] = {
    "task": _task,
    "answer": _answer,
    "check": _check,
}

LESSON_GATES: dict[str, Callable[[Node, Chapter], list[str]]] = {
    "headings": headings,
    "opening": opening,
    "sections": sections,
    "closing": lambda nb, _: closing(nb),
    "quiz": lambda nb, _: quiz(nb),
    "style": lambda nb, _: style(nb),
}
"""What a lesson must be; what any notebook must be stands in `outputs`, `alt_text`."""
