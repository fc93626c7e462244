"""Questions whose every choice is explained, right or wrong.

The markup is plain ``<details>``: it needs no script, so it works in JupyterLab, in
exported HTML, offline and from the keyboard.
"""

import hashlib
from collections.abc import Mapping

from coursekit.engine.render import inline


def _shuffled(
    question: str, choices: list[tuple[str, str, bool]]
) -> list[tuple[str, str, bool]]:
    # An order that tells nothing, yet is the same on every run.
    return sorted(
        choices, key=lambda c: hashlib.sha256((question + c[0]).encode()).digest()
    )


def quiz(question: str, *, right: Mapping[str, str], wrong: Mapping[str, str]) -> None:
    """Ask a question; opening a choice says whether it is right, and why.

    Args:
        question: the question; `code` in backticks is set as code.
        right: each right choice with the reason why it is right.
        wrong: each wrong choice with what it gets wrong.

    Raises:
        ValueError: there is no right choice or fewer than two wrong ones, or a
            choice is explained with nothing.
    """
    from IPython.display import display

    if not right or len(wrong) < 2:
        raise ValueError("a quiz needs a right choice and at least two wrong ones")
    choices = [(choice, why, True) for choice, why in right.items()]
    choices += [(choice, why, False) for choice, why in wrong.items()]
    if blank := [choice for choice, why, _ in choices if not why.strip()]:
        raise ValueError(f"no explanation for {blank}")
    choices = _shuffled(question, choices)
    rows = "".join(
        f"<li><details><summary>{inline(choice)}</summary>"
        f"<p><strong>{'Right.' if good else 'Not so.'}</strong> {inline(why)}</p>"
        "</details></li>"
        for choice, why, good in choices
    )
    letters = "abcdefgh"
    listed = zip(letters, choices, strict=False)
    text = [question, *(f"  {letter}) {c[0]}" for letter, c in listed)]
    text.append("Why:")
    listed = zip(letters, choices, strict=False)
    text += [f"  {k}) {'Right.' if c[2] else 'Not so.'} {c[1]}" for k, c in listed]
    display(
        {
            "text/html": f"<p><strong>{inline(question)}</strong></p>"
            f'<ul style="list-style: none">{rows}</ul>',
            "text/plain": "\n".join(text),
        },
        raw=True,
    )
