"""The six exercises of chapter 08, a file each."""

from coursekit.checks.c08_keras_functional import (
    e1_tower,
    e2_two_heads,
    e3_siamese,
    e4_receptive_field,
    e5_top1_moe,
    e6_cascade,
)

EXERCISES = (
    e1_tower.EXERCISE,
    e2_two_heads.EXERCISE,
    e3_siamese.EXERCISE,
    e4_receptive_field.EXERCISE,
    e5_top1_moe.EXERCISE,
    e6_cascade.EXERCISE,
)
