"""Writes the Unicode tables of Sources/Tokenization from the behaviour of the `tokenizers` library.

usage: generate_unicode_tables.py OUTPUT_FOLDER      (needs: pip install tokenizers)

The tables must agree with the library, not with one version of Unicode: it asks Oniguruma, the Rust standard library
and several crates, each with its own version. So every scalar is put to the library itself, and the answers are stored
as run lengths (surrogates count as unassigned; no UTF-8 text holds them).
"""
import sys
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

LIMIT = 0x110000
SURROGATES = range(0xD800, 0xE000)
SCALARS = [code for code in range(LIMIT) if code not in SURROGATES]
ALL = "".join(map(chr, SCALARS))
CATEGORIES = ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
              "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cs", "Cn"]
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number):
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
        if number == 0:
            return text


def removed_by(pre_tokenizer):
    """The scalars that a pre-tokenizer takes out of the text that holds every scalar once."""
    kept = bytearray(LIMIT)
    for piece, _ in pre_tokenizer.pre_tokenize_str(ALL):
        for character in piece:
            kept[ord(character)] = 1
    return {code for code in SCALARS if not kept[code]}


def matching(pattern):
    return removed_by(pre_tokenizers.Split(Regex(f"(?:{pattern})+"), "removed"))


def alone(pre_tokenizer):
    """The scalars that a pre-tokenizer parts from the letter before them."""
    found = set()
    for code in SCALARS:
        if len(pre_tokenizer.pre_tokenize_str("a" + chr(code))) != 1:
            found.add(code)
    return found


def emptied_by(normalizer):
    """The scalars that a normalizer takes away."""
    return {code for code in SCALARS if normalizer.normalize_str(chr(code)) == ""}


def bert(**options):
    return normalizers.BertNormalizer(
        **{"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False, **options})


def boolean_runs(codes):
    runs, current, start = [], False, 0
    for code in range(LIMIT + 1):
        value = code in codes if code < LIMIT else not current
        if value != current:
            runs.append(base36(code - start))
            current, start = value, code
    return ",".join(runs)


def category_runs():
    category = [CATEGORIES.index("Cn")] * LIMIT
    for code in SURROGATES:
        category[code] = CATEGORIES.index("Cs")
    seen = 0
    for index, name in enumerate(CATEGORIES[:-2]):
        for code in matching(rf"\p{{{name}}}"):
            category[code] = index
            seen += 1
    assert len(matching(r"\p{Cn}")) + seen == len(SCALARS)
    runs, start = [], 0
    for code in range(1, LIMIT + 1):
        if code == LIMIT or category[code] != category[start]:
            runs.append(base36(code - start) + chr(ord("=") + category[start]))
            start = code
    return "".join(runs)


def decompositions():
    """Lines `delta[!]:canonical[=compatibility]` with mappings as base-36 scalars; `!` marks a composition exclusion."""
    nfd, nfc, nfkd = normalizers.NFD(), normalizers.NFC(), normalizers.NFKD()
    lines, last = [], 0
    for code in SCALARS:
        if 0xAC00 <= code <= 0xD7A3:  # Hangul syllables decompose by arithmetic
            continue
        character = chr(code)
        canonical, compatible = nfd.normalize_str(character), nfkd.normalize_str(character)
        if canonical == character and compatible == character:
            continue
        line = base36(code - last)
        if canonical != character:
            if nfc.normalize_str(character) != character:
                line += "!"
            line += ":" + " ".join(base36(ord(each)) for each in canonical)
        if compatible != canonical:
            line += "=" + " ".join(base36(ord(each)) for each in compatible)
        lines.append(line)
        last = code
    return ";".join(lines)


def combining_class_runs():
    """Runs of the canonical combining class. The library shows only the order, so Python's value is confirmed with it."""
    nfd = normalizers.NFD()
    representative = {}
    for code in SCALARS:  # an old character of each class, which every version knows
        value = unicodedata.ucd_3_2_0.combining(chr(code))
        if value == unicodedata.combining(chr(code)) and nfd.normalize_str(chr(code)) == chr(code):
            representative.setdefault(value, chr(code))
    ordered = sorted(set(representative) - {0})

    def swaps(first, second):
        return nfd.normalize_str("a" + first + second) == "a" + nfd.normalize_str(second) + nfd.normalize_str(first)

    classes = {}
    for code in SCALARS:
        character = chr(code)
        value = unicodedata.combining(character)
        moves = swaps(character, representative[ordered[0]]) if value != ordered[0] else True
        if value == 0 or not moves:
            continue
        if nfd.normalize_str(character) == character:
            lower = [each for each in ordered if each < value]
            higher = [each for each in ordered if each > value]
            assert not lower or swaps(character, representative[lower[-1]]), hex(code)
            assert not higher or swaps(representative[higher[0]], character), hex(code)
        classes[code] = value
    runs, start = [], 0
    for code in range(1, LIMIT + 1):
        if code == LIMIT or classes.get(code, 0) != classes.get(start, 0):
            runs.append(base36(code - start) + ":" + base36(classes.get(start, 0)))
            start = code
    return ",".join(runs)


def lowercase_exceptions():
    lower = normalizers.Lowercase()
    lines, last = [], 0
    for code in SCALARS:
        mapped = lower.normalize_str(chr(code))
        if mapped != chr(code):
            lines.append(base36(code - last) + ":" + " ".join(base36(ord(each)) for each in mapped))
            last = code
    return ";".join(lines)


def swift_string(name, comment, value):
    width = 111
    body = "\\\n".join("        " + value[start:start + width] for start in range(0, len(value), width))
    return f'    /// {comment}\n    static let {name}: StaticString = """\n{body}\n        """\n'


def write(path, type_name, about, fields):
    header = f"// Generated by Tools/generate_unicode_tables.py with tokenizers {tokenizers.__version__}. Do not edit.\n\n"
    text = header + f"/// {about}\nenum {type_name} {{\n" + "\n".join(swift_string(*field) for field in fields) + "}\n"
    path.write_text(text)
    print(path, len(text))


def main():
    folder = Path(sys.argv[1])
    sets = [
        ("regexSpace", r"Scalars that `\s` matches in a Split pattern.", boolean_runs(matching(r"\s"))),
        ("regexWord", r"Scalars that `\w` matches in a Split pattern.", boolean_runs(matching(r"\w"))),
        ("han", r"Scalars of `\p{Han}`.", boolean_runs(matching(r"\p{Han}"))),
        ("hiragana", r"Scalars of `\p{Hiragana}`.", boolean_runs(matching(r"\p{Hiragana}"))),
        ("katakana", r"Scalars of `\p{Katakana}`.", boolean_runs(matching(r"\p{Katakana}"))),
        ("hangul", r"Scalars of `\p{Hangul}`.", boolean_runs(matching(r"\p{Hangul}"))),
        ("whitespace", "Scalars that WhitespaceSplit removes.", boolean_runs(removed_by(pre_tokenizers.WhitespaceSplit()))),
        ("wordOfWhitespace", "Scalars that the Whitespace pre-tokenizer joins to a letter.",
         boolean_runs(set(SCALARS) - alone(pre_tokenizers.Whitespace())
                      - removed_by(pre_tokenizers.Whitespace()))),
        ("numeric", "Scalars that Digits takes for digits.", boolean_runs(alone(pre_tokenizers.Digits(False)))),
        ("punctuation", "Scalars that Punctuation takes for punctuation.",
         boolean_runs(alone(pre_tokenizers.Punctuation()))),
        ("combiningMark", "Scalars that StripAccents removes.",
         boolean_runs(emptied_by(normalizers.StripAccents()))),
        ("bertRemoved", "Scalars that BertNormalizer removes when it cleans text.",
         boolean_runs(emptied_by(bert(clean_text=True)))),
        ("nonspacingMark", "Scalars that BertNormalizer removes as accents.",
         boolean_runs(emptied_by(bert(strip_accents=True)))),
    ]
    categories = ("categories", "Run length in base 36, then the general category (`=` + index of `GeneralCategory`).",
                  category_runs())
    write(folder / "UnicodeRuns.swift", "UnicodeRuns", "Character classes as run lengths in base 36, starting outside.",
          [categories] + sets)
    write(folder / "UnicodeMappings.swift", "UnicodeMappings", "Decompositions, combining classes and lower case.", [
        ("decompositions", "`delta[!]:canonical[=compatibility];` where `!` marks a composition exclusion.", decompositions()),
        ("combiningClasses", "`run:class,`", combining_class_runs()),
        ("lowercase", "`delta:mapping;`", lowercase_exceptions()),
    ])


main()
