"""Writes the fixtures of Tests/TokenizationTests: ids of the `tokenizers` library for many forms of tokenizer.json.

usage: generate_tokenizer_fixtures.py OUTPUT_FOLDER [RANDOM_TEXTS=12]      (needs: pip install tokenizers)

model.json      a small byte-level BPE, trained on the sentences below
corpus.txt      those sentences; merges.json: what BpeTrainer learns from them with several settings
forms.json      for each form the parts of tokenizer.json that differ, and a digest of 8 characters of the ids of each text
texts.json      the texts, in base64
"""
import base64
import json
import random
import sys
import unicodedata
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from fixture_digest import digest

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SENTENCES = """
The miller's daughter didn't know that they'd already sold the 1234 sacks of flour in 1987.
We're sure that it's raining; I'll bring what I've got, and you're welcome to what's left.
  Two spaces begin this line, and	a tab stands inside.   Three follow.
Der Müller mahlt größere Körner über Nacht; où êtes-vous, mes élèves?
Зерно мелют ночью, а муку продают утром. Το αλεύρι είναι λευκό.
面粉在夜里磨好。朝に売ります。밀가루를 팝니다。
THE HARBOUR MASTER WROTE: "NO SHIPS TODAY!!!" (not even small ones...) [see note 17] {x=3.14} <b>
for (int i = 0; i < 100; i++) { total += prices[i] * 2; } // the sum of all prices
A wheel turns, the water falls, the stone grinds; the stone grinds and the water falls again and again.
Emails such as someone@example.org and paths such as /usr/share/dict/words appear in texts -- often_with_underscores.
""".strip("\n")
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
BYTES_ONLY = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
LLAMA3_MARKS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{M}\p{N}]?[\p{L}\p{M}]+|\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
                r"|\s*[\r\n]+|\s+(?!\S)|\s+")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def split(pattern, behavior="Isolated", invert=False):
    source = pattern if isinstance(pattern, dict) else {"Regex": pattern}
    return {"type": "Split", "pattern": source, "behavior": behavior, "invert": invert}


def regex_form(pattern, behavior="Isolated", invert=False):
    return {"pre_tokenizer": sequence(split(pattern, behavior, invert), BYTES_ONLY)}


def added(content, identifier, special=False, **options):
    token = {"id": identifier, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": not special, "special": special}
    return {**token, **options}


def template(first, last):
    def piece(name):
        return {"SpecialToken": {"id": name, "type_id": 0}}
    return {"type": "TemplateProcessing",
            "single": [piece(first), {"Sequence": {"id": "A", "type_id": 0}}, piece(last)],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {first: {"id": first, "ids": [2], "tokens": [first]},
                               last: {"id": last, "ids": [3], "tokens": [last]}}}


def forms(size):
    """Parts of tokenizer.json by name; `model` overrides settings of the model. `size` is the first free id."""
    specials = [added(content, identifier, True) for identifier, content in enumerate(SPECIALS)]
    spaces = [added(" " * count, size + count, normalized=normalized)
              for count, normalized in ((2, True), (3, False), (4, True), (8, False))]
    stripping = [added("<left>", size, lstrip=True, normalized=False), added("<right>", size + 1, rstrip=True),
                 added("<word>", size + 2, single_word=True), added("flour", size + 3, single_word=True, normalized=False),
                 added("<both>", size + 4, lstrip=True, rstrip=True, single_word=True),
                 added("É", size + 5), added("Wat", size + 6), added("Water", size + 7)]
    return {
        "gpt2": {"added_tokens": specials, "post_processor": template("[CLS]", "[SEP]")},
        "gpt2-pattern": regex_form(GPT2),
        "merge-strings": {"merges_as_strings": True},
        "roberta": {"pre_tokenizer": {**BYTE_LEVEL, "add_prefix_space": True},
                    "added_tokens": specials[:4] + [added("[MASK]", 4, True, lstrip=True)],
                    "post_processor": {"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2],
                                       "trim_offsets": True, "add_prefix_space": True}},
        "no-pattern": {"pre_tokenizer": BYTES_ONLY},
        "no-pattern-prefix": {"pre_tokenizer": {**BYTES_ONLY, "add_prefix_space": True}},
        "neox": {"normalizer": {"type": "NFC"}, "added_tokens": specials + spaces,
                 "post_processor": template("[CLS]", "[SEP]")},
        "llama3": {**regex_form(LLAMA3), "model": {"ignore_merges": True},
                   "post_processor": {"type": "Sequence", "processors": [
                       {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
                       template("[CLS]", "[SEP]")]}},
        "llama3-general": {**regex_form("(?:" + LLAMA3 + ")"), "model": {"ignore_merges": True}},
        "qwen2": {**regex_form(QWEN2), "normalizer": {"type": "NFC"}},
        "starcoder": {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": True}, BYTE_LEVEL)},
        "digits-together": {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": False}, BYTES_ONLY)},
        "falcon": {"pre_tokenizer": sequence(
            {"type": "Punctuation", "behavior": "Contiguous"}, BYTE_LEVEL,
            {"type": "Digits", "individual_digits": False}, split("[0-9][0-9][0-9]"))},
        "bloom": regex_form(r" ?[^(\s|[.,!?…。，、।۔،])]+"),
        "deepseek": {"pre_tokenizer": sequence(
            split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), BYTES_ONLY)},
        "gpt4o": regex_form(GPT4O),
        "prefix-in-sequence": {"pre_tokenizer": sequence(
            {"type": "Digits", "individual_digits": True}, {**BYTE_LEVEL, "add_prefix_space": True})},
        "whitespace": {"pre_tokenizer": sequence({"type": "Whitespace"}, BYTES_ONLY)},
        "whitespace-split": {"pre_tokenizer": sequence({"type": "WhitespaceSplit"}, BYTES_ONLY)},
        "bert-cuts": {"pre_tokenizer": sequence({"type": "BertPreTokenizer"}, BYTES_ONLY)},
        "delimiter": {"pre_tokenizer": sequence({"type": "CharDelimiterSplit", "delimiter": "e"}, BYTES_ONLY)},
        **{f"punctuation-{behavior}": {"pre_tokenizer": sequence(
            {"type": "Punctuation", "behavior": behavior}, BYTES_ONLY)}
            for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous")},
        **{f"split-{behavior}{'-inverted' if invert else ''}": regex_form(r"\s|[aeiou]", behavior, invert)
            for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous")
            for invert in (False, True)},
        "split-string": {"pre_tokenizer": sequence(split({"String": "the"}, "MergedWithNext"), BYTES_ONLY)},
        "regex-possessive": regex_form(r"\w++|(?>\s+)|[^\w\s]?+."),
        "regex-lazy": regex_form(r"a.*?e|\w{2,3}?|[\s\S]"),
        "regex-groups": regex_form(r"(?:ab|a|the ?)+|(?:\p{Lu}\p{Ll})+|\d{2,}|(?i)water|\S"),
        "regex-assertions": regex_form(r"^\w+|\b\w+(?=[.,])|\w+$|(?=\s)\s(?!t)|[^\W\d_]{1,4}"),
        "regex-classes": regex_form(r"[\p{Han}\p{Hiragana}]+|[^\x{41}-\u005A\]\[a-c-]+|\P{L}|\p{^Lu}"),
        "regex-intervals": regex_form(r"o{1,2}|l{2}|{x|[^\S\n]{,3}e|\n"),
        **{name: {"normalizer": normalizer} for name, normalizer in {
            "nfd": {"type": "NFD"}, "nfkc": {"type": "NFKC"}, "nfkd": {"type": "NFKD"}, "lower": {"type": "Lowercase"},
            "accents": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]},
            "strip": {"type": "Strip", "strip_left": True, "strip_right": False},
            "strip-right": {"type": "Strip", "strip_left": False, "strip_right": True},
            "prepend": {"type": "Prepend", "prepend": "▁"},
            "replace": {"type": "Sequence", "normalizers": [
                {"type": "Replace", "pattern": {"Regex": r"\s{2,}"}, "content": " "},
                {"type": "Replace", "pattern": {"String": "the"}, "content": "THE"}]}}.items()},
        "added": {"added_tokens": specials + stripping},
        "added-normalized": {"added_tokens": specials + stripping,
                             "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}]}},
        "unknown": {"drop_bytes": True, "model": {"unk_token": "[UNK]"}},
        "unknown-fused": {"drop_bytes": True, "model": {"unk_token": "[UNK]", "fuse_unk": True}},
        "unknown-dropped": {"drop_bytes": True},
    }


def texts(random_texts):
    generator = random.Random(11)
    by_category = {}
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000:
            by_category.setdefault(unicodedata.category(chr(code)), []).append(code)
    found = [line for line in SENTENCES.split("\n")] + [SENTENCES]
    found += [
        "", " ", "  ", "   ", "\n", "\r\n", "\n\n\n", " \n ", "\t\t x", "a\r\nb\r\n\r\n c\n  d", "x \n\n  y\t \u00a0\u00a0z \u3000\u2028 ",
        "'s 't 're 've 'm 'll 'd 'S 'T 'RE 'Ve 'M 'LL 'D 'ſ '' ''s 'sx 'lx 'r", "I'm you'Re IT'S we'LL o'clock x'ſ 'ſt",
        "\0\0a\0 \x01\x02\x7f\x80\x85\x9f\ufeff\ufffd\uffff", "1 12 123 1234 12345 ½ Ⅷ ² ٣٤٥ १२३ 𝟘𝟙 ①② x1y2z3",
        "e\u0301 é ẛ̣ q\u0307\u0323 \u0344 \u1e9b\u0323 ﬁ Å Å ǆ ά 가 각 \u1100\u1161\u11a8 ậ a\u0302\u0323 \u0f73 𝅗𝅥 שּׁ 豈 丽",
        "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪🇫🇷 ☃️", "שלום עולם، مرحبا بالعالم ۔ देवनागरी लिपि। ไทย ខ្មែរ", "中文，没有空格。日本語カタカナひらがな한국어",
        "[MASK] [CLS]the[SEP] <mask>[PAD][UNK] x[MASK]  [MASK] y", "<left> a  <left>b  <right>  c<right> <word> x<word> <word>y flour flours  <both>  z É é E\u0301 water Water WATERFALL Wat",
        "a  b   c    d     e      f        g         h", "a" * 300, " " * 300, "ab" * 200 + " " + "!" * 100, "\n \n" * 40 + "x",
        "İIıi ẞß ΑΣΑΣ Σ ǅ Ω K", "a.b,c;d:e!f?g(h)i[j]k{l}m<n>o@p#q$r%s^t&u*v_w+x=y|z\\`~\"-/", "¿¡«»“”‘’„‚…‰†•–—−×÷≠≤≥∞√∑€£¥§¶©®™°±µ",
    ]
    for name in sorted(by_category):
        pool = by_category[name]
        sample = [chr(generator.choice(pool)) for _ in range(24)]
        found.append("".join(part + generator.choice(["", " ", "a", "1"]) for part in sample))
    pieces = list(" \n\t'") + ["'s", "'LL", "the", "water", "  ", "12", "\r\n", "é", "e\u0301", "字", "ж", "!", "...", "Water"]
    everything = [chr(code) for pool in by_category.values() for code in pool[:400]]
    for _ in range(random_texts):
        length = generator.randrange(1, 40)
        found.append("".join(generator.choice(pieces if generator.random() < 0.7 else everything) for _ in range(length)))
    return found


def digests(tokenizer, every):
    return "".join(digest(tokenizer.encode(text, add_special_tokens=False).ids) for text in every)


def train(size, corpus, minimum=0):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, special_tokens=SPECIALS, min_frequency=minimum,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train([str(corpus)], trainer)
    return json.loads(tokenizer.to_str())["model"]


# Letters and marks of scripts in which marks are parts of words.
SCRIPTS = [
    ("कखगघचजटडतदनपबभमयरलवशसह", "ािीुूेैोौंँ्"), ("கஙசஞடணதநபமயரலவழளறன", "ாிீுூெேைொோௌ்"), ("অকখগচজটতদনপবমযরলশসহ", "ািীুূেৈোৌ্"),
    ("אבגדהוזחטיכלמנסעפצקרשת", "\u05b0\u05b4\u05b5\u05b6\u05b7\u05b8\u05b9\u05bc"),
    ("ابتثجحدرسشعفقكلمنهوي", "\u064e\u064f\u0650\u0651\u0652"), ("aeiouncsz", "\u0301\u0300\u0302\u0308\u030c\u0327"),
    ("กขคงจชดตทนบปพมยรลวสห", "\u0e31\u0e34\u0e35\u0e38\u0e39\u0e48\u0e49"),
]


def marked_text():
    """Made-up words with combining marks, some of them frequent, with numbers and punctuation between."""
    generator = random.Random(5)
    lines = []
    for letters, marks in SCRIPTS:
        words = ["".join(generator.choice(letters) + (generator.choice(marks) if generator.random() < 0.6 else "")
                         for _ in range(generator.randrange(1, 6))) for _ in range(40)]
        for _ in range(12):
            parts = []
            for _ in range(generator.randrange(5, 14)):
                parts.append(words[min(int(generator.expovariate(0.12)), 39)] if generator.random() < 0.85
                             else generator.choice(["1987", "12", "345678", "MMXX", "-", "«x»", "it's", "É", "E\u0301"]))
            lines.append(generator.choice([" ", "  "]).join(parts) + generator.choice([".", "!", ",\t", ""]))
    return "\n".join(lines) + "\n"


# Settings of Tests/TokenizationTests/TrainingOptionTests.swift.
TRAININGS = [
    {"pattern": "gpt2"}, {"pattern": "llama3"}, {"pattern": "llama3", "digits": 1}, {"pattern": "llama3_marks"},
    {"pattern": "llama3_marks", "digits": 2}, {"pattern": "gpt2", "composed": True}, {"pattern": "gpt2", "lowercase": True},
    {"pattern": "llama3_marks", "composed": True, "lowercase": True}, {"pattern": "gpt2", "length": 3},
    {"pattern": "gpt2", "length": 7}, {"pattern": "llama3_marks", "length": 12, "composed": True},
]


def train_with(setting, size, corpora):
    tokenizer = Tokenizer(models.BPE())
    if setting["pattern"] == "gpt2":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        pattern = LLAMA3 if setting["pattern"] == "llama3" else LLAMA3_MARKS
        digits = setting.get("digits", 3)
        pattern = pattern.replace("{1,3}", "" if digits == 1 else f"{{1,{digits}}}")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    steps = ([normalizers.NFC()] if setting.get("composed") else []) + (
        [normalizers.Lowercase()] if setting.get("lowercase") else [])
    if steps:
        tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.train([str(corpus) for corpus in corpora], trainers.BpeTrainer(
        vocab_size=size, show_progress=False, special_tokens=SPECIALS, max_token_length=setting.get("length"),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def trainings(folder, every):
    """What training with each setting gives: merges, and the ids of texts."""
    marked = folder / "marked.txt"
    marked.write_text(marked_text(), encoding="utf-8")
    result = []
    for setting in TRAININGS:
        for size in (400, 900):
            tokenizer = train_with(setting, size, [folder / "corpus.txt", marked])
            tokenizer.encode_special_tokens = True
            merges = json.loads(tokenizer.to_str())["model"]["merges"]
            result.append({"setting": setting, "size": size, "merges": len(merges), "last": merges[-20:],
                           "digest": digest([len(left.encode()) * 257 + len(right.encode()) for left, right in merges]),
                           "texts": digests(tokenizer, every)})
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in result)
    (folder / "training.json").write_text("[" + lines + "]\n", encoding="utf-8")


def assemble(model, form):
    """The tokenizer.json of a form; Tests/TokenizationTests/Fixtures.swift does the same."""
    model = {**model, **form.get("model", {})}
    if form.get("drop_bytes"):
        dropped = [token for token in model["vocab"] if len(token) == 1 and model["vocab"][token] % 3 == 0]
        keeps = {token for token in model["vocab"] if not any(letter in token for letter in dropped)}
        model["vocab"] = {token: value for token, value in model["vocab"].items() if token in keeps or token in SPECIALS}
        model["merges"] = [pair for pair in model["merges"] if pair[0] + pair[1] in keeps]
    if form.get("merges_as_strings"):
        model["merges"] = [" ".join(pair) for pair in model["merges"]]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": form.get("added_tokens", []),
            "normalizer": form.get("normalizer"), "pre_tokenizer": form.get("pre_tokenizer", BYTE_LEVEL),
            "post_processor": form.get("post_processor"), "decoder": BYTE_LEVEL, "model": model}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    corpus = folder / "corpus.txt"
    corpus.write_text("\n\n".join([SENTENCES, SENTENCES.lower()]) + "\n", encoding="utf-8")
    model = train(420, corpus)
    merges = {f"{size} {minimum}": train(size, corpus, minimum)["merges"][-20:] + [len(train(size, corpus, minimum)["merges"])]
              for size, minimum in ((270, 0), (420, 0), (5000, 0), (5000, 3))}
    (folder / "merges.json").write_text(json.dumps(merges, ensure_ascii=False))
    (folder / "model.json").write_text(json.dumps(model, ensure_ascii=False))
    every = texts(int(sys.argv[2]) if len(sys.argv) > 2 else 12)
    (folder / "texts.json").write_text(json.dumps([base64.b64encode(text.encode()).decode() for text in every]))
    trainings(folder, every)
    scalars = "".join("a" + chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    result = []
    for name, form in forms(len(model["vocab"])).items():
        tokenizer = Tokenizer.from_str(json.dumps(assemble(model, form)))
        entry = {"name": name, "form": form}
        tokenizer.encode_special_tokens = True
        entry["ordinary"] = digests(tokenizer, every)
        if form.get("post_processor"):
            entry["wrapped"] = tokenizer.encode("the water", add_special_tokens=True).ids
        if name in ("gpt2", "llama3", "nfkc", "accents", "whitespace", "falcon"):
            entry["scalars"] = digest(tokenizer.encode(scalars, add_special_tokens=False).ids)
        if form.get("added_tokens"):
            tokenizer.encode_special_tokens = False
            entry["all"] = digests(tokenizer, every)
        if name == "gpt2":
            entry["ids"] = [tokenizer.encode(text, add_special_tokens=False).ids for text in every[:14]]
        result.append(entry)
    (folder / "forms.json").write_text("[" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in result) + "]\n")
    print(len(result), "forms", len(every), "texts", sum(path.stat().st_size for path in folder.iterdir()), "bytes")


main()
