"""Deterministic data sets that need no network, a module for each kind.

Each function says what the data is, its size, where it comes from and its licence.
What has to be made is made from a seed, in a second or so, and is the same everywhere.
"""

from coursekit.data.clinic import (
    descriptions,
    eeg,
    lockers,
    mri,
    notes,
    patients,
    prices,
    visits,
)
from coursekit.data.line import Line
from coursekit.data.mail import Letter, letters, post_office, scans
from coursekit.data.pictures import Split, digits, photo, scatter
from coursekit.data.programs import READER_2016
from coursekit.data.sorting import Envelopes, envelopes, postmark_pairs, postmarks
from coursekit.data.station import night

__all__ = [
    "READER_2016",
    "Envelopes",
    "Letter",
    "Line",
    "Split",
    "descriptions",
    "digits",
    "eeg",
    "envelopes",
    "letters",
    "lockers",
    "mri",
    "night",
    "notes",
    "patients",
    "photo",
    "post_office",
    "postmark_pairs",
    "postmarks",
    "prices",
    "scans",
    "scatter",
    "visits",
]
