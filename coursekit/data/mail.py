"""Mail: the archive of a sorting office, its counters' files, and its letters.

The handwriting is real: the digits of scikit-learn (Alpaydin and Kaynak, "Optical
Recognition of Handwritten Digits", UCI, 1998, CC BY 4.0). The office, its counters,
its file formats and its postcodes are made up here, from a fixed seed.
"""

import csv
import sqlite3
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

LEVELS = 17
"""Grey levels of a scan, from 0, white paper, to 16, black ink."""

COUNTERS = {
    "a.npz": (0, 1),
    "belt": (2,),
    "c.txt": (3,),
    "d.csv": (4, 5),
    "e.sqlite": (6,),
    "f": (7, 8),
    "depot": (9,),
}
"""Who has filed which digits: the files that :func:`post_office` writes, and two
counters without a file, whose scans arrive over a conveyor belt or from a server."""

CODE_LENGTHS = {4: 0.30, 5: 0.40, 6: 0.12, 7: 0.08, 8: 0.06, 9: 0.04}
"""Share of the letters by the number of digits in their postcode. Numeric postcodes
do have these lengths, from Norway (4) to the ZIP+4 of the United States (9)."""


def scans(digits: tuple[int, ...] = tuple(range(10))) -> tuple[np.ndarray, np.ndarray]:
    """The archive: 1,797 handwritten digits, filed by digit, all zeros first.

    Args:
        digits: take only these, in the order of the archive.

    Returns:
        Images, uint8 in 0–16 (:data:`LEVELS`), shape (n, 8, 8), and their digits,
        int64 in 0–9, shape (n,). Both are read-only copies.
    """
    images, labels = _archive()
    wanted = np.isin(labels, digits)
    images, labels = images[wanted], labels[wanted]
    images.setflags(write=False)
    labels.setflags(write=False)
    return images, labels


@cache
def _archive() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    raw = load_digits()
    order = np.argsort(raw.target, kind="stable")
    return raw.images[order].astype("uint8"), raw.target[order].astype("int64")


def post_office(folder: str | Path) -> Path:
    """Write what five counters have filed, 1,443 scans, each in a format of its own.

    ``a.npz``
        digits 0 and 1: the arrays ``images``, ``labels``, as from :func:`scans`.
    ``c.txt``
        digit 3: a line for each scan, the digit, a space and 64 letters, row by row;
        ``A`` is grey level 0, ``Q`` is 16.
    ``d.csv``
        digits 4 and 5: a header row, then ``digit, p0 … p63``; level 0 is left blank.
    ``e.sqlite``
        digit 6: a table ``scans (id INTEGER, digit INTEGER, pixels TEXT)``, the
        pixels in letters as above.
    ``f/7/000.png …, f/8/…``
        digits 7 and 8: grey PNG files of 8 by 8 pixels; a pixel is 15 times the level.

    The other two counters, ``belt`` and ``depot``, have no files (:data:`COUNTERS`).
    It takes a second or so, most of it for importing scikit-learn.

    Args:
        folder: where to put them; it is made if need be, and files of those names
            are overwritten.

    Returns:
        The folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = scans(COUNTERS["a.npz"])
    np.savez(folder / "a.npz", images=images, labels=labels)
    lines = [f"{y} {_letters(x)}\n" for x, y in _filed("c.txt")]
    (folder / "c.txt").write_text("".join(lines), encoding="ascii")
    with open(folder / "d.csv", "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["digit", *(f"p{k}" for k in range(64))])
        for image, label in _filed("d.csv"):
            writer.writerow([label, *(level or "" for level in image.ravel())])
    _write_table(folder / "e.sqlite")
    _write_pictures(folder / "f")
    return folder


def _filed(counter: str) -> zip:
    return zip(*scans(COUNTERS[counter]), strict=True)


def _letters(image: np.ndarray) -> str:
    return (image.ravel() + ord("A")).tobytes().decode("ascii")


def _write_table(path: Path) -> None:
    path.unlink(missing_ok=True)
    table = sqlite3.connect(path)
    table.execute("CREATE TABLE scans (id INTEGER, digit INTEGER, pixels TEXT)")
    rows = [(k, int(y), _letters(x)) for k, (x, y) in enumerate(_filed("e.sqlite"))]
    table.executemany("INSERT INTO scans VALUES (?, ?, ?)", rows)
    table.commit()
    table.close()


def _write_pictures(folder: Path) -> None:
    from PIL import Image

    for digit in COUNTERS["f"]:
        drawer = folder / str(digit)
        drawer.mkdir(parents=True, exist_ok=True)
        for k, image in enumerate(scans((digit,))[0]):
            Image.fromarray(image * 15).save(drawer / f"{k:03}.png")


@dataclass(frozen=True)
class Letter:
    """A postcode as it was read and as it was written.

    Attributes:
        code: 4 to 9 digits, which may begin with zeros.
        strip: uint8 in 0–16, shape (len(code), 8, 8): a scan for each digit.
    """

    code: str
    strip: np.ndarray

    @property
    def digits(self) -> list[int]:
        """The digits of the code, as numbers."""
        return [int(digit) for digit in self.code]


def letters(count: int = 600, seed: int = 7) -> list[Letter]:
    """Letters with postcodes of 4 to 9 digits, lengths as in :data:`CODE_LENGTHS`.

    Args:
        count: how many.
        seed: of the lengths, the digits and the choice of scans.
    """
    rng = np.random.default_rng(seed)
    images, labels = scans()
    sizes = rng.choice([*CODE_LENGTHS], size=count, p=[*CODE_LENGTHS.values()])
    made = []
    for size in sizes:
        chosen = rng.integers(len(labels), size=size)
        made.append(Letter("".join(map(str, labels[chosen])), images[chosen]))
    return made
