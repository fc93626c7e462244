"""Exercise 06.4: ``bpe``."""

from collections import Counter
from string import ascii_lowercase

import numpy as np

from coursekit.engine import Case, Exercise, Mistake, Plain

_CASES = (
    # group, words spelt with the first letters, merges; the letters are drawn
    ("words that occur often", {"abx": 1, "yab": 2, "cdcd": 3, "zdc": 4, "ab": 1}, 3),
    ("words that occur often", {"gabe": 4, "fabe": 3, "cd": 8, "dc": 2, "ebd": 1}, 4),
    ("ties", {"hg": 3, "ba": 3, "ed": 3, "fc": 2}, 4),
    ("ties", {"dede": 2, "cec": 4, "bab": 2, "caf": 1}, 3),
    ("ties", {"acxacx": 3, "zab": 6, "ac": 1, "abd": 7, "dxac": 2}, 5),
    ("ties", {"abc": 4, "ab": 6, "ef": 4, "ad": 4}, 3),
    ("repeated letters", {"aaa": 3, "baab": 2, "aaaa": 1, "cb": 8}, 4),
    ("repeated letters", {"abababa": 3, "bcb": 4, "abab": 1, "ca": 5, "cbcbc": 1}, 4),
    ("symbols of several letters", {"ca": 6, "cab": 4, "ab": 5, "ba": 1}, 4),
    ("symbols of several letters", {"bd": 6, "abd": 4, "ab": 5, "ba": 1}, 4),
    ("symbols of several letters", {"abc": 6, "dbc": 2, "bcd": 9, "abd": 5}, 5),
    ("symbols of several letters", {"cabab": 5, "bcab": 4, "cab": 3, "bab": 2}, 5),
    ("nothing left to merge", {"ab": 1, "c": 5, "bca": 1}, 20),
    ("nothing left to merge", {}, 3),
    ("nothing left to merge", {"abc": 2, "cb": 1}, 0),
)


def _bpe_inputs(rng: np.random.Generator) -> list[Case]:
    cases = []
    for group, words, merges in _CASES:
        # letters in the order of the alphabet, so that ties stay what they are
        old = sorted({letter for word in words for letter in word})
        new = sorted(rng.choice([*ascii_lowercase], len(old), replace=False).tolist())
        spelt = str.maketrans("".join(old), "".join(new))
        times = 1 if group == "nothing left to merge" else int(rng.integers(1, 6))
        counts = {word.translate(spelt): times * n for word, n in words.items()}
        cases.append(Case(group, (counts, merges)))
    return cases


def _bpe_expected(case: Case) -> Plain:
    """Each word as an array of positions at which a symbol begins."""
    words, merges = case.args
    starts = {word: [*range(len(word)), len(word)] for word in words}
    pairs = []
    for _ in range(merges):
        found: dict[tuple[str, str], int] = {}
        for word, cuts in starts.items():
            for a, b, c in zip(cuts, cuts[1:], cuts[2:], strict=False):
                pair = word[a:b], word[b:c]
                found[pair] = found.get(pair, 0) + words[word]
        if not found:
            break
        most = max(found.values())
        best = sorted(pair for pair in found if found[pair] == most)[0]
        pairs.append(best)
        for word, cuts in starts.items():
            i = 0
            while i + 2 < len(cuts):
                a, b, c = cuts[i : i + 3]
                if (word[a:b], word[b:c]) == best:
                    del cuts[i + 1]
                i += 1
    return pairs


def _neighbours(symbols):
    return [*zip(symbols, symbols[1:], strict=False)]


def _counted(split, words, pairs=_neighbours):
    found = Counter()
    for word, symbols in split.items():
        for pair in pairs(symbols):
            found[pair] += words[word]
    return found


def _sorts_first(found):
    return min(found, key=lambda pair: (-found[pair], pair))


def _merged(symbols, pair, step=2, most=99):
    """Merge from left to right; ``step`` is how far a merge moves on."""
    done, i, merges = [], 0, 0
    while i < len(symbols):
        if tuple(symbols[i : i + 2]) == pair and merges < most:
            done.append("".join(pair))
            i, merges = i + step, merges + 1
        else:
            done.append(symbols[i])
            i += 1
    return done


def _bpe(words, merges, count=_counted, best=_sorts_first, merge=_merged, end=()):
    """A right answer in parts that the mistakes replace."""
    split, learnt = {word: [*word, *end] for word in words}, []
    for _ in range(merges):
        found = count(split, words)
        if not found:
            break
        learnt.append(best(found))
        split = {word: merge(symbols, learnt[-1]) for word, symbols in split.items()}
    return learnt


def _bpe_types(words, merges):
    return _bpe(dict.fromkeys(words, 1), merges)


def _bpe_once_a_word(words, merges):
    def count(split, words):
        return _counted(split, words, lambda s: dict.fromkeys(_neighbours(s)))

    return _bpe(words, merges, count)


def _bpe_counts_text(words, merges):
    def in_text(symbols):
        text = " ".join(symbols)
        for pair in dict.fromkeys(_neighbours(symbols)):
            yield from [pair] * text.count(" ".join(pair))

    return _bpe(words, merges, lambda split, words: _counted(split, words, in_text))


def _bpe_first_seen(words, merges):
    return _bpe(words, merges, best=lambda found: max(found, key=found.get))


def _bpe_sorts_last(words, merges):
    return _bpe(
        words, merges, best=lambda found: max((n, p) for p, n in found.items())[1]
    )


def _bpe_joined_ties(words, merges):
    def best(found):
        return min(found, key=lambda pair: (-found[pair], "".join(pair)))

    return _bpe(words, merges, best=best)


def _bpe_replaces(words, merges):
    def merge(symbols, pair):
        return " ".join(symbols).replace(" ".join(pair), "".join(pair)).split()

    return _bpe(words, merges, merge=merge)


def _bpe_overlaps(words, merges):
    return _bpe(words, merges, merge=lambda s, pair: _merged(s, pair, step=1))


def _bpe_one_place(words, merges):
    return _bpe(words, merges, merge=lambda s, pair: _merged(s, pair, most=1))


def _bpe_forgets_to_merge(words, merges):
    return _bpe(words, merges, merge=lambda symbols, pair: symbols)


def _bpe_counts_once(words, merges):
    found = _counted({word: [*word] for word in words}, words)
    return sorted(found, key=lambda pair: (-found[pair], pair))[:merges]


def _bpe_one_text(words, merges):
    text = "".join(word * count for word, count in words.items())
    return _bpe({text: 1}, merges)


def _bpe_end_of_word(words, merges):
    return _bpe(words, merges, end=["</w>"])


def _bpe_never_stops(words, merges):
    learnt = _bpe(words, merges)
    return learnt if len(learnt) == merges else max([])


def _bpe_stops_at_one(words, merges):
    def count(split, words):
        found = _counted(split, words)
        return found if max(found.values(), default=0) > 1 else {}

    return _bpe(words, merges, count)


def _bpe_joined(words, merges):
    return ["".join(pair) for pair in _bpe(words, merges)]


def _bpe_variant_places(words, merges):
    """One list of symbols with borders; a merge walks over it with an index."""
    text, weights = [], []
    for word, n in words.items():
        text += [*word, None]
        weights += [n] * (len(word) + 1)
    learnt = []
    while len(learnt) < merges:
        found = Counter()
        for a, b, n in zip(text, text[1:], weights, strict=False):
            if a and b:
                found[a, b] += n
        if not found:
            return learnt
        first, second = sorted(found.items(), key=lambda kv: (-kv[1], kv[0]))[0][0]
        learnt.append((first, second))
        i = 0
        while i + 1 < len(text):
            if (text[i], text[i + 1]) == (first, second):
                text[i : i + 2] = [first + second]
                del weights[i]
            i += 1
    return learnt


def _bpe_variant_recursive(words, merges):
    def merge(symbols, pair):
        if tuple(symbols[:2]) == pair:
            return [pair[0] + pair[1], *merge(symbols[2:], pair)]
        return symbols[:1] + merge(symbols[1:], pair) if symbols else []

    return _bpe(words, merges, merge=merge)


EXERCISE = Exercise(
    id="06.4",
    name="bpe",
    points=5,
    minutes=20,
    difficulty="stretch",
    inputs=_bpe_inputs,
    expected=_bpe_expected,
    mistakes=(
        Mistake(
            "counts each word once",
            "You count the words of the dict, not how often they occur. A pair in a "
            "word that occurs 12 times counts 12 times: add `words[word]`, not 1.",
            _bpe_types,
        ),
        Mistake(
            "takes the pair that was seen first",
            "Of several pairs that are equally frequent you take the one that you met "
            "first, as `max` and `most_common` do, so the order of the words decides. "
            "The task takes the pair that sorts first.",
            _bpe_first_seen,
        ),
        Mistake(
            "counts once and never again",
            "You count the pairs of letters at the start and take the most frequent "
            "ones. A merge makes new pairs and ends others, so count anew in every "
            "round.",
            _bpe_counts_once,
        ),
        Mistake(
            "forgets to merge",
            "The same pair wins in every round: you found it, but the words were left "
            "as they are. Replace their symbols before the next round.",
            _bpe_forgets_to_merge,
        ),
        Mistake(
            "merges with str.replace",
            "`str.replace` sees no borders between symbols: in `xa b` it finds the "
            "pair `a b` and merges half a symbol. Walk through the list of symbols "
            "and compare two at a time.",
            _bpe_replaces,
        ),
        Mistake(
            "does not stop when nothing is left",
            "Every word has become one symbol, so there is no pair left to choose "
            "from, and `max` or `min` of nothing is an error. Stop the loop there.",
            _bpe_never_stops,
        ),
        Mistake(
            "takes the pair that sorts last",
            "Of several pairs that are equally frequent you take the one that sorts "
            "last: `max` over `(count, pair)` does that. Take the first: "
            "`min` over `(-count, pair)`.",
            _bpe_sorts_last,
        ),
        Mistake(
            "sorts the joined texts",
            "Where pairs are equally frequent you compare them joined. The task "
            "compares them as tuples, first symbol with first symbol: `('a', 'd')` "
            "comes before `('ab', 'c')`.",
            _bpe_joined_ties,
        ),
        Mistake(
            "counts a pair once for each word",
            "A pair that stands twice in a word counts twice, also in a word such as "
            "`abab`. You count the word's pairs without their repeats.",
            _bpe_once_a_word,
        ),
        Mistake(
            "counts with str.count",
            "`str.count` passes over places that overlap: in `a a a` it finds `a a` "
            "once. The task counts each two neighbours, so twice; pair each symbol "
            "with the next one by `zip(symbols, symbols[1:])`.",
            _bpe_counts_text,
        ),
        Mistake(
            "merges a symbol twice",
            "In `a a a` the middle symbol belongs to two places, but it can be merged "
            "only once. After a merge, go on behind both symbols: two steps, not one.",
            _bpe_overlaps,
        ),
        Mistake(
            "merges one place in each word",
            "You merge the first place in a word and leave the others. A round merges "
            "the pair wherever it stands.",
            _bpe_one_place,
        ),
        Mistake(
            "makes one text of all words",
            "You count pairs in one long text, so the last letter of a word and the "
            "first of the next make a pair. Keep each word a list of its own.",
            _bpe_one_text,
        ),
        Mistake(
            "marks the end of each word",
            "Many implementations add a symbol such as `</w>` to each word, and it "
            "takes part in pairs. Here a word starts as its letters and nothing else.",
            _bpe_end_of_word,
        ),
        Mistake(
            "stops at pairs that occur once",
            "You stop when no pair occurs twice. The task goes on while there is a "
            "pair at all and `merges` is not reached.",
            _bpe_stops_at_one,
        ),
        Mistake(
            "returns the merged symbols",
            "Your list has the joined symbols. The task asks for pairs, "
            "`('e', 'r')` rather than `'er'`: from the symbol alone nobody knows "
            "which two to merge.",
            _bpe_joined,
        ),
    ),
    variants=(_bpe_variant_places, _bpe_variant_recursive),
    hints=(
        "Keep a dict from each word to the list of its symbols, at first "
        "`{word: list(word) for word in words}`. One round counts the pairs in a "
        "`Counter`, chooses one, and makes a new list for each word.",
        "Count with `for pair in zip(symbols, symbols[1:]): counts[pair] += "
        "words[word]`. If `counts` is empty, stop. The winner is "
        "`min(counts, key=lambda pair: (-counts[pair], pair))`.",
        "To merge, walk over the symbols with an index `i`: where "
        "`tuple(symbols[i:i + 2]) == pair`, append the joined pair and go on at "
        "`i + 2`; otherwise append `symbols[i]` and go on at `i + 1`.",
    ),
    explain="The pairs, in their order, are all that a tokenizer of this kind learns: "
    "to split a new word, start from its letters and replay them. Frequent words end "
    "up as one symbol, rare ones as several, and no word is unknown whose letters were "
    "seen. Like any feature, the merges come from the training texts alone.",
)
