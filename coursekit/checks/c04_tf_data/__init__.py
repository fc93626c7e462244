"""The six exercises of chapter 04, a file each."""

from coursekit.checks.c04_tf_data import (
    e1_ledger,
    e2_split,
    e3_bucketed,
    e4_vectorised,
    e5_training,
    e6_feed,
)

EXERCISES = (
    e1_ledger.EXERCISE,
    e2_split.EXERCISE,
    e3_bucketed.EXERCISE,
    e4_vectorised.EXERCISE,
    e5_training.EXERCISE,
    e6_feed.EXERCISE,
)
