"""One night at a field station: what its logger, cameras and microphones sent home.

The station, its devices, its lines and its sounds are made up here, from fixed seeds;
so is every defect, and :func:`night` says where they are. Pictures and clips are
described in ``coursekit.data.camera``.
"""

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np

from coursekit.data.camera import write_clips, write_pictures

LINES = 240
"""Lines of the log, empty ones included."""

TONES = {
    "owl.wav": (16000, (400,)),
    "toad.wav": (22050, (1400,)),
    "bat.wav": (48000, (19000,)),
    "dawn.wav": (16000, (650, 550, 2000, 5000)),
    "clock.wav": (8000, (1000,)),
}
"""Recordings: samples a second, and the pitches that occur in them, in Hz."""

BEEP = 0.95
"""Second at which the tone of ``clock.wav`` begins. The lamp of ``clock.gif``, which
is switched on with it, flashes at 0.7 s: the sound is 0.25 s late."""

NOTES = """\
Dusk. Set camera 2 at the Gate; the hare was there already, as if it had waited.
An owl calls from the old mill, an owl answers from the wood.
-3.5 °C at the weir, +1.5 °C at the mill. The mist stands on the water.
Two deer at the gate. Two more behind the fence: 4 in all.
No deer at the weir; no owl, no hare. The camera's lens was wet.
Wiped the lens. The deer came back at once!
The bat box by the mill: 12 bats out, 0 in.
A fox? No, the hare again. It runs like a fox.
Señora Núñez writes from Doñana: the lynx was at HER gate, and she saw it.
Wind 7.5 m/s from the north-west; the mast sings.
The toads are out: one in the left track, one in the right track, none in the middle.
Counted the toads again: 31.
The owl took a toad (or a mouse) at the fence and went to the mill.
Midnight. Camera 3 says "card error 7". Changed the card.
Warmer again: 3.5 °C at the weir.
The deer at the gate don't mind the lamp, the hare does.
Rain from two to three; the log of the mill is full of holes.
A badger, at last! It went under the fence, to the wood.
Quiet. The water is up by 5 cm.
The cuckoo began before the blackbird, and the wren woke us all.
Dawn. The owl is back in the mill, the bats are back in the box.
All cameras in. Tea.
"""
"""What the ranger wrote, 22 lines; composed for this course."""


def night(folder: str | Path) -> Path:
    """Write all that one night brought in: about 1,250 files, 10 MB, in two seconds.

    ``log.jsonl``
        a JSON object a line, as from :func:`log_lines`; some are unusable.
    ``weather.csv``
        ``time,celsius,gust,rain``, every ten minutes; unknown is ``n/a``, two rows
        are short, and one has a word for a number.
    ``pictures/0000.jpg …``
        1,200 JPEG, PNG, BMP and GIF files (``camera.write_pictures``).
    ``notes.txt``
        the ranger's notes, :data:`NOTES`.
    ``sound/owl.wav …``
        five recordings with the pitches of :data:`TONES`, 16 bits. In ``toad.wav``,
        stereo, only the right channel hears the toad; ``dawn.wav`` has an offset.
        ``wren.mp3`` begins as an MP3 file does, and is none that can be played.
    ``clips/left-00.gif …``
        24 clips and a clock (``camera.write_clips``).

    Args:
        folder: where to put them; files of those names are overwritten.

    Returns:
        The folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line}\n" for line in log_lines())
    (folder / "log.jsonl").write_text(text, encoding="utf-8")
    (folder / "weather.csv").write_text(_weather(), encoding="ascii")
    (folder / "notes.txt").write_text(NOTES, encoding="utf-8")
    write_pictures(folder / "pictures")
    write_clips(folder / "clips")
    _write_sounds(folder / "sound")
    return folder


def sightings(count: int = LINES, seed: int = 53) -> list[dict[str, Any]]:
    """What the logger noted, whole and in order of time.

    A record has ``at`` (seconds since dusk), ``camera`` with its ``id`` and its
    ``celsius``, ``kind`` and, but for the camera ``mill`` with its older firmware,
    ``count``. Some have a field ``battery`` that nobody asked for.
    """
    rng = np.random.default_rng(seed)
    at, records = 0, []
    for _ in range(count):
        at += int(rng.integers(5, 300))
        camera = str(rng.choice(["gate", "weir", "mill"], p=[0.4, 0.35, 0.25]))
        celsius = round(6 - at / 4500 + float(rng.normal(0, 1)), 1)
        celsius = int(celsius) if celsius.is_integer() else celsius
        record: dict[str, Any] = {
            "at": at,
            "camera": {"id": camera, "celsius": celsius},
            "kind": str(rng.choice(["deer", "hare", "owl", "toad", "bat"])),
        }
        if camera != "mill":
            record["count"] = int(rng.integers(1, 5))
        if rng.random() < 0.05:
            record["battery"] = 3.7
        records.append(record)
    return records


def log_lines() -> list[str]:
    """The log as it arrived: :func:`sightings`, of which 22 lines are unusable.

    Every 21st line is torn, from the 5th on; line 12 is blank; others lack a field or
    have one of a wrong type, and line 100 is JSON, but no record.
    """
    lines = []
    for number, record in enumerate(sightings(), 1):
        line = json.dumps(record)
        if number % 21 == 5:
            line = line[: 20 + number % 40]
        elif number % 60 == 31:
            del record["kind"]
            line = json.dumps(record)
        elif number % 80 == 47:
            record["camera"]["celsius"] = f"{record['camera']['celsius']} C"
            line = json.dumps(record)
        elif number % 90 == 63:
            line = json.dumps(record | {"count": True})
        elif number in (12, 100):
            line = {12: "", 100: '["restart"]'}[number]
        lines.append(line)
    return lines


def _weather() -> str:
    rng = np.random.default_rng(54)
    rows = ["time,celsius,gust,rain"]
    for number in range(60):
        celsius = round(3 - 0.1 * number + float(rng.normal(0, 0.3)), 1)
        gust: Any = "n/a" if number % 13 == 4 else round(float(rng.gamma(4, 1.5)), 1)
        hour = f"{(20 + number // 6) % 24:02}:{number % 6}0"
        row = f"{hour},{celsius},{gust},{number % 17 == 0:d}"
        if number in (22, 41):
            row = row[: row.index(",", 6)]
        rows.append(row.replace(f"{celsius},", "frost,") if number == 33 else row)
    return "\n".join(rows) + "\n"


def _write_sounds(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(55)

    def noise(name: str, length: float) -> np.ndarray:
        return rng.normal(0, 0.005, int(length * TONES[name][0]))

    def sing(name: str, wave: np.ndarray, tone: int, start: float, end: float) -> None:
        rate, pitches = TONES[name]
        at = np.arange(int((end - start) * rate))
        swell = np.minimum(1, np.minimum(at, at[::-1]) / (0.01 * rate))
        first = int(start * rate)
        sound = 0.4 * swell * np.sin(2 * np.pi * pitches[tone] * at / rate)
        wave[first : first + len(at)] += sound

    sounds = {name: noise(name, 2.0) for name in TONES}
    sounds["dawn.wav"] = noise("dawn.wav", 4.0) + 0.1
    for start in (0.3, 1.2):
        sing("owl.wav", sounds["owl.wav"], 0, start, start + 0.5)
    for start in np.arange(0.2, 1.8, 0.1):
        sing("toad.wav", sounds["toad.wav"], 0, start, start + 0.06)
    for start in np.arange(0.2, 1.8, 0.2):
        sing("bat.wav", sounds["bat.wav"], 0, start, start + 0.1)
    for tone, start, end in [
        (0, 0.3, 0.6),
        (1, 0.7, 1.0),
        (2, 1.4, 2.2),
        (3, 2.6, 3.4),
    ]:
        sing("dawn.wav", sounds["dawn.wav"], tone, start, end)
    sing("clock.wav", sounds["clock.wav"], 0, BEEP, BEEP + 0.2)
    left = noise("toad.wav", 2.0)
    sounds["toad.wav"] = np.stack([left, sounds["toad.wav"]], axis=1)
    (folder / "wren.mp3").write_bytes(b"ID3\x04" + rng.bytes(2000))
    for name, sound in sounds.items():
        _write_wav(folder / name, sound, TONES[name][0])


def _write_wav(path: Path, sound: np.ndarray, rate: int) -> None:
    """Write samples in [-1, 1], shape (n,) or (n, channels), in 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(sound * 32767).astype("<i2").tobytes())
