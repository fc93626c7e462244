"""Exercise 05.3: ``encode``."""

import re
import string
import unicodedata

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_encode(answer: Answer, case: Case) -> Plain:
    lines, vocab, length = case.args
    found = answer([*lines], [*vocab], length)
    if not isinstance(found, tuple) or len(found) != 2:
        none = {"ids": None, "mask": None}
        return {"returned": f"no pair: {type(found).__name__}"} | none
    parts = ["ragged" if isinstance(p, tf.RaggedTensor) else to_plain(p) for p in found]
    return {"returned": "a pair", "ids": parts[0], "mask": parts[1]}


_WORDS = (
    "owl fox deer marten badger otter heron lynx boar hare moth toad crow near ridge "
    "creek hide north seen heard slow tracks rain wind dusk dawn café über façade"
).split()
_SHOUTED, _CLINGS = "ÉTÉ ÖDE ÅNGSTRÖM ÑU".split(), "_ – ’ - ° '".split()
_MARKS = ", . ; ! ? … “ ” – ( ) $ + &".split()


def _encode_inputs(rng: np.random.Generator) -> list[Case]:
    words = [str(word) for word in rng.permutation(_WORDS)]
    known, strange = words[:8], words[8:]

    def case(group: str, lines: list[str], length: int, vocab: list[str]) -> Case:
        call = f"encode({lines}, {vocab}, {length})"
        return Case(group, (tuple(lines), tuple(vocab), length), call)

    def text(count: int, unknown: int = 0) -> str:
        """Known words, some more than once, and as many others."""
        chosen = [str(w) for w in rng.choice(known, count - unknown)]
        for k in range(unknown):
            chosen.insert(int(rng.integers(0, len(chosen) + 1)), strange[k])
        return " ".join(chosen)

    def dressed(line: str, *extra: str) -> str:
        """In upper case here and there, with marks at the words and between them."""
        found = []
        for word in (*line.split(), *extra):
            word = [word, word.capitalize(), word.upper()][int(rng.integers(3))]
            found.append(word + str(rng.choice(_MARKS)))
        return "  ".join(found)

    clings = [str(mark) for mark in rng.permutation(_CLINGS)]
    joined = [f"{known[k]}{clings[k]}{known[k + 1]}" for k in range(6)]
    together = [f"{known[k]}{known[k + 1]}" for k in range(6)]
    shouted = [str(word) for word in rng.permutation(_SHOUTED)[:2]]
    lower = [word.lower() for word in shouted]
    n = int(rng.integers(7, 10))
    return [
        case("room for all", [text(n - 4), text(n - 3), text(1)], n, known),
        case(
            "words not in the vocabulary", [text(5, 2), text(4, 3), text(6)], 9, known
        ),
        case("lines too long", [text(n), text(n - 2), text(n - 1), text(2)], n, known),
        case("lines too long", [text(4, 1), text(2)], 4, known),
        case(
            "case and punctuation",
            [dressed(text(4)), dressed(text(3), joined[0]), f"¿{known[1].upper()}?  !"],
            8,
            known,
        ),
        case(
            "case and punctuation",
            [
                " ".join([*joined[:3], *shouted, "élan"]),
                " ".join([f"{shouted[1]}!", "«é»", *joined[3:], f"“{known[7]}”"]),
            ],
            9,
            [*together, *lower, *known, "élan", "é"],
        ),
        case("lines without words", ["", text(3), " … !", "\t"], 6, known),
        case("room for no word", [text(3), "", text(1)], 2, known[:1]),
    ]


def _clean(line: str) -> list[str]:
    """The lesson's rule: lower case, no punctuation and no symbols, at white space."""
    kept = (c for c in line.lower() if unicodedata.category(c)[0] not in "PS")
    return "".join(kept).split()


def _encode_expected(case: Case) -> Plain:
    lines, vocab, length = case.args
    ids = np.zeros((len(lines), length), np.int64)
    for row, line in zip(ids, lines, strict=True):
        text = _clean(line)[: length - 2]
        row[0], row[1 + len(text)] = 2, 3
        for place, word in enumerate(text, 1):
            row[place] = vocab.index(word) + 4 if word in vocab else 1
    return {"returned": "a pair", "ids": ids, "mask": ids != 0}


def _cut(words, length):
    return [2, *words[: length - 2], 3]


def _encode(lines, vocab, length, words=_clean, cut=_cut, pad="end", **how):
    """A right answer in parts that the mistakes replace."""
    table = {word: how.get("first", 4) + k for k, word in enumerate(vocab)}
    rows = []
    for line in lines:
        found = [table.get(word, how.get("unknown", 1)) for word in words(line)]
        if how.get("drops"):
            found = [id for id in found if id != 1]
        rows.append(cut(found, length))
    if how.get("longest"):
        length = max(map(len, rows))
    ids = np.zeros((len(rows), max(length, *map(len, rows))), np.int64)
    mask = np.zeros(ids.shape, bool)
    for k, row in enumerate(rows):
        place = slice(None, len(row)) if pad == "end" else slice(-len(row), None)
        ids[k, place], mask[k, place] = row, True
    return ids, mask


def _encode_end_cut(lines, vocab, length):
    return _encode(lines, vocab, length, cut=lambda ids, n: [2, *ids, 3][:n])


def _encode_front_cut(lines, vocab, length):
    def cut(ids, n):
        return [2, *ids[max(len(ids) - n + 2, 0) :], 3]

    return _encode(lines, vocab, length, cut=cut)


def _encode_too_wide(lines, vocab, length):
    return _encode(lines, vocab, length + 2)


def _encode_no_marks(lines, vocab, length):
    return _encode(lines, vocab, length, cut=lambda ids, n: ids[:n])


def _encode_no_end(lines, vocab, length):
    return _encode(lines, vocab, length, cut=lambda ids, n: [2, *ids][:n])


def _encode_end_last(lines, vocab, length):
    def cut(ids, n):
        return [2, *(ids + n * [0])[: n - 2], 3]

    ids, _ = _encode(lines, vocab, length, cut=cut)
    return ids, ids != 0


def _encode_padded_in_front(lines, vocab, length):
    return _encode(lines, vocab, length, pad="front")


def _encode_longest(lines, vocab, length):
    return _encode(lines, vocab, length, longest=True)


def _encode_no_reserve(lines, vocab, length):
    return _encode(lines, vocab, length, first=0)


def _encode_one_less(lines, vocab, length):
    return _encode(lines, vocab, length, first=3)


def _encode_drops(lines, vocab, length):
    return _encode(lines, vocab, length, drops=True)


def _encode_as_written(lines, vocab, length):
    return _encode(lines, vocab, length, str.split)


def _encode_case_kept(lines, vocab, length):
    def words(line):
        kept = (c for c in line if unicodedata.category(c)[0] not in "PS")
        return "".join(kept).split()

    return _encode(lines, vocab, length, words)


def _encode_marks_kept(lines, vocab, length):
    return _encode(lines, vocab, length, lambda line: line.lower().split())


def _encode_marks_split(lines, vocab, length):
    def words(line):
        parts = (c if unicodedata.category(c)[0] not in "PS" else " " for c in line)
        return "".join(parts).lower().split()

    return _encode(lines, vocab, length, words)


def _encode_single_spaces(lines, vocab, length):
    def words(line):
        kept = (c for c in line.lower() if unicodedata.category(c)[0] not in "PS")
        return "".join(kept).split(" ")

    return _encode(lines, vocab, length, words)


def _encode_symbols_kept(lines, vocab, length):
    def words(line):
        kept = (c for c in line.lower() if unicodedata.category(c)[0] != "P")
        return "".join(kept).split()

    return _encode(lines, vocab, length, words)


def _encode_unknown_is_padding(lines, vocab, length):
    return _encode(lines, vocab, length, unknown=0)


def _encode_word_characters(lines, vocab, length):
    def words(line):
        return re.sub(r"[^\w\s]", "", line.lower()).split()

    return _encode(lines, vocab, length, words)


def _encode_ascii_marks(lines, vocab, length):
    def words(line):
        marks = str.maketrans("", "", string.punctuation)
        return line.lower().translate(marks).split()

    return _encode(lines, vocab, length, words)


def _encode_ascii_case(lines, vocab, length):
    def words(line):
        kept = (c for c in line if unicodedata.category(c)[0] not in "PS")
        return "".join(c.lower() if c.isascii() else c for c in kept).split()

    return _encode(lines, vocab, length, words)


def _encode_hides_unknown(lines, vocab, length):
    ids, _ = _encode(lines, vocab, length)
    return ids, ids > 1


def _encode_masks_words(lines, vocab, length):
    ids, _ = _encode(lines, vocab, length)
    return ids, (ids == 1) | (ids > 3)


def _encode_masks_known(lines, vocab, length):
    ids, _ = _encode(lines, vocab, length)
    return ids, ids > 3


def _encode_mask_of_padding(lines, vocab, length):
    ids, mask = _encode(lines, vocab, length)
    return ids, ~mask


def _encode_mask_of_numbers(lines, vocab, length):
    ids, mask = _encode(lines, vocab, length)
    return ids, mask.astype(np.int64)


def _encode_int32(lines, vocab, length):
    ids, mask = _encode(lines, vocab, length)
    return ids.astype(np.int32), mask


def _encode_variant_ragged(lines, vocab, length):
    text = tf.strings.lower(tf.constant(lines), encoding="utf-8")
    words = tf.strings.split(tf.strings.regex_replace(text, r"[\p{P}\p{S}]", ""))
    keys = tf.lookup.KeyValueTensorInitializer(
        tf.constant(vocab), tf.range(4, len(vocab) + 4, dtype=tf.int64)
    )
    ids = tf.lookup.StaticHashTable(keys, 1)[words][:, : length - 2]
    start, end = (tf.fill([len(lines), 1], tf.constant(k, tf.int64)) for k in (2, 3))
    ids = tf.concat([start, ids, end], axis=1)
    mask = tf.sequence_mask(ids.row_lengths(), length)
    return ids.to_tensor(shape=(None, length)), mask


def _encode_variant_lists(lines, vocab, length):
    rows = []
    for line in lines:
        letters = [c for c in line.lower() if unicodedata.category(c)[0] not in "PS"]
        row = [2]
        for word in "".join(letters).split():
            if len(row) < length - 1:
                row.append(vocab.index(word) + 4 if word in vocab else 1)
        row.append(3)
        rows.append(row + [0] * (length - len(row)))
    ids = tf.constant(rows, tf.int64)
    return ids, tf.not_equal(ids, 0)


EXERCISE = Exercise(
    id="05.3",
    name="encode",
    points=4,
    minutes=12,
    difficulty="core",
    inputs=_encode_inputs,
    probe=_probe_encode,
    expected=_encode_expected,
    mistakes=(
        Mistake(
            "cuts the end mark off",
            "In a line that is too long, END is gone: you put the marks on and cut "
            "afterwards. Cut the words first, to `length - 2`, then add START and END.",
            _encode_end_cut,
        ),
        Mistake(
            "keeps the last words",
            "Of a line that is too long you keep the end. The task keeps the first "
            "words: `words[: length - 2]`. (`pad_sequences` cuts in front unless told "
            '`truncating="post"`.)',
            _encode_front_cut,
        ),
        Mistake(
            "forgets the room of the marks",
            "The rows are two ids too wide: START and END count, so there is room for "
            "`length - 2` words.",
            _encode_too_wide,
        ),
        Mistake(
            "leaves the marks out",
            "Each row begins with START, 2, and behind its last word comes END, 3. "
            "They tell a model where a line begins and ends.",
            _encode_no_marks,
        ),
        Mistake(
            "leaves END out",
            "START is there, END is not. Behind the last word comes a 3, also in a "
            "line that was cut.",
            _encode_no_end,
        ),
        Mistake(
            "puts END behind the padding",
            "END stands in the last column, with padding before it. It belongs right "
            "behind the last word: add it first, then pad.",
            _encode_end_last,
        ),
        Mistake(
            "gives unknown words the id of padding",
            "A word that is not in the vocabulary has the id 0 in yours, and looks "
            "like padding. It has the id 1: `default_value=1`.",
            _encode_unknown_is_padding,
        ),
        Mistake(
            "splits at every single space",
            "Two spaces in a row give an empty word in yours, and so does an empty "
            'line: `split(" ")` cuts at each space. `split()` cuts at white space.',
            _encode_single_spaces,
        ),
        Mistake(
            "deletes punctuation but no symbols",
            "The comma goes, but symbols such as ° and $ stay on the words. Unicode "
            "has two classes for them, and the rule deletes both: `[\\p{P}\\p{S}]`.",
            _encode_symbols_kept,
        ),
        Mistake(
            "pads in front",
            "The padding stands before the words. It belongs behind them. "
            '(`pad_sequences` pads in front unless told `padding="post"`.)',
            _encode_padded_in_front,
        ),
        Mistake(
            "pads to the longest line",
            "Your rows are as wide as the longest of these lines. The task wants "
            "`length` columns, always: `to_tensor(shape=(None, length))`.",
            _encode_longest,
        ),
        Mistake(
            "reserves no ids",
            "Your words begin at 0, the id of padding, and four of them have an id "
            "that means something else. Word k of the vocabulary has the id k + 4.",
            _encode_no_reserve,
        ),
        Mistake(
            "begins the words at 3",
            "The first word has the id of END. Four ids are reserved, 0 to 3, so the "
            "first word has the id 4.",
            _encode_one_less,
        ),
        Mistake(
            "drops unknown words",
            "A word that is not in the vocabulary has vanished, and the others have "
            "moved up. It has the id 1: something stood here.",
            _encode_drops,
        ),
        Mistake(
            "takes the text as it is written",
            "`Owl,` and `owl` are the same word. Before you split, make the line lower "
            "case and take punctuation and symbols out, by the rule of the lesson.",
            _encode_as_written,
        ),
        Mistake(
            "keeps capitals",
            "`Owl` is not found, since the vocabulary is in lower case. Make the line "
            "lower case first.",
            _encode_case_kept,
        ),
        Mistake(
            "keeps punctuation",
            "`owl,` is not found, since the comma is still on it. Take punctuation and "
            "symbols out before you split.",
            _encode_marks_kept,
        ),
        Mistake(
            "makes spaces of punctuation",
            "A mark inside a word breaks yours in two. The rule of the lesson deletes "
            "marks, it does not replace them by a space: `half-light` becomes "
            "`halflight`.",
            _encode_marks_split,
        ),
        Mistake(
            "deletes all but word characters",
            "For `\\w` the underscore is part of a word, and it stays. The lesson's "
            "rule deletes all punctuation and symbols, `[\\p{P}\\p{S}]`, and the "
            "underscore is one.",
            _encode_word_characters,
        ),
        Mistake(
            "knows ASCII punctuation only",
            "The comma goes, but a dash such as – and quotes such as “ stay on the "
            "words. `string.punctuation` has only the 32 marks of ASCII; the rule of "
            "the lesson asks Unicode, `[\\p{P}\\p{S}]`.",
            _encode_ascii_marks,
        ),
        Mistake(
            "lowers ASCII letters only",
            "`É` has stayed a capital. `tf.strings.lower` works on bytes, and knows "
            'the letters beyond ASCII only with `encoding="utf-8"`.',
            _encode_ascii_case,
        ),
        Mistake(
            "hides unknown words in the mask",
            "Your mask is false at unknown words. There was a word, and the model "
            "should see that. The mask is false at padding only: `ids != 0`.",
            _encode_hides_unknown,
        ),
        Mistake(
            "masks the marks",
            "Your mask is false at START and END. They are tokens like any other; the "
            "mask is false at padding only: `ids != 0`.",
            _encode_masks_words,
        ),
        Mistake(
            "masks all that is reserved",
            "Your mask is true for words of the vocabulary only. START, END and "
            "unknown words are real tokens too; padding alone is not: `ids != 0`.",
            _encode_masks_known,
        ),
        Mistake(
            "marks the padding",
            "Your mask is the wrong way round: true means that there is a token, false "
            "that there is padding.",
            _encode_mask_of_padding,
        ),
        Mistake(
            "returns a mask of numbers",
            "The mask has the right places, as 0 and 1. The task wants `bool`: a "
            "comparison such as `ids != 0` gives that.",
            _encode_mask_of_numbers,
        ),
        Mistake(
            "returns 32-bit ids",
            "The ids are right, but `int32`. The task wants `int64`: give the dtype "
            "when you make the tensor.",
            _encode_int32,
        ),
    ),
    variants=(_encode_variant_ragged, _encode_variant_lists),
    hints=(
        "The words of a line first, by the rule of the lesson. Then their ids, the "
        "first `length - 2` of them, START before and END behind, and zeros up to "
        "`length`.",
        "With a table, `tf.lookup.StaticHashTable(…, 1)`, a ragged tensor of words "
        "becomes one of ids; `tf.concat` with columns of 2 and 3 adds the marks. A "
        "loop over lists will do as well.",
        "For each line: `row = [2, *ids[: length - 2], 3]`, then `row + [0] * (length "
        "- len(row))`. All rows in `tf.constant(rows, tf.int64)`, and the mask is `ids "
        "!= 0`.",
    ),
    explain="Four ids are a contract between this function and every model behind it: "
    "what is padding, what was not known, where a line begins and where it ends. "
    "Cutting is the step that loses most, so it comes before the marks. And the mask "
    "is no luxury: a model that averages over padding learns how long lines are.",
)
