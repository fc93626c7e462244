"""The six exercises of chapter 06, a file each."""

from coursekit.checks.c06_feature_engineering import (
    e1_preprocessor,
    e2_target_encode,
    e3_scaler,
    e4_bpe,
    e5_cutmix,
    e6_windows,
)

EXERCISES = (
    e1_preprocessor.EXERCISE,
    e2_target_encode.EXERCISE,
    e3_scaler.EXERCISE,
    e4_bpe.EXERCISE,
    e5_cutmix.EXERCISE,
    e6_windows.EXERCISE,
)
