"""The sorting machine: what its camera, its reader and its scale say of a letter.

The handwriting is that of :mod:`coursekit.data.mail`; the towns, the wording and the
tariff are made up here, from a fixed seed.
"""

from dataclasses import dataclass

import numpy as np

from coursekit.data.mail import scans

HEIGHT, WIDTH = 10, 40
"""A camera picture in pixels: four digits, each in a field of 10 by 10."""

TOWNS = (
    ("Aldmoor", "Ashby"),
    ("Birkdale", "Brint"),
    ("Calder", "Crofton"),
    ("Dunmere", "Dale"),
    ("Eskhill", "Elm"),
    ("Farrow", "Fenwick"),
    ("Garth", "Glen"),
    ("Hartsea", "Holm"),
    ("Irons", "Iver"),
    ("Kelton", "Kirk"),
)
"""The two towns of each region; a region is the first digit of its postcodes."""

_NAMES = ("Abel", "Berg", "Costa", "Diaz", "Evans", "Fischer", "Gupta", "Haas")
_STREETS = ("Mill", "Bridge", "Church", "Station", "Park", "Harbour")
_SPEED = ("express", "urgent", "by courier")


@dataclass(frozen=True)
class Envelopes:
    """Letters as the machine sees them, and what is to be found out of each.

    Attributes:
        picture: float32 in [0, 1], shape (n, 10, 40): four digits, each anywhere in its
            field. In three of ten letters the ink is smeared.
        address: texts, shape (n,), of 3 to 7 words. Three of ten do not name the town.
        scale: float32, shape (n, 2): grams and millimetres.
        code: the four digits, int64, shape (n, 4); the first is the region.
        express: float32, 1 if the address asks for speed, else 0, shape (n,).
        postage: float32, in cents, shape (n,): 60, and 20 for each 50 g begun, and 150
            above 20 mm, and 240 for express.
        smeared: whether the ink is, bool, shape (n,).
    """

    picture: np.ndarray
    address: np.ndarray
    scale: np.ndarray
    code: np.ndarray
    express: np.ndarray
    postage: np.ndarray
    smeared: np.ndarray

    @property
    def region(self) -> np.ndarray:
        """The first digit of the postcode, shape (n,)."""
        return self.code[:, 0]


def envelopes(count: int, seed: int, *, held_out: bool = False) -> Envelopes:
    """Draw letters.

    Args:
        count: how many.
        seed: of everything that is drawn.
        held_out: write them in the fifth of all scans that is kept for this; the others
            never contain one of those.
    """
    rng = np.random.default_rng(seed)
    images, labels = scans()
    usable = np.flatnonzero((np.arange(len(labels)) % 5 == 4) == held_out)
    chosen = rng.choice(usable, (count, 4))
    picture = np.zeros((count, 4, HEIGHT, 10), np.float32)
    corners = rng.integers(0, 3, (count, 4, 2))
    for k, digit in np.ndindex(count, 4):
        row, column = corners[k, digit]
        ink = images[chosen[k, digit]] / 16
        picture[k, digit, row : row + 8, column : column + 8] = ink
    picture = picture.transpose(0, 2, 1, 3).reshape(count, HEIGHT, WIDTH)
    smeared = rng.random(count) < 0.3
    noise = rng.random(picture.shape, np.float32)
    faint = 0.25 * picture + 0.75 * noise
    picture = np.where(smeared[:, None, None], faint, picture)

    code = labels[chosen]
    express = rng.random(count) < 0.25
    address = [
        _address(rng, int(region), bool(fast))
        for region, fast in zip(code[:, 0], express, strict=True)
    ]
    grams = np.exp(rng.uniform(np.log(5), np.log(500), count)).round()
    thick = rng.uniform(1, 30, count).round(1)
    postage = 60 + 20 * np.ceil(grams / 50) + 150 * (thick > 20) + 240 * express
    return Envelopes(
        picture.astype("float32"),
        np.array(address),
        np.stack([grams, thick], axis=1).astype("float32"),
        code,
        express.astype("float32"),
        postage.astype("float32"),
        smeared,
    )


def _address(rng: np.random.Generator, region: int, fast: bool) -> str:
    words = [str(rng.choice(_NAMES)), str(rng.choice(_STREETS)), "street"]
    if rng.random() < 0.7:
        words.append(str(rng.choice(TOWNS[region])))
    if fast:
        words.insert(int(rng.choice([0, len(words)])), str(rng.choice(_SPEED)))
    return " ".join(words)


def postmarks(offices: int, prints: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Impressions of postmarks: a sign of four strokes for each office, made up here.

    Each impression is turned by up to 10 degrees, moved by up to one pixel, more or
    less inked, and crossed by one of the wavy lines that cancel a stamp.

    Args:
        offices: how many signs.
        prints: impressions of each.
        seed: of the signs and the impressions; another seed has other offices.

    Returns:
        Pictures, float32 in [0, 1], shape (offices * prints, 12, 12), and the offices,
        int64, shape (offices * prints,), in order.
    """
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-4.5, 4.5, (offices, 5, 2))
    office = np.repeat(np.arange(offices), prints)
    angle = rng.uniform(-1, 1, len(office)) * np.radians(10)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.einsum("ijn,npj->npi", turn, corners[office])
    points += rng.uniform(-1, 1, (len(office), 1, 2))

    grid = np.stack(np.mgrid[-5.5:6, -5.5:6], axis=-1)[None, None]
    start, way = points[:, :-1, None, None], np.diff(points, axis=1)[:, :, None, None]
    along = ((grid - start) * way).sum(-1) / (way**2).sum(-1)
    nearest = start + np.clip(along, 0, 1)[..., None] * way
    ink = np.exp(-((grid - nearest) ** 2).sum(-1) / 0.6).max(axis=1)
    ink *= rng.uniform(0.5, 1.0, (len(office), 1, 1))

    height, phase = rng.uniform(-5, 5, (2, len(office), 1, 1))
    wave = height + np.sin(grid[0, 0, ..., 1] + phase) - grid[0, 0, ..., 0]
    lines = 0.6 * np.exp(-(wave**2) / 0.3)
    return np.maximum(ink, lines).astype("float32"), office


def postmark_pairs(
    offices: int, count: int, seed: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Pairs of different prints, every second pair from one office.

    Args:
        offices: how many; there are 20 prints of each, as from :func:`postmarks`.
        count: of pairs.
        seed: of the offices, their prints and the pairs.

    Returns:
        Pictures ``a`` and ``b``, each of shape (count, 12, 12), and whether they come
        from the same office, float32, shape (count,).
    """
    prints = 20
    pictures, _ = postmarks(offices, prints, seed)
    rng = np.random.default_rng(seed)
    same = np.arange(count) % 2 == 0
    office, other = rng.integers(offices, size=count), rng.integers(1, offices, count)
    one, away = rng.integers(prints, size=count), rng.integers(1, prints, count)
    first = office * prints + one
    second = np.where(same, office, (office + other) % offices) * prints
    second += (one + away) % prints
    pairs = {"a": pictures[first], "b": pictures[second]}
    return pairs, same.astype("float32")
