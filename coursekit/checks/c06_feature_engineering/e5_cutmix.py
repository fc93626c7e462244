"""Exercise 06.5: ``cutmix``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

_PARTS = ("images", "labels", "the arrays handed over")


def _probe_cutmix(answer: Answer, case: Case) -> Plain:
    given = [array.copy() for array in case.args]
    pair = answer(*given)
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        return {"returned": f"no pair: {type(pair).__name__}"} | dict.fromkeys(_PARTS)
    same = all(map(np.array_equal, given, case.args))
    kept = "as they were" if same else "changed"
    parts = to_plain(pair[0]), to_plain(pair[1]), kept
    return {"returned": "a pair"} | dict(zip(_PARTS, parts, strict=True))


def _cutmix_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, shape: tuple[int, ...], partner: list, *box: list) -> Case:
        n, h, w, c = shape
        # each picture has greys of its own, no two alike; some rows are black in all
        greys = rng.permutation(n).reshape(n, 1, 1, 1) * 500 + np.arange(h * w * c)
        images = greys.reshape(shape).astype("float32") / 4
        images[:, 2::3] = 0
        labels = np.eye(4, dtype="float32")[rng.permutation(4)[:n]]
        if group == mixed:
            labels = (labels * 3 + np.roll(labels, 1, axis=1)) / 4
        args = images, labels, np.array(partner), np.array(box)
        told = f"cutmix(images, labels, {partner}, {list(box)}), "
        told += f"images of shape {shape}, labels {labels.tolist()}"
        return Case(group, args, told)

    inside, border = "boxes inside the picture", "boxes over the border"
    edges, mixed = "no pixel or all of them", "labels that are mixed already"
    ring = [[1, 2, 3, 0], [2, 3, 1, 0]][rng.integers(2)]
    k = int(rng.integers(1, 3))
    flat, high, large = [k, k + 2, 2, 3], [k - 1, 2 * k, 4, 1], [2, 3, 5, 1]
    up, left = [-k, 2, 3 + k, 3], [1, -k, 2, 4 + k]
    down, right = [4, 3, 2 + k, 2], [2, 5, 3, 3 + k]
    empty, below, above, whole = (
        [2, k, 0, 3],
        [7, 1, 2, 2],
        [-4, -5, 2, 3],
        [-1, -k, 8, 9],
    )
    return [
        case(inside, (4, 6, 8, 1), ring, flat, high, [0, 1, 5, 7], [1, 6, 3, k]),
        case(inside, (3, 7, 5, 3), [2, 0, 1], [4, 1, 3, 2], [k, 0, 2, 3], large),
        case(border, (4, 6, 8, 1), ring, up, left, down, right),
        case(border, (3, 5, 7, 3), [2, 0, 2], [-2, -k, 5, 4], [3, 5, 9, 9], right),
        case(edges, (4, 5, 6, 1), ring, empty, below, above, whole),
        case(edges, (1, 5, 6, 3), [0], [1, k, 2, 3]),
        case(mixed, (3, 5, 6, 1), [1, 2, 0], flat, [k, 1, 4, 2], up),
    ]


def _cutmix_expected(case: Case) -> Plain:
    """Pixel by pixel: is it in the box?"""
    images, labels, partner, box = case.args
    n, h, w, _ = images.shape
    pasted, soft = np.zeros_like(images), np.zeros_like(labels)
    for i in range(n):
        top, left, height, width = box[i].tolist()
        inside = 0
        for row in range(h):
            for column in range(w):
                hit = 0 <= row - top < height and 0 <= column - left < width
                inside += hit
                pasted[i, row, column] = images[partner[i] if hit else i, row, column]
        share = inside / (h * w)
        soft[i] = (1 - share) * labels[i] + share * labels[partner[i]]
    parts = zip(_PARTS, (pasted, soft, "as they were"), strict=True)
    return {"returned": "a pair"} | dict(parts)


def _corners(box, h, w):
    """First row, row behind the last one, and so for columns; all in the picture."""
    top, left, height, width = box
    rows, columns = (
        np.clip([top, top + height], 0, h),
        np.clip([left, left + width], 0, w),
    )
    return [*rows, *columns]


def _mix(labels, i, j, share):
    return (1 - share) * labels[i] + share * labels[j]


def _paste(picture, other, top, bottom, left, right):
    picture[top:bottom, left:right] = other[top:bottom, left:right]


def _cutmix(
    images, labels, partner, box, corners=_corners, mix=_mix, paste=_paste, new=np.copy
):
    """A right answer in parts that the mistakes replace."""
    mixed, soft = new(images), new(labels)
    _, h, w, _ = images.shape
    for i, j in enumerate(partner):
        top, bottom, left, right = corners(box[i], h, w)
        paste(mixed[i], images[j], top, bottom, left, right)
        soft[i] = mix(labels, i, j, (bottom - top) * (right - left) / (h * w))
    return mixed, soft


def _reads_box(read):
    """The corners of another box, which ``read`` makes of the one that is given."""
    return lambda box, h, w: _corners(read(*box), h, w)


def _cutmix_unclipped_share(images, labels, partner, box):
    shares = box[:, 2] * box[:, 3] / np.prod(images.shape[1:3])

    def mix(labels, i, j, share):
        return _mix(labels, i, j, shares[i])

    return _cutmix(images, labels, partner, box, mix=mix)


def _cutmix_labels_kept(images, labels, partner, box):
    return _cutmix(
        images, labels, partner, box, mix=lambda labels, i, j, share: labels[i]
    )


def _cutmix_labels_swapped(images, labels, partner, box):
    def mix(labels, i, j, share):
        return _mix(labels, j, i, share)

    return _cutmix(images, labels, partner, box, mix=mix)


def _cutmix_one_box(images, labels, partner, box):
    return _cutmix(images, labels, partner, box[:1].repeat(len(box), 0))


def _cutmix_from_corner(images, labels, partner, box):
    def paste(picture, other, top, bottom, left, right):
        picture[top:bottom, left:right] = other[: bottom - top, : right - left]

    return _cutmix(images, labels, partner, box, paste=paste)


def _cutmix_other_way(images, labels, partner, box):
    mixed, soft = images[partner], labels[partner]
    for i, j in enumerate(partner):
        two = _cutmix(images[[j, i]], labels[[j, i]], [1], box[[i]])
        mixed[i], soft[i] = two[0][0], two[1][0]
    return mixed, soft


def _cutmix_blends(images, labels, partner, box):
    def paste(picture, other, top, bottom, left, right):
        share = (bottom - top) * (right - left) / (picture.shape[0] * picture.shape[1])
        picture[:] = (1 - share) * picture + share * other

    return _cutmix(images, labels, partner, box, paste=paste)


def _cutmix_width_first(images, labels, partner, box):
    corners = _reads_box(lambda top, left, height, width: (top, left, width, height))
    return _cutmix(images, labels, partner, box, corners)


def _cutmix_x_first(images, labels, partner, box):
    corners = _reads_box(lambda top, left, height, width: (left, top, width, height))
    return _cutmix(images, labels, partner, box, corners)


def _cutmix_ends(images, labels, partner, box):
    def corners(box, h, w):
        top, left, bottom, right = np.clip(box, 0, [h, w, h, w])
        return top, max(bottom, top), left, max(right, left)

    return _cutmix(images, labels, partner, box, corners)


def _cutmix_centre(images, labels, partner, box):
    corners = _reads_box(lambda y, x, h, w: (y - h // 2, x - w // 2, h, w))
    return _cutmix(images, labels, partner, box, corners)


def _slice_corners(box, h, w):
    """What NumPy makes of a slice that begins before 0."""
    top, left, height, width = box
    rows, columns = range(h)[top : top + height], range(w)[left : left + width]
    return (
        *(rows.start, max(rows.stop, rows.start)),
        *(columns.start, max(columns.stop, columns.start)),
    )


def _cutmix_no_clip(images, labels, partner, box):
    mixed, _ = _cutmix(images, labels, partner, box, _slice_corners)
    return mixed, _cutmix_unclipped_share(images, labels, partner, box)[1]


def _cutmix_negative_area(images, labels, partner, box):
    def corners(box, h, w):
        top, left, height, width = box
        return max(top, 0), min(top + height, h), max(left, 0), min(left + width, w)

    return _cutmix(images, labels, partner, box, corners)


def _cutmix_changed_pixels(images, labels, partner, box):
    mixed, _ = _cutmix(images, labels, partner, box)
    shares = (mixed != images).any(axis=3).mean(axis=(1, 2))

    def mix(labels, i, j, share):
        return _mix(labels, i, j, shares[i])

    return mixed, _cutmix(images, labels, partner, box, mix=mix)[1]


def _cutmix_moves_box(images, labels, partner, box):
    def corners(box, h, w):
        top, left, height, width = box
        top, left = min(max(top, 0), h - height), min(max(left, 0), w - width)
        return _corners((top, left, height, width), h, w)

    return _cutmix(images, labels, partner, box, corners)


def _cutmix_gives(images, labels, partner, box):
    return _cutmix(images, labels, np.argsort(partner), box)


def _cutmix_in_place(images, labels, partner, box):
    return _cutmix(images, labels, partner, box, new=np.asarray)


def _cutmix_images_in_place(images, labels, partner, box):
    _, soft = _cutmix(images, labels, partner, box)
    return _cutmix_in_place(images, labels.copy(), partner, box)[0], soft


def _cutmix_reads_copy(images, labels, partner, box):
    return _cutmix_images_in_place(images.copy(), labels, partner, box)


def _cutmix_reads_copies(images, labels, partner, box):
    return _cutmix_in_place(images.copy(), labels.copy(), partner, box)


def _cutmix_mixes_mixed(images, labels, partner, box):
    mixed, _ = _cutmix(images, labels, partner, box)
    return mixed, _cutmix_reads_copies(images, labels, partner, box)[1]


def _cutmix_last_too(images, labels, partner, box):
    corners = _reads_box(lambda top, left, h, w: (top, left, h + 1, w + 1))
    return _cutmix(images, labels, partner, box, corners)


def _cutmix_float64(images, labels, partner, box):
    return _cutmix(images, labels.astype("float64"), partner, box)


def _cutmix_no_copy(images, labels, partner, box):
    images[:], labels[:] = _cutmix(images, labels, partner, box)
    return images, labels


def _cutmix_variant_mask(images, labels, partner, box):
    """All pictures at once, by a mask of 0 and 1."""
    _, h, w, _ = images.shape
    top, left, height, width = (box[:, k, None] for k in range(4))
    rows = (np.arange(h) >= top) & (np.arange(h) < top + height)
    columns = (np.arange(w) >= left) & (np.arange(w) < left + width)
    mask = rows[:, :, None] & columns[:, None, :]
    share = mask.mean(axis=(1, 2), dtype="float32")[:, None]
    soft = (1 - share) * labels + share * labels[partner]
    return np.where(mask[..., None], images[partner], images), soft


def _cutmix_variant_tensors(images, labels, partner, box):
    _, h, w, _ = images.shape
    mixed, soft = [], []
    for i, (top, left, height, width) in enumerate(box.tolist()):
        up, down = min(max(top, 0), h), min(max(top + height, 0), h)
        west, east = min(max(left, 0), w), min(max(left + width, 0), w)
        patch = tf.ones((down - up, east - west, 1))
        mask = tf.pad(patch, [(up, h - down), (west, w - east), (0, 0)])
        mixed.append(images[i] + mask * (images[partner[i]] - images[i]))
        share = tf.reduce_mean(mask)
        soft.append(labels[i] + share * (labels[partner[i]] - labels[i]))
    return tf.stack(mixed), tf.stack(soft)


EXERCISE = Exercise(
    id="06.5",
    name="cutmix",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_cutmix_inputs,
    probe=_probe_cutmix,
    expected=_cutmix_expected,
    mistakes=(
        Mistake(
            "takes the share from the whole box",
            "You take the share from height times width of the box, also where it "
            "hangs over the border. What counts is what was really pasted: clip the "
            "box first.",
            _cutmix_unclipped_share,
        ),
        Mistake(
            "does not clip the box",
            "The box is used as it comes. Beyond the border nothing is pasted, yet "
            "your share counts it, and a negative start counts from the end. Clip all "
            "four borders first, with `min` and `max`.",
            _cutmix_no_clip,
        ),
        Mistake(
            "leaves the labels as they were",
            "A part of the picture now shows something else, and your label does not "
            "say so. Mix the two labels in the same proportion.",
            _cutmix_labels_kept,
        ),
        Mistake(
            "swaps the shares",
            "The partner's label has the share of the patch, the picture's own label "
            "has the rest. You have them the other way round.",
            _cutmix_labels_swapped,
        ),
        Mistake(
            "takes one box for all",
            "You use the first box for every picture. Picture i has `box[i]`.",
            _cutmix_one_box,
        ),
        Mistake(
            "cuts from the corner",
            "You cut the patch from the top left of the partner. It comes from the "
            "same place where it goes: the same slice on both sides.",
            _cutmix_from_corner,
        ),
        Mistake(
            "pastes into the partner",
            "You put a patch of picture i into its partner. It is the other way round: "
            "picture i stays, and the patch comes from the partner.",
            _cutmix_other_way,
        ),
        Mistake(
            "blends the pictures",
            "You blend the whole pictures, as MixUp does. CutMix replaces the pixels "
            "in the box and leaves the others as they are.",
            _cutmix_blends,
        ),
        Mistake(
            "swaps height and width",
            "A box is (top, left, height, width): first the height, in rows. You take "
            "the width first.",
            _cutmix_width_first,
        ),
        Mistake(
            "takes x before y",
            "A box is (top, left, height, width): rows come before columns. You read "
            "it as (left, top, width, height).",
            _cutmix_x_first,
        ),
        Mistake(
            "takes the size for the other corner",
            "You read the last two numbers as the bottom and the right border. They "
            "are height and width: the box ends at `top + height`.",
            _cutmix_ends,
        ),
        Mistake(
            "takes the corner for the centre",
            "You lay the box around (top, left). That is its corner, not its centre.",
            _cutmix_centre,
        ),
        Mistake(
            "counts a negative area",
            "For a box outside the picture your bottom lies above your top, and the "
            "area comes out negative, or from two negatives positive. Clip both ends "
            "to the picture: `np.clip([top, top + height], 0, h)`.",
            _cutmix_negative_area,
        ),
        Mistake(
            "counts the pixels that changed",
            "You count pixels that differ from before. Where both pictures are black "
            "nothing differs, and still the patch was pasted: the share is an area.",
            _cutmix_changed_pixels,
        ),
        Mistake(
            "moves the box inside",
            "You move a box that hangs over the border until it fits. It stays where "
            "it is, and only its part inside the picture is pasted.",
            _cutmix_moves_box,
        ),
        Mistake(
            "follows partner backwards",
            "Picture i takes its patch from picture `partner[i]`. You look for the "
            "picture whose partner is i.",
            _cutmix_gives,
        ),
        Mistake(
            "reads what it has written",
            "You paste into the array that you still read from, so a later picture "
            "gets a patch that was pasted itself. Work on copies: `images.copy()`.",
            _cutmix_in_place,
        ),
        Mistake(
            "pastes into the pictures it was given",
            "You paste into `images` itself: a later picture gets a patch that was "
            "pasted, and the caller's pictures are gone. `out = images` is a second "
            "name and no copy; write `images.copy()`.",
            _cutmix_images_in_place,
        ),
        Mistake(
            "cuts from the new pictures",
            "You paste into a copy, but you cut from it, too, so a later picture gets "
            "a patch that was pasted. Cut from `images`, paste into the copy.",
            _cutmix_reads_copy,
        ),
        Mistake(
            "reads its own copies",
            "You work on copies, but read pictures and labels from them, too: a later "
            "picture gets what was pasted and mixed before. Read from what was handed "
            "over, write into the copies.",
            _cutmix_reads_copies,
        ),
        Mistake(
            "mixes labels that it has mixed",
            "The pictures are right, but the labels are read from where you write "
            "them, so a later one mixes what was mixed before. Read from `labels`, "
            "write into a copy.",
            _cutmix_mixes_mixed,
        ),
        Mistake(
            "takes one row and column too many",
            "Your box has a row and a column too many. It ends before `top + height`, "
            "as a slice does: `top:top + height`.",
            _cutmix_last_too,
        ),
        Mistake(
            "returns labels in float64",
            "The labels are right, in `float64`. They were handed over in `float32`: "
            "`.astype(np.float32)`.",
            _cutmix_float64,
        ),
        Mistake(
            "changes what it was given",
            "The result is right, but the caller's arrays are changed with it, and the "
            "next epoch mixes what was mixed. Return new arrays.",
            _cutmix_no_copy,
        ),
    ),
    variants=(_cutmix_variant_mask, _cutmix_variant_tensors),
    hints=(
        "First the part of the box inside the picture: rows from `max(top, 0)` to "
        "`min(top + height, h)`, columns likewise. Where the second is not larger than "
        "the first, there is nothing to paste.",
        "Copy `images` and `labels`, and go over the pictures. The patch is one slice, "
        "the same in both: `mixed[i, top:bottom, left:right] = images[partner[i], "
        "top:bottom, left:right]`.",
        "`np.clip([top, top + height], 0, h)` gives both rows at once. The share is "
        "`(bottom - top) * (right - left) / (h * w)`, and the label "
        "`(1 - share) * labels[i] + share * labels[partner[i]]`.",
    ),
    explain="An augmentation may change the answer, as long as it changes the label "
    "with it. What the label says must be what the picture shows, and at the border a "
    "box shows less than its size. Keras's `CutMix` draws the boxes and the partners "
    "for you; like all augmentation it belongs in the training pipeline only.",
)
