"""A clinic: its patients, pictures and curves, all real, and a few things made here.

Real are the patients and the descriptions (they ship inside scikit-learn), the brain
scan, the recording and the prices (sample data of Matplotlib). Made, from fixed seeds,
are the lockers, the notes and the visits: no clinic publishes those.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

Table = dict[str, np.ndarray]
"""Columns by name, each of shape (n,): float32 numbers, or ``str`` codes and texts."""

OUTCOME = "progression"
"""Column of :func:`patients` that is to be foretold."""

LOCKERS = 500
"""Lockers of the clinic, of which every patient is given one by lot."""

EEG_RATE = 80
"""Samples a second of :func:`eeg`; Matplotlib's gallery draws it as ten seconds."""

_COLUMNS = ("age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu")


@cache
def _split() -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(6).permutation(442)
    return np.sort(order[:354]), np.sort(order[354:])


def patients() -> tuple[Table, Table]:
    """The patients: 354 to learn from and 88 to be tested on, always the same.

    The diabetes study of Efron, Hastie, Johnstone and Tibshirani, "Least Angle
    Regression", Annals of Statistics 32, 2004, in the units in which it was measured,
    as it ships inside scikit-learn (BSD licence; the table states none of its own).

    Returns:
        Two tables of the same columns. Float32: ``age`` (years), ``bmi`` (kg/m²),
        ``bp`` (mean blood pressure, mmHg), the blood values ``tc`` (cholesterol),
        ``ldl``, ``hdl`` (mg/dl), ``tch`` (tc / hdl), ``ltg`` (logarithm of the
        triglycerides), ``glu`` (sugar, mg/dl), and :data:`OUTCOME`, the progression of
        the disease after a year (25–346, no unit). ``sex`` is a code, "1" or "2"; the
        source does not say which is which.
    """
    from sklearn.datasets import load_diabetes

    raw = load_diabetes(scaled=False)
    table: Table = dict(zip(_COLUMNS, raw.data.T.astype("float32"), strict=True))
    table["sex"] = table["sex"].astype(int).astype("<U1")
    table[OUTCOME] = raw.target.astype("float32")
    train, test = ({n: c[rows] for n, c in table.items()} for rows in _split())
    return train, test


def lockers() -> tuple[np.ndarray, np.ndarray]:
    """A locker for each patient of :func:`patients`, drawn by lot, made up here.

    The number of a locker says nothing about its patient; that is what it is for.

    Returns:
        Texts such as "L007", for the 354 and for the 88 patients, from ``LOCKERS``
        equally likely ones.
    """
    drawn = np.random.default_rng(7).integers(LOCKERS, size=442)
    names = np.array([f"L{number:03}" for number in drawn])
    train, test = _split()
    return names[train], names[test]


@cache
def descriptions() -> dict[str, str]:
    """Fourteen English texts of 88 to 1,314 words: the data sets of scikit-learn.

    Its own descriptions (BSD licence), from "breast_cancer" to "wine", some of them of
    medical data, without the directives of their markup.
    """
    from sklearn import datasets

    folder = Path(datasets.__file__).parent / "descr"
    texts = {}
    for path in sorted(folder.glob("*.rst")):
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"^\.\. .*$|:\w+:`|[`|*_=+]", " ", text, flags=re.M)
        texts[path.stem.removesuffix("_data")] = " ".join(text.split())
    return texts


def mri() -> np.ndarray:
    """A slice of a head by magnetic resonance: float32 in [0, 1], shape (256, 256).

    Matplotlib's sample ``s1045.ima.gz``, of 16-bit numbers; the nose is at the left.
    """
    from matplotlib.cbook import get_sample_data

    with get_sample_data("s1045.ima.gz") as file:
        raw = np.frombuffer(file.read(), np.uint16).reshape(256, 256)
    return (raw / raw.max()).astype("float32")


def eeg() -> np.ndarray:
    """A recording of a brain's currents: float32, shape (800, 4), no unit.

    Matplotlib's sample ``eeg.dat``: four channels, each of standard deviation 1,
    :data:`EEG_RATE` samples a second.
    """
    from matplotlib.cbook import get_sample_data

    path = get_sample_data("eeg.dat", asfileobj=False)
    return np.fromfile(path, "<f8").reshape(800, 4).astype("float32")


def prices() -> tuple[np.ndarray, np.ndarray]:
    """Google's first 1,047 days on the exchange, 2004-08-19 to 2008-10-14.

    Matplotlib's sample ``goog.npz``.

    Returns:
        Dates, datetime64[D], and closing prices in dollars, float64, shape (1047,).
    """
    from matplotlib.cbook import get_sample_data

    rows = get_sample_data("goog.npz")["price_data"]
    return rows["date"], rows["close"]


@dataclass(frozen=True)
class Visits:
    """Visits to the clinic, a number for each day, beginning on a Monday.

    Attributes:
        count: float32, shape (days,); NaN on the days that nobody counted.
        trend, season: float32, shape (days,): what the counts were drawn about; the
            season repeats every seven days and adds up to 0.
    """

    count: np.ndarray
    trend: np.ndarray
    season: np.ndarray


def visits(days: int = 364) -> Visits:
    """Two dozen visits a day, growing, quiet at weekends; made up here.

    Args:
        days: how many; one in forty was not counted.
    """
    rng = np.random.default_rng(8)
    trend = 24 + 12 * np.arange(days) / 364
    week = np.array([6, 4, 2, 2, 1, -6, -9.0])
    season = np.resize(week, days)
    count = rng.poisson(trend + season).astype("float32")
    count[rng.choice(np.arange(1, days), days // 40, replace=False)] = np.nan
    return Visits(count, trend.astype("float32"), season.astype("float32"))


_CASES = {
    "diabetes": (["insulin", "metformin"], ["thirst", "fatigue"], "sugar"),
    "asthma": (["salbutamol", "budesonide"], ["wheezing", "cough"], "breathing"),
    "hypertension": (["ramipril", "amlodipine"], ["headache", "dizziness"], "pressure"),
    "infection": (["penicillin", "amoxicillin"], ["fever", "chills"], "temperature"),
}
_LINES = (
    "patient with {case} reports {sign}",
    "{sign} again , {value} measured twice",
    "started {drug} for {case}",
    "{value} better since {drug}",
    "{drug} {dose} mg in the {time}",
    "no {sign} under {drug} , {value} checked in the {time}",
)
_TIMES = ("morning", "evening", "night")


def notes(count: int = 3000) -> list[str]:
    """Lines of a ward book, four to nine words each, made by a small grammar.

    Of each of four illnesses it knows two drugs that are used alike, two signs and the
    value that is measured. It is no medical advice.

    Args:
        count: how many lines.
    """
    rng = np.random.default_rng(9)
    lines = []
    for _ in range(count):
        case = str(rng.choice([*_CASES]))
        drugs, signs, value = _CASES[case]
        words = {
            "case": case,
            "drug": rng.choice(drugs),
            "sign": rng.choice(signs),
            "value": value,
            "dose": rng.choice([5, 10, 20, 50]),
            "time": rng.choice(_TIMES),
        }
        lines.append(str(rng.choice(_LINES)).format(**words))
    return lines
