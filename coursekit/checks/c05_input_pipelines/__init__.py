"""The six exercises of chapter 05, a file each."""

from coursekit.checks.c05_input_pipelines import (
    e1_read_log,
    e2_photos,
    e3_encode,
    e4_pitches,
    e5_resuming,
    e6_read_records,
)

EXERCISES = (
    e1_read_log.EXERCISE,
    e2_photos.EXERCISE,
    e3_encode.EXERCISE,
    e4_pitches.EXERCISE,
    e5_resuming.EXERCISE,
    e6_read_records.EXERCISE,
)
