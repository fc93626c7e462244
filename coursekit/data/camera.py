"""A camera trap's cards: pictures of many sizes and formats, and short clips.

The backgrounds are crops of scikit-learn's two photographs (``ck.data.photo``:
danielbuechele, CC BY 2.0), darkened and grey where the camera used its infra-red
lamp. The animals are drawn here, as silhouettes, from a fixed seed.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from coursekit.data.pictures import photo

BROKEN = {
    17: "cut",
    88: "empty",
    131: "text",
    204: "cut",
    259: "wiped",
    333: "cut",
    402: "cut",
    477: "text",
    540: "empty",
    618: "cut",
    666: "wiped",
    701: "cut",
    779: "cut",
    845: "text",
    903: "wiped",
    958: "wiped",
    1003: "empty",
    1066: "cut",
    1120: "wiped",
    1187: "cut",
}
"""The pictures that no decoder can read, by number, and what befell them: the file
was cut off, is empty, holds a message of the card reader, or lost its first bytes.
(A JPEG that is cut in its header, or a PNG, makes the decoding library write to the
terminal; so those are cut near the end, and these are not cut at all.)"""

CLIP_FRAMES, CLIP_SIZE, FLASH = 12, (48, 72), 7
"""Frames of a clip, 100 ms each; rows and columns; the frame with the clock's flash."""

_ANIMALS = {
    "deer": [
        (0.08, 0.42, 0.66, 0.68),
        (0.13, 0.55, 0.19, 1.00),
        (0.23, 0.55, 0.29, 1.00),
        (0.46, 0.55, 0.52, 1.00),
        (0.56, 0.55, 0.62, 1.00),
        (0.54, 0.22, 0.68, 0.60),
        (0.56, 0.16, 0.88, 0.32),
        (0.50, 0.00, 0.56, 0.24),
        (0.62, 0.00, 0.68, 0.22),
    ],
    "hare": [
        (0.10, 0.45, 0.66, 0.95),
        (0.52, 0.35, 0.84, 0.65),
        (0.56, 0.00, 0.64, 0.45),
        (0.66, 0.02, 0.74, 0.45),
        (0.48, 0.85, 0.86, 0.98),
        (0.02, 0.62, 0.18, 0.78),
    ],
    "owl": [
        (0.25, 0.25, 0.75, 0.98),
        (0.22, 0.05, 0.78, 0.50),
        (0.22, 0.00, 0.34, 0.22),
        (0.66, 0.00, 0.78, 0.22),
    ],
}
"""Each animal as ellipses, (left, top, right, bottom) in shares of its square."""


def write_pictures(folder: Path, count: int = 1200) -> None:
    """Write ``0000.jpg``, ``0001.png``, …: JPEG, PNG, BMP and GIF of many sizes.

    A side has 40 to 160 pixels; every 25th picture is a panorama, three times as wide
    as it is high. Three in five are grey night pictures, the others have colours;
    half show an animal. Some PNG files have 16 bits per channel or a fourth channel,
    and some GIF files two frames. Those of :data:`BROKEN` cannot be decoded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(51)
    places = [Image.fromarray(photo(name)) for name in ("china", "flower")]
    for number in range(count):
        ending = rng.choice(["jpg", "png", "bmp", "gif"], p=[0.6, 0.2, 0.1, 0.1])
        path = folder / f"{number:04}.{ending}"
        picture = _picture(places[rng.integers(2)], rng, panorama=number % 25 == 3)
        if number % 2 == 0:
            _animal(picture, rng)
        _save(picture, path, rng)
        if number in BROKEN:
            data = path.read_bytes()
            damage = {
                "cut": data[: len(data) * 9 // 10],
                "wiped": bytes(64) + data[64:],
            }
            damage |= {"empty": b"", "text": b"card error 7: please format\n"}
            path.write_bytes(damage[BROKEN[number]])


def _picture(
    place: Image.Image, rng: np.random.Generator, *, panorama: bool
) -> Image.Image:
    width, height = (int(side) for side in rng.integers(40, 161, 2))
    if panorama:
        width, height = 156, 52
    zoom = rng.uniform(1.2, 2.5)
    wide, high = int(width * zoom), int(height * zoom)
    left = rng.integers(0, place.width - wide + 1)
    top = rng.integers(0, place.height - high + 1)
    crop = place.resize((width, height), box=(left, top, left + wide, top + high))
    if rng.random() < 0.6:
        dim, base = rng.uniform(0.15, 0.35), rng.uniform(10, 40)
        crop = crop.convert("L").point(lambda level: int(base + dim * level))
    return crop


def _animal(picture: Image.Image, rng: np.random.Generator) -> None:
    name = rng.choice([*_ANIMALS])
    side = int(rng.uniform(0.45, 0.8) * min(picture.size))
    left = int(rng.integers(0, picture.width - side + 1))
    shade = 8 if picture.mode == "L" else (48, 36, 30)
    corner = left, int(0.95 * picture.height) - side
    silhouette(picture, name, corner, side, shade, mirrored=rng.random() < 0.5)


def silhouette(
    picture: Image.Image,
    name: str,
    corner: tuple[int, int],
    side: int,
    shade: int | tuple[int, int, int],
    *,
    mirrored: bool = False,
) -> None:
    """Draw ``"deer"``, ``"hare"`` or ``"owl"`` into a picture.

    Args:
        picture: mode ``"L"`` or ``"RGB"``; it is changed.
        corner: column and row of the top left corner of the animal's square.
        side: of that square, in pixels.
        shade: grey level or colour, as the mode wants it.
        mirrored: looks to the left; otherwise to the right.
    """
    draw = ImageDraw.Draw(picture)
    column, row = corner
    for left, top, right, bottom in _ANIMALS[name]:
        if mirrored:
            left, right = 1 - right, 1 - left
        box = column + left * side, row + top * side
        draw.ellipse([*box, column + right * side, row + bottom * side], fill=shade)


def _save(picture: Image.Image, path: Path, rng: np.random.Generator) -> None:
    kind = rng.random()
    if path.suffix == ".png" and kind < 0.2:
        levels = np.array(picture.convert("L")).astype("uint16") * 257
        picture = Image.fromarray(levels)
    elif path.suffix == ".png" and kind < 0.4:
        picture = picture.convert("RGBA")
    if path.suffix == ".gif" and kind < 0.3:
        darker = picture.point(lambda level: level // 2)
        picture.save(path, save_all=True, append_images=[darker], duration=100)
    else:
        settings = {".jpg": {"quality": 85}, ".png": {"compress_level": 1}}
        picture.save(path, **settings.get(path.suffix, {}))


def write_clips(folder: Path, count: int = 24) -> None:
    """Write ``left-00.gif``, ``right-01.gif``, …, and ``clock.gif``: grey, 12 frames.

    In each an animal crosses a flickering night to the left or to the right, as the
    name of the file says; it may look either way, and may walk backwards. In
    ``clock.gif`` a lamp flashes in frame :data:`FLASH`, counted from 0.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(52)
    rows, columns = CLIP_SIZE
    scenery = np.array(Image.fromarray(photo("china")).convert("L"))
    for number in range(count):
        to_left, mirrored = rng.random() < 0.5, rng.random() < 0.5
        top, left = rng.integers(0, 250), rng.integers(0, 400)
        ground = scenery[top : top + 2 * rows : 2, left : left + 2 * columns : 2] // 4
        name, side = rng.choice([*_ANIMALS]), int(rng.integers(16, 26))
        path = np.linspace(0, columns - side, CLIP_FRAMES).astype(int)
        frames = []
        for column in path[::-1] if to_left else path:
            flicker = rng.integers(0, 10, (rows, columns))
            frame = Image.fromarray((ground + 40 + flicker).astype("uint8"))
            corner = int(column), int(rows - side - 2)
            silhouette(frame, name, corner, side, 8, mirrored=mirrored)
            frames.append(frame)
        _write_gif(folder / f"{'left' if to_left else 'right'}-{number:02}.gif", frames)
    clock = rng.integers(20, 40, (CLIP_FRAMES, rows, columns)).astype("uint8")
    clock[FLASH] += 180
    _write_gif(folder / "clock.gif", [Image.fromarray(frame) for frame in clock])


def _write_gif(path: Path, frames: list[Image.Image]) -> None:
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
