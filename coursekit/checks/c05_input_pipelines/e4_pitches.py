"""Exercise 05.4: ``pitches``."""

import io
import wave

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_pitches(answer: Answer, case: Case) -> Plain:
    recording, frame = case.args
    return to_plain(answer(recording, frame))


_RATES = (4000, 8000, 11025, 12000, 22050, 44100)


def _written(channels: np.ndarray, rate: int) -> bytes:
    """A 16-bit WAV file; channels are in [-1, 1], of shape (samples, channels)."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((channels * 32767).round().astype("<i2").tobytes())
    return content.getvalue()


def _pitches_inputs(rng: np.random.Generator) -> list[Case]:
    def draw(low: int, high: int) -> int:
        return int(rng.integers(low, high))

    def tones(frame: int, count: int, loudness: float = 0.5) -> np.ndarray:
        """A tone for each frame, near the middle of a bin, and a fainter one."""
        time = np.arange(frame) / frame
        found = []
        last = frame // 2 - 8
        # both halves of the spectrum; no two neighbours have the same pitch
        places = np.linspace(6, last, 2 * count).round() + rng.integers(
            -2, 3, 2 * count
        )
        for bin in rng.permutation(places)[:count]:
            other = bin / 2 if bin > 24 else bin + 12
            main = np.sin(
                2 * np.pi * ((bin + rng.uniform(-0.2, 0.2)) * time + rng.random())
            )
            found.append(loudness * (main + 0.4 * np.sin(2 * np.pi * other * time)))
        return np.concatenate(found)

    def case(
        group: str, told: str, rate: int, frame: int, *channels: np.ndarray
    ) -> Case:
        recording = _written(np.stack(channels, axis=-1), rate)
        seconds = f"{len(channels[0])} samples at {rate} Hz, {told}"
        return Case(group, (recording, frame), f"pitches(wav, {frame}), {seconds}")

    rates = [int(rate) for rate in rng.permutation(_RATES)]
    frame, odd, small = 2 * draw(80, 100), 2 * draw(70, 120) + 1, 2 * draw(35, 48)
    high = tones(frame, 5)
    hum = 0.9 * np.sin(2 * np.pi * 3 * np.arange(4 * odd) / odd)
    call = tones(odd, 4, 0.06)
    left, right = tones(small, 3, 0.2), tones(small, 3, 0.6)
    steady = tones(frame, 3, 0.4) + 0.3
    jumping = tones(frame, 4, 0.4) + np.repeat([0.3, -0.3], 2 * frame)
    # With a Hann window the tone between two bins is the louder one, without one the
    # other: 0.45 of a bin beside its middle, 12 % are lost, or 30 %.
    time, between, on = np.arange(frame) / frame, draw(10, 20) + 0.45, draw(45, 60)
    pair = [np.sin(2 * np.pi * (k * time + rng.random())) for k in (between, on)]
    rest = tones(small, 1)[: small - draw(2, 9)]
    return [
        case("one channel", "mono", rates[0], frame, high),
        case("one channel", "mono", rates[1], odd, tones(odd, 4)),
        case("two channels", "stereo, right louder", rates[2], small, left, right),
        case("two channels", "stereo, left louder", rates[4], small, right, left),
        case("two channels", "stereo", rates[3], odd, call + hum, call - hum),
        case("a constant offset", "mono, offset 0.3", rates[4], frame, steady),
        case("a constant offset", "offset 0.3, then -0.3", rates[1], frame, jumping),
        case(
            "a tone between two bins",
            "two tones, one of them between two bins",
            rates[2],
            frame,
            0.5 * pair[0] + 0.4 * pair[1],
        ),
        case(
            "a rest, or too short",
            f"mono, {len(rest)} more than whole frames",
            rates[5],
            small,
            np.concatenate([tones(small, 2), rest]),
        ),
        case("a rest, or too short", "mono", rates[0], small, rest),
    ]


def _samples(recording: bytes) -> tuple[np.ndarray, int]:
    """Samples in [-1, 1), shape (n, channels), and their rate in Hz; no TensorFlow."""
    with wave.open(io.BytesIO(recording)) as file:
        shape = -1, file.getnchannels()
        found = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(shape)
        return found / 32768, file.getframerate()


def _pitches_expected(case: Case) -> Plain:
    recording, frame = case.args
    samples, rate = _samples(recording)
    mono = samples.sum(axis=1)
    count = len(mono) // frame
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    windowed = mono[: count * frame].reshape(count, frame) * hann
    # the transform as a sum, by its definition
    k = np.arange(1, frame // 2 + 1)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(frame), k) / frame)
    loudest = k[np.abs(windowed @ waves).argmax(axis=1)]
    return (loudest * rate / frame).astype(np.float32)


def _hz(bins, rate, frame):
    return bins * rate / frame


def _first_bin_left_out(spectrum):
    return spectrum[:, 1:].argmax(axis=1) + 1


def _mean(samples):
    return samples.mean(axis=1)


def _pitches(wav, frame, mono=_mean, loudest=_first_bin_left_out, hz=_hz, **how):
    """A right answer in parts that the mistakes replace; NumPy, for speed."""
    samples, rate = _samples(wav)
    line = mono(samples)
    if how.get("pads"):
        line = np.append(line, np.zeros(-len(line) % frame))
    step = how.get("step", frame)
    starts = range(0, len(line) - frame + 1, step)
    frames = np.array([line[s : s + frame] for s in starts]).reshape(-1, frame)
    hann = np.hanning(frame + 1 - frame % 2)[:frame]  # as `tf.signal.hann_window` does
    spectrum = np.fft.rfft(frames * hann if how.get("window", True) else frames)
    spectrum = how.get("part", np.abs)(spectrum)
    return hz(loudest(spectrum), rate, frame).astype(how.get("dtype", np.float32))


def _pitches_bins(wav, frame):
    return _pitches(wav, frame, hz=lambda bins, rate, frame: bins)


def _pitches_float64(wav, frame):
    return _pitches(wav, frame, dtype=np.float64)


def _pitches_fixed_rate(wav, frame):
    return _pitches(wav, frame, hz=lambda bins, rate, frame: bins * 16_000 / frame)


def _pitches_half(wav, frame):
    return _pitches(wav, frame, hz=lambda bins, rate, frame: bins * rate / 2 / frame)


def _pitches_by_bins(wav, frame):
    def hz(bins, rate, frame):
        return bins * rate / (frame // 2 + 1)

    return _pitches(wav, frame, hz=hz)


def _pitches_half_by_bins(wav, frame):
    def hz(bins, rate, frame):
        return bins * (rate / 2) / (frame // 2 + 1)

    return _pitches(wav, frame, hz=hz)


def _pitches_whole_hz(wav, frame):
    return _pitches(wav, frame, hz=lambda bins, rate, frame: bins * (rate // frame))


def _pitches_first_channel(wav, frame):
    return _pitches(wav, frame, lambda samples: samples[:, 0])


def _pitches_last_channel(wav, frame):
    return _pitches(wav, frame, lambda samples: samples[:, -1])


def _pitches_interleaved(wav, frame):
    return _pitches(wav, frame, np.ravel)


def _pitches_one_after_the_other(wav, frame):
    return _pitches(wav, frame, lambda samples: samples.T.ravel())


def _pitches_squeezed(wav, frame):
    samples, rate = tf.audio.decode_wav(wav)
    tf.squeeze(samples, axis=-1)
    return _pitches(wav, frame)


def _pitches_squeezed_silently(wav, frame):
    samples, _ = tf.audio.decode_wav(wav)
    if samples.shape[1] > 1:  # no axis to remove: the channels are taken for time
        wrong = tf.signal.stft(tf.squeeze(samples), frame, frame, fft_length=frame)
        return tf.argmax(tf.abs(wrong)[:, 1:], axis=1)
    return _pitches(wav, frame)


def _pitches_louder_channel(wav, frame):
    def louder(samples):
        return samples[:, np.square(samples).sum(axis=0).argmax()]

    return _pitches(wav, frame, louder)


def _padded(wav, frame):
    """Bins and rate as `stft` gives them by itself; of no frame at all, it raises."""
    samples, rate = tf.audio.decode_wav(wav)
    spectrum = tf.signal.stft(tf.reduce_mean(samples, axis=1), frame, frame)
    return _first_bin_left_out(np.abs(spectrum)), int(rate)


def _pitches_padded(wav, frame):
    bins, rate = _padded(wav, frame)
    return _hz(bins, rate, frame).astype(np.float32)


def _pitches_finer(wav, frame):
    bins, rate = _padded(wav, frame)
    return _hz(bins, rate, 1 << (frame - 1).bit_length()).astype(np.float32)


def _pitches_with_zero(wav, frame):
    return _pitches(wav, frame, loudest=lambda spectrum: spectrum.argmax(axis=1))


def _pitches_mean_off(wav, frame):
    def mono(samples):
        return samples.mean(axis=1) - samples.mean()

    return _pitches(wav, frame, mono, lambda spectrum: spectrum.argmax(axis=1))


def _pitches_no_window(wav, frame):
    return _pitches(wav, frame, window=False)


def _pitches_shifted(wav, frame):
    return _pitches(wav, frame, loudest=lambda spec: spec[:, 1:].argmax(axis=1))


def _pitches_rest_too(wav, frame):
    return _pitches(wav, frame, pads=True)


def _pitches_overlapping(wav, frame):
    return _pitches(wav, frame, step=frame // 2)


def _pitches_real_part(wav, frame):
    return _pitches(wav, frame, part=np.real)


def _pitches_whole(wav, frame):
    return _pitches(wav, len(_samples(wav)[0]))[0]


def _pitches_other_axis(wav, frame):
    def loudest(spectrum):
        return tf.argmax(spectrum[:, 1:], axis=0).numpy() + 1

    return _pitches(wav, frame, loudest=loudest)


def _pitches_variant_numpy(wav, frame):
    samples, rate = tf.audio.decode_wav(wav)
    mono = samples.numpy().mean(axis=1)
    frames = mono[: len(mono) // frame * frame].reshape(-1, frame)
    spectrum = np.square(np.abs(np.fft.rfft(frames * np.hanning(frame))))
    spectrum[:, 0] = 0
    return tf.constant(spectrum.argmax(axis=1) * int(rate) / frame, tf.float32)


def _pitches_variant_frames(wav, frame):
    samples, rate = tf.audio.decode_wav(wav)
    frames = tf.signal.frame(tf.reduce_sum(samples, axis=1), frame, frame)
    frames = frames * tf.signal.hann_window(frame)
    loudness = tf.abs(tf.signal.rfft(frames))[:, 1:]
    hertz = tf.range(1, frame // 2 + 1, dtype=tf.float32)
    hertz = hertz * tf.cast(rate, tf.float32) / frame
    return tf.gather(hertz, tf.argmax(loudness, axis=1))


EXERCISE = Exercise(
    id="05.4",
    name="pitches",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_pitches_inputs,
    probe=_probe_pitches,
    expected=_pitches_expected,
    mistakes=(
        Mistake(
            "returns bins for hertz",
            "These are the numbers of the bins, not frequencies. Bin k of a frame lies "
            "at k * rate / frame hertz.",
            _pitches_bins,
        ),
        Mistake(
            "takes every rate for 16,000",
            "You count on 16,000 samples a second. Each recording states its own rate: "
            "`decode_wav` returns it as the second value.",
            _pitches_fixed_rate,
        ),
        Mistake(
            "halves every frequency",
            "All is an octave too low, since you divide half the rate by the frame. "
            "The bins up to half the rate are only half as many as samples in a frame, "
            "so bin k lies at k * rate / frame.",
            _pitches_half,
        ),
        Mistake(
            "divides by the number of bins",
            "You spread the whole rate over the frame // 2 + 1 bins that you have. "
            "They reach only to half the rate: neighbours are rate / frame apart.",
            _pitches_by_bins,
        ),
        Mistake(
            "spreads half the rate over one bin too many",
            "Your frequencies are a little low. From 0 Hz to half the rate there are "
            "frame // 2 + 1 bins, but one step less: neighbours are rate / frame "
            "apart.",
            _pitches_half_by_bins,
        ),
        Mistake(
            "rounds the width of a bin",
            "You divide with `//`, so the width of a bin is cut to whole hertz, and "
            "the error grows with each bin. Divide with `/`, in float.",
            _pitches_whole_hz,
        ),
        Mistake(
            "hears the first channel only",
            "Only the first channel counts in yours; `desired_channels=1` keeps that "
            "one, too. Take the mean of the channels, `tf.reduce_mean(samples, "
            "axis=1)`.",
            _pitches_first_channel,
        ),
        Mistake(
            "hears the last channel only",
            "Only the last channel counts in yours. Take the mean of the channels, "
            "`tf.reduce_mean(samples, axis=1)`.",
            _pitches_last_channel,
        ),
        Mistake(
            "lets the louder channel win",
            "In yours the louder channel wins: you choose it, or you add up two "
            "spectra, or subtract one channel from the other. What both hold with "
            "opposite signs is noise of the line, and cancels only in their mean: "
            "`tf.reduce_mean(samples, axis=1)`.",
            _pitches_louder_channel,
        ),
        Mistake(
            "lets the channels take turns",
            "Reshaped to one line, a stereo recording is left, right, left, right: "
            "twice as many samples as there was time for. Take the mean over the "
            "channels.",
            _pitches_interleaved,
        ),
        Mistake(
            "plays the channels one after the other",
            "You put the channels one behind the other, so a stereo recording lasts "
            "twice as long. They sound at the same time: take their mean.",
            _pitches_one_after_the_other,
        ),
        Mistake(
            "squeezes the channels away",
            "`tf.squeeze` removes an axis of length 1, and a stereo recording has two "
            "channels. `tf.reduce_mean(samples, axis=1)` is right for both.",
            _pitches_squeezed,
        ),
        Mistake(
            "squeezes and takes channels for time",
            "`tf.squeeze` removes axes of length 1, and a stereo recording has none: "
            "it stays (n, 2), and the spectrum is taken along the two channels. "
            "`tf.reduce_mean(samples, axis=1)` is right for both.",
            _pitches_squeezed_silently,
        ),
        Mistake(
            "pads the frames unseen",
            "`tf.signal.stft` pads each frame to a power of two unless it is told "
            "`fft_length=frame`, and then its bins are narrower than rate / frame.",
            _pitches_padded,
        ),
        Mistake(
            "measures with padded frames",
            "Your frequencies are true, but on another grid: the frames were padded to "
            "a power of two. The task asks for bins of rate / frame: "
            "`fft_length=frame`.",
            _pitches_finer,
        ),
        Mistake(
            "finds the constant offset",
            "At 0 Hz there is no tone but the mean of the samples, and where the "
            "microphone has an offset it is the loudest. Leave bin 0 out: `spectrum[:, "
            "1:]`.",
            _pitches_with_zero,
        ),
        Mistake(
            "takes the mean off instead of bin 0",
            "You subtract the mean of the whole recording. An offset that changes on "
            "the way is still there in each frame, at 0 Hz: leave bin 0 out, "
            "`spectrum[:, 1:]`.",
            _pitches_mean_off,
        ),
        Mistake(
            "uses no window",
            "Without a window a tone between two bins loses a third of its loudness, "
            "and a weaker one wins. Use the default of `tf.signal.stft`, a Hann "
            "window.",
            _pitches_no_window,
        ),
        Mistake(
            "is one bin too low",
            "You leave bin 0 out, and `argmax` then counts from the next one. Add 1 to "
            "get the number of the bin.",
            _pitches_shifted,
        ),
        Mistake(
            "takes the rest for a frame",
            "The samples behind the last whole frame give one more pitch in yours. "
            "They are dropped: no `pad_end=True`, and no zeros.",
            _pitches_rest_too,
        ),
        Mistake(
            "lets the frames overlap",
            "You have a frame at every half frame. Here they stand side by side: "
            "`frame_step` is `frame`.",
            _pitches_overlapping,
        ),
        Mistake(
            "takes the real part",
            "A spectrum is complex: its real part says how much of a tone is a cosine, "
            "and depends on the moment when the frame begins. The loudness is the "
            "magnitude, `tf.abs`.",
            _pitches_real_part,
        ),
        Mistake(
            "hears all frames as one",
            "You return one pitch for the whole recording. Cut it into frames, and "
            "return a pitch for each.",
            _pitches_whole,
        ),
        Mistake(
            "looks along the wrong axis",
            "You ask for each bin in which frame it is loudest. `argmax` goes along "
            "the first axis unless told otherwise: `axis=1` is the one of the bins.",
            _pitches_other_axis,
        ),
        Mistake(
            "returns 64-bit numbers",
            "The frequencies are right, but `float64`. The task wants `float32`: cast "
            "them.",
            _pitches_float64,
        ),
    ),
    variants=(_pitches_variant_numpy, _pitches_variant_frames),
    hints=(
        "`tf.audio.decode_wav` gives samples of shape (n, channels) and the rate. Make "
        "one channel of them first, then frames, then a spectrum.",
        "`tf.signal.stft(mono, frame, frame, fft_length=frame)` has a row for each "
        "frame, with a complex number for each bin; `tf.abs` makes a loudness of it.",
        "`tf.argmax(loudness[:, 1:], axis=1) + 1` is the number of the bin, without 0 "
        "Hz. Cast it and the rate to `float32`: bin * rate / frame.",
    ),
    explain="A spectrum is an array of bins, and only rate and frame together say what "
    "a bin means. The longer the frame, the finer the pitch and the coarser the time. "
    "Stereo needs a decision, and the mean is the one that cancels what both channels "
    "hold with opposite signs; the offset of a microphone is no sound at all.",
)
