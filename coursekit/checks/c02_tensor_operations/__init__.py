"""The six exercises of chapter 02, a file each."""

from coursekit.checks.c02_tensor_operations import (
    e1_he_normal,
    e2_pairwise_sq_dists,
    e3_split_heads,
    e4_pick_per_row,
    e5_masked_mean,
    e6_kfold_indices,
)

EXERCISES = (
    e1_he_normal.EXERCISE,
    e2_pairwise_sq_dists.EXERCISE,
    e3_split_heads.EXERCISE,
    e4_pick_per_row.EXERCISE,
    e5_masked_mean.EXERCISE,
    e6_kfold_indices.EXERCISE,
)
