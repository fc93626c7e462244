"""``coursekit update``: a newer edition of the course, with the learner's work in it.

What a learner wrote is known by comparing with what the course once gave them: in a
clone of git the commit they are on, in a student edition its own record. Every file of
theirs that is touched is copied first. The files come first and git's or the edition's
record last, so that a run which was interrupted is simply run again.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from coursekit import journal
from coursekit.seat import kept
from coursekit.seat.editions import (
    Commit,
    Edition,
    Folder,
    Git,
    GitFailed,
    NoEdition,
    Recorded,
    unpack,
)
from coursekit.seat.merge import Lost
from coursekit.seat.news import new_tasks, ready, told
from coursekit.seat.plan import Plan, Readable, apply, make
from coursekit.spine import ROOT

ABOUT = """\
Bring the course up to date. Your answers, cells and notes stay; tasks and checks become
new; whatever of yours is touched is copied first. In a clone of git the newer course
comes from there; a student edition is updated from a new folder or zip (--from).
"""


def from_git(root: Path, dry: bool = False) -> str:
    """Update a clone; returns what to tell the learner.

    Raises:
        NoEdition: it cannot be done; nothing was changed.
    """
    git = Git(root)
    upstream = _upstream(git)
    head, new = git.ask("rev-parse", "HEAD"), git.ask("rev-parse", upstream)
    base = git.ask("merge-base", head, new)
    if base == new:
        return "The course is up to date."
    edition = Commit(git, new)
    plan = make(root, Commit(git, base), edition, prune=True)
    if dry:
        return told(root, plan, edition, dry=True)
    words = _carry_out(root, plan, edition)
    if base == head:
        git.run("reset", "--quiet", new)  # moves the branch, touches no file
    else:
        _join(git, head, new, plan)
    return words


def _upstream(git: Git) -> str:
    """Fetch; the name of the branch that the clone follows.

    Raises:
        NoEdition: there is none, it cannot be reached, or a merge is under way.
    """
    if not git.is_clone():
        raise NoEdition(
            "This course is no clone of git, so it does not know where a newer one "
            "is. Get the new folder or zip, then: coursekit update --from PATH"
        )
    for state in ("MERGE_HEAD", "rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD"):
        if Path(git.root, git.ask("rev-parse", "--git-path", state)).exists():
            raise NoEdition(
                "A merge is under way in this clone: finish it (git status says how), "
                "then update again."
            )
    try:
        name = git.ask("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{u}")
    except GitFailed:
        raise NoEdition(
            "This clone follows no branch of another repository, so there is nothing "
            "to update from. With a folder or zip: coursekit update --from PATH"
        ) from None
    try:
        git.run("fetch", "--quiet", name.partition("/")[0])
    except GitFailed as error:
        raise NoEdition(
            f"The course's repository cannot be reached ({error}). Nothing was changed."
        ) from error
    return name


def _join(git: Git, head: str, new: str, plan: Plan) -> None:
    """Record that both histories meet here: the learner has commits of their own."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git.run("read-tree", head, **index)
        for step in plan.steps:
            if step.data is None:
                git.run("update-index", "--force-remove", step.path, **index)
                continue
            sha = git.ask("hash-object", "-w", "--stdin", data=step.data)
            mode = "100755" if step.executable else "100644"
            what = f"{mode},{sha},{step.path}"
            git.run("update-index", "--add", "--cacheinfo", what, **index)
        tree = git.ask("write-tree", **index)
    who = []
    for key, value in (("user.name", "learner"), ("user.email", "learner@localhost")):
        try:
            git.ask("config", key)
        except GitFailed:
            who += ["-c", f"{key}={value}"]
    parents = ("-p", head, "-p", new)
    message = "Update of the course"
    commit = git.ask(*who, "commit-tree", tree, *parents, "-m", message)
    git.run("reset", "--quiet", commit)


def from_path(root: Path, source: Path, dry: bool = False) -> str:
    """Update from a folder or a zip; returns what to tell the learner.

    Raises:
        NoEdition: it cannot be done; nothing was changed.
    """
    if not source.exists():
        raise NoEdition(f"There is no {source}.")
    with tempfile.TemporaryDirectory() as scratch:
        place = source if source.is_dir() else unpack(source, Path(scratch))
        if place.resolve() == root.resolve():
            raise NoEdition(f"{source} is the very course that you are in.")
        new = Folder(place)
        _same_kind(root, new)
        plan = make(root, _received(root), new, prune=False)
        if not plan.steps:
            return "The course is up to date."
        if dry:
            return told(root, plan, new, dry=True)
        return _carry_out(root, plan, new)


def _received(root: Path) -> Edition:
    """What the course gave the learner, as far as that is known."""
    git = Git(root)
    try:
        if git.is_clone():
            return Commit(git, git.ask("merge-base", "HEAD", "@{u}"))
    except GitFailed:
        pass  # what is committed may be the learner's own
    return Recorded.of(root)


def _same_kind(root: Path, new: Folder) -> None:
    """Refuse what would take something away.

    Raises:
        NoEdition: it is the students' edition of a full course or the reverse, or
            lacks a chapter.
    """
    full = [(place / "coursekit" / "classroom").is_dir() for place in (root, new.root)]
    if full == [True, False]:
        raise NoEdition(
            f"{new.root} is a student edition, and this is the full course: its "
            "solutions and the tools for teachers would no longer fit. "
            "Nothing was changed."
        )
    here = ready((root / "coursekit" / "syllabus.toml").read_bytes())
    there = ready(new.read("coursekit/syllabus.toml"))
    if missing := [stem for stem in here if stem not in there]:
        raise NoEdition(
            f"{new.root} lacks chapter {', '.join(s[:2] for s in missing)}, which you "
            "have: ask for an edition with all chapters so far. Nothing was changed."
        )


def _carry_out(root: Path, plan: Plan, new: Readable) -> str:
    """Copy what is the learner's, then write; returns what to tell them."""
    words = told(root, plan, new)
    if plan.copied or plan.trouble:
        place = kept.new_place("update")
        for step in plan.copied:
            kept.keep(root / step.path, place, root)
        for path, trouble in plan.trouble.items():
            if trouble == "unreadable":
                copy = place / f"{path[:-6]} (new).ipynb"
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(new.read(path))
        words += f"\nCopies of your files, as they were, are in\n  {kept.shown(place)}"
    for step in plan.steps:
        apply(root, step)
    _remember(plan)
    return words


def _remember(plan: Plan) -> None:
    """Let the journal know which solved exercises have another task now."""
    done = journal.standings()
    for id in new_tasks(plan):
        if id in done and done[id].right:
            journal.record(id, "changed")


def main(arguments: list[str]) -> int:
    """``coursekit update [--from PATH] [--dry-run]``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="coursekit update", description=ABOUT)
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="PATH", help="a folder or a zip"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what it would do")
    given = parser.parse_args(arguments)
    try:
        if given.source:
            print(from_path(ROOT, given.source, given.dry_run))
        else:
            print(from_git(ROOT, given.dry_run))
    except (NoEdition, Lost, OSError) as error:
        print(f"coursekit update: {error}", file=sys.stderr)
        return 2
    return 0
