"""Deterministic data sets that need no network, a module for each kind.

Each function says what the data is, its size, where it comes from and its licence.
What has to be made is made from a seed, in a second or so, and is the same everywhere.
"""

from coursekit.data.mail import Letter, letters, post_office, scans
from coursekit.data.pictures import Split, digits, photo, scatter
from coursekit.data.programs import READER_2016

__all__ = [
    "READER_2016",
    "Letter",
    "Split",
    "digits",
    "letters",
    "photo",
    "post_office",
    "scans",
    "scatter",
]
