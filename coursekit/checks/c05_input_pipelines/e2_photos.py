"""Exercise 05.2: ``photos``."""

import io
import os
import shutil
import tempfile
import time

import numpy as np
import tensorflow as tf

from coursekit.engine import (
    Answer,
    Case,
    Exercise,
    Mistake,
    Plain,
    spec_to_plain,
    to_plain,
)


def _probe_name(path: object) -> str:
    """The name of a file; what is no text is said to be what it is."""
    kind = "" if isinstance(path, str) else f"{type(path).__name__}: "
    path = path.numpy() if tf.is_tensor(path) else path
    path = path.decode() if isinstance(path, bytes) else path
    return kind + os.path.basename(str(path))


def _probe_pass(dataset: tf.data.Dataset, refused: list, most: int) -> dict:
    """The names and pictures of a pass, and what is refused in it."""
    before = len(refused)
    names, pictures = [], []
    for picture, path in dataset:
        names.append(_probe_name(path.numpy().decode()))
        pictures.append(to_plain(picture))
        if len(names) > most:
            return {"names": f"more than {most}", "refused": None, "pictures": None}
    told = sorted(map(_probe_name, refused[before:]))
    return {"names": names, "refused": told, "pictures": pictures}


def _probe_photos(answer: Answer, case: Case) -> Plain:
    """One pass or three over files in a folder that is gone afterwards."""
    files, side, times = case.args
    # a name of digits: whatever an error quotes of it does not tell runs apart
    folder = os.path.join(tempfile.gettempdir(), f"{os.getpid()}{time.time_ns()}")
    os.mkdir(folder)
    found = dict.fromkeys(("returned", "element spec", "refused before the first pass"))
    parts = "names", "refused", "pictures"
    found |= {f"pass {k}: {what}": None for k in range(1, times + 1) for what in parts}
    try:
        paths = [os.path.join(folder, name) for name, _ in files]
        for path, (_, content) in zip(paths, files, strict=True):
            if content is not None:
                with open(path, "wb") as file:
                    file.write(content)
        refused: list = []
        dataset = answer([*paths], side, refused)
        made = isinstance(dataset, tf.data.Dataset)
        found["returned"] = "a dataset" if made else type(dataset).__name__
        found["element spec"] = spec_to_plain(dataset.element_spec) if made else None
        spec = found["element spec"]
        if not isinstance(spec, tuple) or spec[1:] != ("string, shape ()",):
            return found
        early = sorted(map(_probe_name, refused))
        passes = []
        for number in range(times):  # the list is emptied before the third pass only
            refused[:] = refused if number < 2 else []
            passes.append(_probe_pass(dataset, refused, 2 * len(files)))
    finally:
        shutil.rmtree(folder)
    found["refused before the first pass"] = early
    for number, one in enumerate(passes, 1):
        found |= {f"pass {number}: {what}": value for what, value in one.items()}
    return found


def _ramps(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A picture of smooth ramps, uint8; no channel and no corner is like another."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    low, high = rng.uniform(0.1, 0.3, 3), rng.uniform(0.7, 0.95, 3)
    parts = x, 1 - 0.8 * y, (x + 2 * y) / 3
    levels = [a + (b - a) * part for a, b, part in zip(low, high, parts, strict=True)]
    return (255 * np.stack(levels, axis=-1)).round().astype(np.uint8)


def _stored(kind: str, pixels: np.ndarray) -> bytes:
    from PIL import Image

    content, how = io.BytesIO(), {}
    picture = Image.fromarray(pixels[..., 0] if kind.startswith("grey") else pixels)
    if kind == "gif":  # up to 256 pixels, so that every colour has a place
        other = Image.fromarray(255 - pixels)
        frames = [p.convert("P", palette=1, colors=256) for p in (picture, other)]
        picture, how = frames[0], {"save_all": True, "append_images": frames[1:]}
    if kind.endswith("jpeg"):
        how = {"quality": 98, "subsampling": 0}
    picture.save(content, format=kind.split()[-1], **how)
    return content.getvalue()


def _photos_inputs(rng: np.random.Generator) -> list[Case]:
    side = 4 * int(rng.integers(2, 4))

    def file(kind: str, height: float, width: float) -> tuple[str, bytes]:
        """The sides are given as multiples of the side asked for."""
        pixels = _ramps(rng, int(side * height), int(side * width))
        ending = kind.split()[-1].replace("jpeg", "jpg")
        return f"{rng.integers(1000, 10_000)}.{ending}", _stored(kind, pixels)

    def broken(what: str) -> tuple[str, bytes | None]:
        name, content = file("png", 2, 1)
        if what == "text":
            return name.replace("png", "jpg"), b"camera 3: battery low\n"
        if what == "cut short":
            return name, content[: int(len(content) * rng.uniform(0.4, 0.8))]
        return name, None if what == "missing" else b""

    def case(group: str, *told: str | tuple[str, float, float]) -> Case:
        files = [broken(t) if isinstance(t, str) else file(*t) for t in told]
        shown = [
            f"{name} ({t if isinstance(t, str) else t[0]})"
            for t, (name, _) in zip(told, files, strict=True)
        ]
        call = f"photos(paths, {side}, refused) on {', '.join(shown)}"
        times = 3 if "text" in told else 1
        call += ", read three times" * (times == 3)
        return Case(group, (tuple(files), side, times), call)

    tall, wide, small = ("jpeg", 2, 1), ("bmp", 1, 2), ("png", 0.25, 0.5)
    colour = [tall, wide, small]
    grey = ("grey jpeg", 1, 2), ("gif", 0.5, 1), ("grey png", 1, 0.5)
    broken_ones = "text", small, "cut short", "empty", wide
    return [
        case("pictures in colour", *(colour[k] for k in rng.permutation(3))),
        case("grey pictures, an animation", *grey),
        case("files that cannot be decoded", tall, *broken_ones),
        case("a file that is not there", small, "missing", tall),
    ]


def _bilinear(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize, pixel centres at halves, to what the weights of two neighbours give."""
    for axis, size in enumerate((height, width)):
        given = pixels.shape[axis]
        at = ((np.arange(size) + 0.5) * given / size - 0.5).clip(0, given - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, given - 1)
        share = np.expand_dims(at - low, tuple(k for k in range(3) if k != axis))
        pixels = pixels.take(low, axis) * (1 - share) + pixels.take(high, axis) * share
    return pixels


def _whole(pixels: np.ndarray, side: int, *_: int) -> np.ndarray:
    """The picture in the middle of a black square, float32."""
    scale = side / max(pixels.shape[:2])
    height, width = (round(n * scale) for n in pixels.shape[:2])
    top, left = (side - height) // 2, (side - width) // 2
    whole = np.zeros((side, side, pixels.shape[2]), np.float32)
    inside = _bilinear(pixels, height, width)
    whole[top : top + height, left : left + width] = inside
    return whole


def _photos_expected(case: Case) -> Plain:
    from PIL import Image

    files, side, times = case.args
    names, refused, pictures = [], [], []
    for name, content in files:
        try:
            with Image.open(io.BytesIO(content or b"")) as picture:
                pixels = np.asarray(picture.convert("RGB")) / 255
        except OSError:
            refused.append(name)
            continue
        names.append(name)
        pictures.append(_whole(pixels, side))
    found = {
        "returned": "a dataset",
        "element spec": (f"float32, shape ({side}, {side}, 3)", "string, shape ()"),
        "refused before the first pass": [],
    }
    for number in range(1, times + 1):
        found |= {
            f"pass {number}: names": names,
            f"pass {number}: refused": sorted(refused),
            f"pass {number}: pictures": pictures,
        }
    return found


def _decoded(content):
    return tf.io.decode_image(content, channels=3, expand_animations=False)


def _spec(side, shape=None):
    shape = (side, side, 3) if shape is None else shape
    return tf.TensorSpec(shape, tf.float32), tf.TensorSpec((), tf.string)


class _Light(tf.data.Dataset):
    """A dataset of a generator for one who reads it, and nobody else.

    A diagnosis runs all mistakes, and a real one takes 50 ms to build.
    """

    def __init__(self, generator, spec) -> None:
        self._generator, self._element_spec = generator, spec

    @property
    def element_spec(self):
        return self._element_spec

    def _inputs(self):
        return []

    def __iter__(self):
        for picture, path in self._generator():
            yield tf.cast(picture, tf.float32), tf.constant(path)


def _real(generator, spec):
    return tf.data.Dataset.from_generator(generator, output_signature=spec)


def _photos(paths, side, refused, decode=_decoded, fit=_whole, made=_Light, **how):
    """A right answer in parts that the mistakes replace; NumPy, for speed."""

    def pictures():
        for path in paths:
            if how.get("reads_first"):
                tf.io.read_file(path)
            try:
                picture = decode(tf.io.read_file(path)).numpy()
            except tf.errors.OpError:
                if not (how.get("each_once") and path in refused):
                    refused.append(path)
                if how.get("ends"):
                    return
                if how.get("black"):
                    yield np.zeros((side, side, 3)), path
                continue
            yield fit(picture / how.get("scale", 255), side, side), path

    return made(pictures, how.get("spec", _spec(side, how.get("shape"))))


def _mapped(paths, side):
    def load(path):
        picture = _decoded(tf.io.read_file(path))
        return tf.image.resize_with_pad(picture / 255, side, side), path

    return tf.data.Dataset.from_tensor_slices(paths).map(load)


def _photos_unguarded(paths, side, refused):
    return _mapped(paths, side)


def _photos_ignores(paths, side, refused):
    return _photos(paths, side, [])  # for a check the same as ignore_errors()


def _photos_ends(paths, side, refused):
    return _photos(paths, side, refused, ends=True)


def _photos_black(paths, side, refused):
    return _photos(paths, side, refused, black=True)


def _photos_read_unguarded(paths, side, refused):
    return _photos(paths, side, refused, made=_real, reads_first=True)


def _photos_at_once(paths, side, refused):
    def good(path):
        try:
            _decoded(tf.io.read_file(path))
        except tf.errors.OpError:
            refused.append(path)
            return False
        return True

    return _photos([path for path in paths if good(path)], side, refused)


def _photos_first_pass_only(paths, side, refused):
    pairs, found = _photos(paths, side, refused), []

    def once():
        found.append([*iter(pairs)]) if not found else None
        return iter(found[0])

    return _Light(once, pairs.element_spec)


def _photos_as_stored(paths, side, refused):
    def decode(content):
        return tf.io.decode_image(content, expand_animations=False)

    return _photos(paths, side, refused, decode, made=_real)


def _photos_all_frames(paths, side, refused):
    def decode(content):
        return tf.io.decode_image(content, channels=3)

    def fit(picture, height, width):
        return tf.image.resize_with_pad(picture, height, width)

    return _photos(paths, side, refused, decode, fit, _real)


def _photos_jpeg_only(paths, side, refused):
    def decode(content):
        return tf.io.decode_jpeg(content, channels=3)

    return _photos(paths, side, refused, decode)


def _photos_not_scaled(paths, side, refused):
    return _photos(paths, side, refused, scale=1)


def _photos_scaled_twice(paths, side, refused):
    return _photos(paths, side, refused, scale=255 * 255)


def _photos_stretched(paths, side, refused):
    return _photos(paths, side, refused, fit=_bilinear)


def _photos_cropped(paths, side, refused):
    return _photos(paths, side, refused, fit=tf.image.resize_with_crop_or_pad)


def _photos_no_shape(paths, side, refused):
    return _photos(paths, side, refused, shape=(None, None, 3))


def _photos_no_spec(paths, side, refused):
    spec = tf.TensorSpec(None, tf.float32), tf.TensorSpec(None, tf.string)
    return _photos(paths, side, refused, spec=spec)


def _photos_each_once(paths, side, refused):
    return _photos(paths, side, refused, each_once=True)


def _photos_variant_filter(paths, side, refused):
    def load(path):
        try:
            return _decoded(tf.io.read_file(path))
        except tf.errors.OpError:
            refused.append(path.numpy().decode())
            return tf.zeros((0, 0, 3), tf.uint8)

    def decode(path):
        picture = tf.py_function(load, [path], tf.uint8)
        return tf.ensure_shape(picture, (None, None, 3)), path

    def fit(picture, path):
        picture = tf.image.convert_image_dtype(picture, tf.float32)
        return tf.image.resize_with_pad(picture, side, side), path

    pictures = tf.data.Dataset.from_tensor_slices(paths).map(decode)
    return pictures.filter(lambda picture, path: tf.size(picture) > 0).map(fit)


def _photos_variant_roll_call(paths, side, refused):
    fast = _mapped(paths, side).ignore_errors(log_warning=False)

    def pictures():
        absent = {*paths}
        for picture, path in fast:
            absent.discard(path.numpy().decode())
            yield picture, path
        refused.extend(path for path in paths if path in absent)

    return tf.data.Dataset.from_generator(pictures, output_signature=_spec(side))


EXERCISE = Exercise(
    id="05.2",
    name="photos",
    points=4,
    minutes=18,
    difficulty="core",
    inputs=_photos_inputs,
    probe=_probe_photos,
    expected=_photos_expected,
    atol=0.05,  # two JPEG decoders differ by some levels of 255
    mistakes=(
        Mistake(
            "lets a broken file end the pass",
            "The first file that cannot be decoded ends the whole pass. Inside `map` a "
            "`try` does not help, since it guards the building of the graph and not "
            "its runs. Decode in Python, in a generator or a `tf.py_function`, with "
            "`except tf.errors.OpError`.",
            _photos_unguarded,
        ),
        Mistake(
            "leaves all shapes unknown",
            "What comes out of a `py_function` has no known shape, the path neither. "
            "Say it: `tf.ensure_shape(picture, (side, side, 3))`, and `()` for the "
            "path.",
            _photos_no_spec,
        ),
        Mistake(
            "notes a path only once",
            "After a second pass the list holds what it held after the first: you "
            "leave out a path that is there already, or empty the list. It belongs to "
            "the caller: append, in every pass.",
            _photos_each_once,
        ),
        Mistake(
            "drops broken files without a word",
            "The pictures are right, but nobody learns which files are missing: "
            "`ignore_errors()` tells no one. Put every path that cannot be used into "
            "`refused`, the list that you are given.",
            _photos_ignores,
        ),
        Mistake(
            "ends at the first broken file",
            "You note the broken file and leave the loop, so all good ones behind it "
            "are lost. Go on with the next: `continue`, not `return` or `break`.",
            _photos_ends,
        ),
        Mistake(
            "makes black pictures of broken files",
            "A broken file has come out as a black picture, and a model would learn "
            "from it. Leave it out of the pass, with `continue` or a `filter`.",
            _photos_black,
        ),
        Mistake(
            "guards the decoding only",
            "A path may lead nowhere. `tf.io.read_file` raises as well, a "
            "`NotFoundError`, so it belongs in the same `try`.",
            _photos_read_unguarded,
        ),
        Mistake(
            "reads all files while building",
            "You look at the files when `photos` is called: `refused` is filled before "
            "anybody asks for a picture, and a second pass adds nothing. Read inside "
            "the generator or the `map`, which run in every pass.",
            _photos_at_once,
        ),
        Mistake(
            "reports in the first pass only",
            "Your second pass refuses nothing, since it does not look at the files any "
            "more: a `cache` stands behind the reading. Each pass reads and reports "
            "anew.",
            _photos_first_pass_only,
        ),
        Mistake(
            "keeps the channels of the file",
            "A grey file has one channel, and yours stays so. `channels=3` makes three "
            "of it while decoding.",
            _photos_as_stored,
        ),
        Mistake(
            "keeps all frames of an animation",
            "`decode_image` gives an animated GIF four axes, a frame for each moment. "
            "With `expand_animations=False` it keeps the first frame, as the task "
            "wants.",
            _photos_all_frames,
        ),
        Mistake(
            "decodes JPEG and PNG only",
            "You refuse good BMP and GIF files, because `decode_jpeg` and `decode_png` "
            "do not read them. `tf.io.decode_image` finds out itself what a file is.",
            _photos_jpeg_only,
        ),
        Mistake(
            "leaves 0 to 255",
            "Your values go up to 255. Divide by 255, so that black is 0 and white is "
            "1.",
            _photos_not_scaled,
        ),
        Mistake(
            "scales twice",
            "Your pictures are nearly black: divided by 255, and once more. "
            "`convert_image_dtype` and `decode_image(…, dtype=tf.float32)` have scaled "
            "already.",
            _photos_scaled_twice,
        ),
        Mistake(
            "stretches the pictures",
            "`tf.image.resize` pulls every picture into a square, and animals become "
            "thin or fat. `tf.image.resize_with_pad` keeps the proportions.",
            _photos_stretched,
        ),
        Mistake(
            "cuts instead of scaling",
            "`resize_with_crop_or_pad` does not scale: of a large picture it keeps the "
            "middle, and a small one stays small. `tf.image.resize_with_pad` shows the "
            "whole picture.",
            _photos_cropped,
        ),
        Mistake(
            "leaves the shape open",
            "The pictures are right, but the dataset does not know their shape. State "
            "it: in the `output_signature`, or with `tf.ensure_shape`.",
            _photos_no_shape,
        ),
    ),
    variants=(_photos_variant_filter, _photos_variant_roll_call),
    hints=(
        "Whatever may fail has to run in Python, where `try` works: in a generator for "
        "`tf.data.Dataset.from_generator`, as in section 05.1, or in a "
        "`tf.py_function`.",
        "For each path: in `try`, read and decode, with `channels=3` and "
        "`expand_animations=False`. `except tf.errors.OpError:` puts the path into "
        "`refused` and goes on with the next.",
        "Then `yield tf.image.resize_with_pad(picture / 255, side, side), path`. The "
        "`output_signature` is a pair: `tf.TensorSpec((side, side, 3), tf.float32)` "
        "and `tf.TensorSpec((), tf.string)`.",
    ),
    explain="Files from outside differ in format, size and channels, and some are "
    "broken. A loader makes one kind of picture of them, says by its spec which, and "
    "accounts for every file: shown or refused. In Python this costs time for each "
    "file; the lesson's fast lane decodes in the graph and calls the roll afterwards.",
)
