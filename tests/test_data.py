"""The data sets of ``coursekit.data``: what they hold, and that it never changes."""

import csv
import hashlib
import json
import sqlite3
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

import coursekit as ck
from coursekit.data import camera, clinic, mail, sorting, station


def fingerprint(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()[:12]


# -------------------------------------------------------------------- mail


def test_the_archive_is_complete_and_filed_by_digit() -> None:
    images, labels = ck.data.scans()
    assert images.shape == (1797, 8, 8) and images.dtype == np.uint8
    assert images.max() == mail.LEVELS - 1
    assert labels.dtype == np.int64 and np.all(np.diff(labels) >= 0)
    assert not images.flags.writeable and not labels.flags.writeable
    some, digits = ck.data.scans((3, 7))
    assert set(digits.tolist()) == {3, 7}
    assert np.array_equal(some, images[np.isin(labels, (3, 7))])


def test_every_digit_has_one_counter() -> None:
    kept = [digit for digits in mail.COUNTERS.values() for digit in digits]
    assert sorted(kept) == list(range(10))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ck.data.post_office(tmp_path_factory.mktemp("mail") / "office")


def from_letters(text: str) -> np.ndarray:
    return np.array([ord(letter) - ord("A") for letter in text]).reshape(8, 8)


def test_the_files_of_the_counters_hold_their_scans(office: Path) -> None:
    read: dict[str, list[tuple[int, np.ndarray]]] = {}
    with np.load(office / "a.npz") as file:
        read["a.npz"] = [*zip(file["labels"], file["images"], strict=True)]
    lines = (office / "c.txt").read_text().splitlines()
    read["c.txt"] = [(int(line[0]), from_letters(line[2:])) for line in lines]
    with open(office / "d.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["digit", *(f"p{k}" for k in range(64))]
    assert not any("0" in row[1:] for row in rows)
    pixels = [np.array([int(p or 0) for p in row[1:]]).reshape(8, 8) for row in rows]
    read["d.csv"] = [(int(r[0]), p) for r, p in zip(rows, pixels, strict=True)]
    table = sqlite3.connect(office / "e.sqlite")
    found = table.execute("SELECT digit, pixels FROM scans ORDER BY id").fetchall()
    table.close()
    read["e.sqlite"] = [(digit, from_letters(text)) for digit, text in found]
    paths = sorted((office / "f").glob("*/*.png"))
    read["f"] = [(int(p.parent.name), np.array(Image.open(p)) // 15) for p in paths]
    assert {*read} == {path.name for path in office.iterdir()}
    for name, pairs in read.items():
        images, labels = ck.data.scans(mail.COUNTERS[name])
        assert [label for label, _ in pairs] == labels.tolist()
        assert np.array_equal([image for _, image in pairs], images)


def test_an_office_can_be_written_twice(office: Path) -> None:
    before = (office / "d.csv").read_bytes()
    assert ck.data.post_office(office) == office
    assert (office / "d.csv").read_bytes() == before


def test_letters_show_the_digits_of_their_codes() -> None:
    images, labels = ck.data.scans()
    known = {
        image.tobytes(): int(label) for image, label in zip(images, labels, strict=True)
    }
    for letter in ck.data.letters(50):
        assert letter.strip.shape == (len(letter.code), 8, 8)
        assert [known[scan.tobytes()] for scan in letter.strip] == letter.digits
        assert letter.digits == [int(digit) for digit in letter.code]


def test_letters_have_the_lengths_of_real_postcodes_and_never_change() -> None:
    letters = ck.data.letters()
    sizes = [len(letter.code) for letter in letters]
    assert len(letters) == 600 and set(sizes) == {*mail.CODE_LENGTHS}
    assert sum(mail.CODE_LENGTHS.values()) == pytest.approx(1)
    assert any(letter.code.startswith("0") for letter in letters)
    assert [x.code for x in letters[:3]] == ["78970", "3504151", "239459"]
    assert fingerprint(*(x.strip for x in letters)) == "ec64f562cbd8"
    assert [x.code for x in ck.data.letters(3, seed=8)] != [x.code for x in letters[:3]]


# ----------------------------------------------------------------- station


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ck.data.night(tmp_path_factory.mktemp("station") / "night")


def flaw(line: str) -> str:
    """What is wrong with a line of the log, by its first letter; "" for nothing."""
    if not line:
        return "blank"
    try:
        record = json.loads(line)
    except ValueError:
        return "torn"
    if not isinstance(record, dict):
        return "no record"
    if "kind" not in record:
        return "kind"
    if not isinstance(record["camera"]["celsius"], int | float):
        return "celsius"
    return "count" if record.get("count") is True else ""


def test_the_log_has_the_flaws_that_are_written_down(night: Path) -> None:
    lines = (night / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines == station.log_lines() and len(lines) == station.LINES
    flaws = [flaw(line) for line in lines]
    assert flaws.count("") == station.LINES - 22
    assert {n for n, f in enumerate(flaws, 1) if f == "torn"} == {*range(5, 241, 21)}
    assert flaws[11] == "blank" and flaws[99] == "no record"
    whole = [json.loads(x) for x, f in zip(lines, flaws, strict=True) if not f]
    assert all(("count" in x) == (x["camera"]["id"] != "mill") for x in whole)
    times = [record["at"] for record in whole]
    assert times == sorted(times)


def test_the_weather_has_two_short_rows_and_a_word(night: Path) -> None:
    header, *rows = csv.reader((night / "weather.csv").read_text().splitlines())
    assert header == ["time", "celsius", "gust", "rain"] and len(rows) == 60
    assert len({row[0] for row in rows}) == 60
    assert [len(row) for row in rows].count(2) == 2
    assert [row[1] for row in rows].count("frost") == 1


def test_the_broken_pictures_and_no_others_cannot_be_read(night: Path) -> None:
    paths = sorted((night / "pictures").iterdir())
    assert [int(path.stem) for path in paths] == [*range(1200)]
    broken, sizes, modes = set(), set(), set()
    for path in paths:
        try:
            with Image.open(path) as picture:
                picture.load()
                sizes.add(picture.size)
                modes.add((path.suffix, picture.mode))
        except OSError:
            broken.add(int(path.stem))
    assert broken == {*camera.BROKEN}
    assert min(map(min, sizes)) == 40 and max(map(max, sizes)) == 160
    assert {(".png", "RGBA"), (".png", "I;16"), (".jpg", "L"), (".gif", "P")} <= modes


def test_the_recordings_hold_their_tones(night: Path) -> None:
    for name, (rate, pitches) in station.TONES.items():
        with wave.open(str(night / "sound" / name)) as file:
            assert file.getframerate() == rate and file.getsampwidth() == 2
            channels = file.getnchannels()
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        sound = sound.reshape(-1, channels) / 32768
        assert channels == 1 + (name == "toad.wav") and np.abs(sound).max() < 0.6
        strength = np.abs(np.fft.rfft(sound[:, -1]))
        for pitch in pitches:
            bin = round(pitch * len(sound) / rate)
            near = strength[bin - 2 : bin + 3].max()
            assert near > 20 * np.median(strength), (name, pitch)
    assert (night / "sound" / "wren.mp3").read_bytes().startswith(b"ID3")


def test_the_animals_of_the_clips_go_where_their_names_say(night: Path) -> None:
    for path in sorted((night / "clips").iterdir()):
        with Image.open(path) as clip:
            assert clip.n_frames == camera.CLIP_FRAMES
            frames = [
                np.array(f.convert("L"), int) for f in ImageSequence.Iterator(clip)
            ]
        assert frames[0].shape == camera.CLIP_SIZE
        if path.stem == "clock":
            assert int(np.argmax([f.mean() for f in frames])) == camera.FLASH
            continue
        places = [np.nonzero(frame < 20)[1].mean() for frame in frames]
        assert np.all(np.diff(places) * (1 if "right" in path.stem else -1) > 0)


def test_a_night_never_changes(night: Path, tmp_path: Path) -> None:
    again = ck.data.night(tmp_path)
    names = sorted(p.relative_to(again) for p in again.rglob("*.*"))
    assert names == sorted(p.relative_to(night) for p in night.rglob("*.*"))
    assert all((again / n).read_bytes() == (night / n).read_bytes() for n in names)


def test_a_line_sends_from_a_place_and_breaks_off() -> None:
    line = ck.data.Line([b"a\n", b"b\n", b"c\n", b"END\n"], breaks=2)
    got = []
    with pytest.raises(ConnectionError):
        got.extend(line.lines())
    assert got == ["a", "b"]
    assert [*line.lines(2)] == ["c"]
    line.close()
    with pytest.raises(OSError):
        next(line.lines())


def test_a_line_sends_bytes_and_waits_for_those_who_do_not_take_them() -> None:
    line = ck.data.Line([bytes([k]) * 65536 for k in range(100)], buffer=65536)
    pieces = line.pieces(65536, first=10)
    assert next(pieces) == bytes([10]) * 65536
    time.sleep(0.2)
    assert line.sent < 50
    assert [piece[0] for piece in pieces] == [*range(11, 100)]
    line.close()


# ------------------------------------------------------------------ clinic


def test_the_patients_are_those_of_the_study_in_two_parts() -> None:
    from sklearn.datasets import load_diabetes

    raw = load_diabetes(scaled=False)
    train, test = ck.data.patients()
    assert [*train] == [*test] and clinic.OUTCOME in train
    assert (len(train["age"]), len(test["age"])) == (354, 88)
    for name, other in {"age": "age", "bmi": "bmi", "tc": "s1", "glu": "s6"}.items():
        whole = np.sort(np.append(train[name], test[name]))
        column = raw.data[:, raw.feature_names.index(other)]
        assert whole.dtype == np.float32 and np.allclose(whole, np.sort(column))
    assert {*train["sex"]} == {*test["sex"]} == {"1", "2"}
    both = np.append(train["progression"], test["progression"])
    assert np.array_equal(np.sort(both), np.sort(raw.target))
    rows = [tuple(column[k] for column in train.values()) for k in range(354)]
    others = [tuple(column[k] for column in test.values()) for k in range(88)]
    assert len({*rows, *others}) == 442
    train["age"][:] = 0
    assert ck.data.patients()[0]["age"].min() > 18


def test_the_lockers_know_nothing_of_their_patients() -> None:
    train, test = ck.data.lockers()
    assert train.shape == (354,) and test.shape == (88,)
    assert all(name[0] == "L" and 0 <= int(name[1:]) < 500 for name in [*train, *test])
    outcome = ck.data.patients()[0]["progression"]
    number = [int(name[1:]) for name in train]
    assert abs(np.corrcoef(number, outcome)[0, 1]) < 0.1


def test_the_descriptions_are_texts_without_markup() -> None:
    texts = ck.data.descriptions()
    assert len(texts) == 14 and {"diabetes", "breast_cancer", "wine"} <= {*texts}
    assert all(len(text.split()) > 80 for text in texts.values())
    assert not any("`" in text or ":class:" in text for text in texts.values())
    assert "442 diabetes patients" in texts["diabetes"]


def test_the_scan_the_recording_and_the_prices_are_whole() -> None:
    scan, curve = ck.data.mri(), ck.data.eeg()
    assert scan.shape == (256, 256) and scan.dtype == np.float32
    assert (scan.min(), scan.max()) == (0, 1)
    assert curve.shape == (800, 4) and curve.dtype == np.float32
    assert np.allclose(curve.std(axis=0), 1, atol=0.01)
    dates, close = ck.data.prices()
    assert dates.shape == close.shape == (1047,) and np.all(np.diff(dates) > 0)
    assert (close[0], close[-1]) == (100.34, 362.71)


def test_the_visits_are_drawn_about_their_trend_and_season() -> None:
    visits = ck.data.visits()
    assert visits.count.shape == (364,) and not np.isnan(visits.count[0])
    assert np.isnan(visits.count).sum() == 9
    assert visits.season[:7].sum() == 0
    assert np.array_equal(visits.season[7:], visits.season[:-7])
    rest = visits.count - visits.trend - visits.season
    assert abs(np.nanmean(rest)) < 1 and 4 < np.nanstd(rest) < 6.5


def test_two_drugs_for_one_illness_never_share_a_line() -> None:
    lines = [line.split() for line in ck.data.notes()]
    assert len(lines) == 3000 and {len(line) for line in lines} <= {*range(4, 11)}
    for drugs, signs, _ in clinic._CASES.values():
        for pair in (drugs, signs):
            assert not any({*pair} <= {*line} for line in lines)
            assert all(any(word in line for line in lines) for word in pair)


def test_what_the_clinic_makes_never_changes() -> None:
    visits = ck.data.visits()
    assert fingerprint(visits.count, visits.trend, visits.season) == "756f7fefb7a6"
    assert fingerprint(*(a.astype("S4") for a in ck.data.lockers())) == "36bda7c6a4d0"
    assert ck.data.notes() == ck.data.notes()
    assert ck.data.notes(2) == ck.data.notes()[:2]


def test_an_envelope_costs_what_its_tariff_says() -> None:
    some = ck.data.envelopes(300, seed=1)
    assert some.picture.shape == (300, 10, 40) and some.picture.dtype == np.float32
    assert 0 <= some.picture.min() and some.picture.max() <= 1
    grams, thick = some.scale.T
    postage = 60 + 20 * np.ceil(grams / 50) + 150 * (thick > 20) + 240 * some.express
    assert np.array_equal(some.postage, postage)
    for region, text in zip(some.region, some.address, strict=True):
        towns = {*text.split()} & {town for pair in sorting.TOWNS for town in pair}
        assert towns <= {*sorting.TOWNS[region]}
    assert 0.2 < some.smeared.mean() < 0.4
    again = ck.data.envelopes(300, seed=1)
    assert np.array_equal(again.picture, some.picture)


def test_held_out_envelopes_share_no_handwriting_with_the_others() -> None:
    def hands(held_out: bool) -> set[bytes]:
        some = ck.data.envelopes(200, seed=5, held_out=held_out)
        fields = some.picture[~some.smeared].reshape(-1, 10, 4, 10).swapaxes(1, 2)
        fields = fields.reshape(-1, 10, 10)
        rows, columns = fields.any(2), fields.any(1)
        return {
            field[np.ix_(r, c)].tobytes()
            for field, r, c in zip(fields, rows, columns, strict=True)
        }

    assert hands(False) and not hands(False) & hands(True)


def test_every_second_pair_of_postmarks_is_from_one_office_and_none_is_a_copy() -> None:
    prints, offices = ck.data.postmarks(6, 20, seed=3)
    assert prints.shape == (120, 12, 12) and offices.tolist() == sorted(offices)
    pairs, same = ck.data.postmark_pairs(6, 50, seed=3)
    home = {p.tobytes(): office for p, office in zip(prints, offices, strict=True)}
    assert same.tolist() == [1, 0] * 25
    for a, b, alike in zip(pairs["a"], pairs["b"], same, strict=True):
        assert (home[a.tobytes()] == home[b.tobytes()]) == alike
        assert not np.array_equal(a, b)
