"""Exercise 04.6: ``Feed``."""

import os
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


class _ProbeReader:
    """Reads from the answer, and notes what it gets."""

    def __init__(self, feed: object) -> None:
        self.feed = feed
        self.kinds: set[str] = set()

    def take(self, count: int) -> list:
        return [self.one() for _ in range(count)]

    def one(self) -> Plain:
        value = self.feed.next()
        if isinstance(value, np.ndarray | np.generic):
            self.kinds.add("NumPy")
        else:
            self.kinds.add("tensors" if tf.is_tensor(value) else type(value).__name__)
        return to_plain(value)

    def rest(self, most: int) -> tuple[list, str]:
        """All that is left, and how it ends."""
        found = []
        while len(found) <= most:
            try:
                found.append(self.one())
            except (StopIteration, tf.errors.OutOfRangeError) as end:
                return found, type(end).__name__
        return found, f"none after {most} elements"


def _probe_feed(answer: Answer, case: Case) -> Plain:
    with tempfile.TemporaryDirectory() as outer:
        folder = os.path.join(outer, "bookmarks")
        os.mkdir(folder)
        what, *args = case.args
        if what == "shuffled":
            return _probe_shuffled(answer, folder, *args)
        return _probe_script(answer, folder, *args)


def _probe_script(answer: Answer, folder: str, rows: np.ndarray, script: str) -> Plain:
    """Digits: so many elements; s: a bookmark; |: the next process."""
    dataset = tf.data.Dataset.from_tensor_slices(rows)
    reader, found, part, kinds = None, {}, [], set()
    for number, process in enumerate(script.split("|"), 1):
        if number > 1:  # on another machine, where the old folder is not
            folder = shutil.move(folder, f"{folder}{number}")
        reader = _ProbeReader(answer(dataset, folder))
        part = []
        for step in process:
            if step == "s":
                reader.feed.save()
            elif step == "*":
                more, end = reader.rest(len(rows) + 2)
                part, found["at the end"] = part + more, end
            else:
                part += reader.take(int(step))
        kinds |= reader.kinds
        found[f"process {number}"] = part
    return {"values": " and ".join(sorted(kinds))} | found


def _probe_shuffled(answer: Answer, folder: str, total: int, first: int) -> Plain:
    """Two processes that shuffle with other seeds; what the first would have read."""
    numbers = tf.data.Dataset.range(total)
    one = _ProbeReader(answer(numbers.shuffle(total, seed=1), folder))
    before = one.take(first)
    one.feed.save()
    folder = shutil.move(folder, f"{folder}2")
    other = _ProbeReader(answer(numbers.shuffle(total, seed=2), folder))
    after, _ = other.rest(total + 2)
    planned, _ = one.rest(total + 2)
    read = [int(value) for value in before + after]
    return {
        "read twice": "some" if len(set(read)) < len(read) else "none",
        "never read": "some" if len(set(read)) < total else "none",
        "the rest": "as it would have come" if after == planned else "in another order",
    }


def _feed_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, script: str, told: str) -> Case:
        rows = rng.permutation(np.arange(10, 99))[:14].reshape(7, 2)
        return Case(group, ("script", rows, script), f"{told}; 7 elements")

    first, lost = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    total = int(rng.integers(30, 40))
    part = int(rng.integers(10, 15))
    return [
        case(
            "goes on behind the bookmark",
            f"{first}s{lost}|*",
            f"next {first} times, save, next {lost} times; another process reads all",
        ),
        case(
            "the last bookmark counts",
            f"1s1{'s' * 8}{lost}s1|1s1|*",
            f"next, save, next, save 8 times, next {lost} times, save, next; another "
            "process: next, save, next; a third one reads all",
        ),
        Case(
            "a shuffled pass",
            ("shuffled", total, part),
            f"{part} of {total} shuffled elements, save; another process reads all",
        ),
        case(
            "no bookmark, and the end",
            "2|*s|*",
            "next twice; another process reads all, save; a third one reads all",
        ),
    ]


def _feed_expected(case: Case) -> Plain:
    what, *args = case.args
    if what == "shuffled":
        return {
            "read twice": "none",
            "never read": "none",
            "the rest": "as it would have come",
        }
    rows, script = args
    found, bookmark = {}, 0
    for number, process in enumerate(script.split("|"), 1):
        place = start = bookmark
        for step in process:
            if step == "s":
                bookmark = place
            else:
                place = len(rows) if step == "*" else place + int(step)
        found[f"process {number}"] = [*rows[start:place]]
    return {"values": "NumPy"} | found | {"at the end": "StopIteration"}


class _Feed:
    """A right answer in parts that the mistakes replace."""

    def __init__(self, ds, folder):
        self.iterator = iter(ds)
        checkpoint = tf.train.Checkpoint(iterator=self.iterator)
        self.manager = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=None)
        self.resume()

    def resume(self):
        if self.manager.latest_checkpoint:
            self.manager.checkpoint.restore(self.manager.latest_checkpoint)

    def next(self):
        return next(self.iterator).numpy()

    def save(self):
        self.manager.save()


class _FeedStartsAgain(_Feed):
    def resume(self):
        pass


class _FeedOldest(_Feed):
    def resume(self):
        if self.manager.checkpoints:
            self.manager.checkpoint.restore(self.manager.checkpoints[0])


class _FeedSortsNames(_Feed):
    def resume(self):
        if names := sorted(self.manager.checkpoints):
            self.manager.checkpoint.restore(names[-1])


class _FeedNotesPath(_Feed):
    """The path is in the folder, but it is the path of the old folder."""

    def resume(self):
        self.note = os.path.join(self.manager.directory, "newest")
        if os.path.exists(self.note):
            with open(self.note) as file:
                self.manager.checkpoint.restore(file.read())

    def save(self):
        with open(self.note, "w") as file:
            file.write(self.manager.save())


class _FeedExpects(_Feed):
    def resume(self):
        status = self.manager.checkpoint.restore(self.manager.latest_checkpoint)
        status.assert_consumed()


class _FeedSavesAlways(_Feed):
    def next(self):
        value = super().next()
        self.save()
        return value


class _FeedNewIterator(_Feed):
    def __init__(self, ds, folder):
        super().__init__(ds, folder)
        self.ds = ds

    def next(self):
        return next(iter(self.ds)).numpy()


class _FeedTensors(_Feed):
    def next(self):
        return next(self.iterator)


class _FeedEndsWithNone(_Feed):
    def next(self):
        value = next(self.iterator, None)
        return None if value is None else value.numpy()


class _FeedOutOfRange(_Feed):
    def next(self):
        return self.iterator.get_next().numpy()


class _FeedRepeats(_Feed):
    def __init__(self, ds, folder):
        super().__init__(ds.repeat(), folder)


class _FeedAhead(_Feed):
    """Holds the next element back, and saves an iterator that is past it."""

    def resume(self):
        super().resume()
        self.upcoming = next(self.iterator, None)

    def next(self):
        if self.upcoming is None:
            raise StopIteration
        value, self.upcoming = self.upcoming, next(self.iterator, None)
        return value.numpy()


class _FeedSkips:
    def __init__(self, ds, folder):
        self.path, self.count = os.path.join(folder, "place"), 0
        if os.path.exists(self.path):
            with open(self.path) as file:
                self.count = int(file.read())
        self.iterator = ds.skip(self.count).as_numpy_iterator()

    def next(self):
        value = next(self.iterator)
        self.count += 1
        return value

    def save(self):
        with open(self.path, "w") as file:
            file.write(str(self.count))


class _FeedSkipsFromHere(_FeedSkips):
    def __init__(self, ds, folder):
        super().__init__(ds, folder)
        self.count = 0


class _FeedVariantOneFile:
    def __init__(self, ds, folder):
        self.path = os.path.join(folder, "place")
        self.iterator = ds.as_numpy_iterator()
        self.state = tf.train.Checkpoint(place=self.iterator)
        if os.path.exists(f"{self.path}.index"):
            self.state.read(self.path).assert_consumed()

    def next(self):
        return next(self.iterator)

    def save(self):
        self.state.write(self.path)


class _FeedVariantNewest:
    def __init__(self, ds, folder):
        self.folder, self.elements = folder, iter(ds)
        self.checkpoint = tf.train.Checkpoint(elements=self.elements)
        self.checkpoint.restore(tf.train.latest_checkpoint(folder))

    def next(self):
        element = self.elements.get_next_as_optional()
        if not element.has_value():
            raise StopIteration
        return element.get_value().numpy()

    def save(self):
        self.checkpoint.save(os.path.join(self.folder, "feed"))


EXERCISE = Exercise(
    id="04.6",
    name="Feed",
    points=5,
    minutes=18,
    difficulty="stretch",
    inputs=_feed_inputs,
    probe=_probe_feed,
    expected=_feed_expected,
    mistakes=(
        Mistake(
            "starts again",
            "A new `Feed` begins with the first element. Either nothing was restored, "
            "or the bookmark was not in the folder, or it was not of the *iterator*: a "
            "dataset is a recipe and knows no place. Save and restore "
            "`tf.train.Checkpoint(iterator=self.iterator)`.",
            _FeedStartsAgain,
        ),
        Mistake(
            "skips by number",
            "You count elements and `skip` as many. In a shuffled dataset that leaves "
            "out the first ones of *another* order: some elements come twice, some "
            "never. Save the iterator, whose state includes the shuffle's buffer.",
            _FeedSkips,
        ),
        Mistake(
            "counts from the last bookmark",
            "Your count begins at 0 in every process, so the second bookmark forgets "
            "what was read before the first. And in a shuffled dataset no count "
            "helps: save the iterator.",
            _FeedSkipsFromHere,
        ),
        Mistake(
            "restores the oldest bookmark",
            "You go back to the first bookmark of several. `manager.checkpoints` is in "
            "order of time; the newest is `manager.latest_checkpoint`.",
            _FeedOldest,
        ),
        Mistake(
            "sorts the bookmarks by name",
            "The bookmark with the last *name* is not the last one: as text, 10 comes "
            "before 9. `manager.latest_checkpoint` or `tf.train.latest_checkpoint("
            "folder)` knows which it is.",
            _FeedSortsNames,
        ),
        Mistake(
            "notes the path of the bookmark",
            "You keep the path of the bookmark, and it is a path on the machine that "
            "wrote it. Ask the folder that you are given: "
            "`tf.train.latest_checkpoint(folder)`.",
            _FeedNotesPath,
        ),
        Mistake(
            "expects a bookmark",
            "Without a bookmark there is nothing to restore, and the first run is no "
            "error. Restore only `if manager.latest_checkpoint:`.",
            _FeedExpects,
        ),
        Mistake(
            "sets a bookmark at every step",
            "What was read after `save()` never comes again, because `next()` saves as "
            "well. The caller decides where the bookmark is: elements after it "
            "may have been lost with the process that read them.",
            _FeedSavesAlways,
        ),
        Mistake(
            "makes a new iterator each time",
            "`next()` always returns the first element, since `iter(ds)` begins a new "
            "pass. Make one iterator in `__init__` and keep it.",
            _FeedNewIterator,
        ),
        Mistake(
            "hands over tensors",
            "The elements are right, but they are tensors. The task asks for NumPy: "
            "`next(self.iterator).numpy()`.",
            _FeedTensors,
        ),
        Mistake(
            "returns None at the end",
            "Behind the last element `next()` returns None, which looks like an "
            "element. Let StopIteration reach the caller: leave out the default of "
            "Python's `next`.",
            _FeedEndsWithNone,
        ),
        Mistake(
            "ends with OutOfRangeError",
            "`get_next()` says OutOfRangeError at the end, an error of TensorFlow. "
            "Python's word is StopIteration, which `next(self.iterator)` raises.",
            _FeedOutOfRange,
        ),
        Mistake(
            "never ends",
            "After the last element yours begins again. A feed is for one pass: leave "
            "out `repeat`, and let StopIteration reach the caller.",
            _FeedRepeats,
        ),
        Mistake(
            "reads one ahead",
            "You take an element from the iterator before it is asked for, so the "
            "bookmark stands behind it and a new `Feed` misses it. Read when `next()` "
            "is called.",
            _FeedAhead,
        ),
    ),
    variants=(_FeedVariantOneFile, _FeedVariantNewest),
    hints=(
        "An iterator knows the place, so make one with `iter(ds)`, keep it, and put it "
        "into a `tf.train.Checkpoint`.",
        "`tf.train.CheckpointManager(checkpoint, folder, max_to_keep=1)` writes the "
        "bookmarks and knows the latest one; restore that in `__init__`, if there is "
        "one.",
        "In `__init__`: `self.iterator = iter(ds)`, then checkpoint and manager, then "
        "`if self.manager.latest_checkpoint: "
        "checkpoint.restore(self.manager.latest_checkpoint)`. In `next`: "
        "`next(self.iterator).numpy()`. In `save`: `self.manager.save()`.",
    ),
    explain="The state of an iterator is more than a number: the contents of the "
    "shuffle's buffer and the state of its random numbers belong to it, and the "
    "checkpoint keeps them. That makes exact resuming possible, as long as the steps "
    "of the pipeline stay the same. Save it together with model, optimizer and step, "
    "and the whole training goes on as if nothing had happened.",
)
