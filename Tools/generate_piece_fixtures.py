"""Writes the fixtures of Tests/TokenizationTests/PieceGoldenTests.swift: tokens, offsets and decoded text of the `tokenizers`
library for many forms of WordPiece and Unigram.

usage: generate_piece_fixtures.py FIXTURES      (needs: pip install tokenizers; corpus.txt, marked.txt and texts.json of
                                                 generate_tokenizer_fixtures.py in the folder)

piece-models.json   two small WordPieces and a Unigram, trained on corpus.txt, marked.txt and the sentences below; kept if it is there,
                    since training ends differently from time to time
piece-texts.json    further texts, in base64
piece-forms.json    for each form the parts of tokenizer.json that differ, a digest of 8 characters of the ids and offsets of
                    each text (those of texts.json, then those of piece-texts.json), and one of all that is decoded
"""
import base64
import json
import sys
import unicodedata
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from fixture_digest import digest

BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SENTENCES = """
The baker's apprentice weighed 250 grams of rye flour, sifted it twice and wouldn't say why.
Unbelievably, the re-examination of the undergrounds showed nothing; nevertheless they continued examining.
Über den Dächern hängen Wolken. Élodie préfère la crème brûlée à Nîmes. Señor Muñoz llegó mañana.
Быстрая река течёт мимо старой мельницы; её вода холодная. Ο μύλος γυρίζει αργά.
水车转动，面粉很白。水が流れる。カタカナとひらがな。물레방아가 돌아간다.
كان الطحان يعمل ليلا. הטוחן עבד בלילה. चक्की रात में चलती है।
""".strip()
TEXTS = [
    "café cafe\u0301 CAFÉ Café naïve NAI\u0308VE Ünïcödé", "re-examination unbelievably UNDERGROUNDS examining",
    "水车转动x水y㐀\U00020000\U0002a6d6豈 水", "a\u200db\u200cc\u200bd\u2060e\ufeff f\u00ad g", "a\u00a0b\u2003c\u3000d\u1680e\u2028f\u2029g",
    "tab\there\x0bvt\x0cff\x1cfs\x85nel\r\nend\r", "\x00nul\x01\x02 \x7fdel \u0080\u0099 \ufffd \ufffe \uffff \ue000 \U0010ffff",
    "\u0301abc \u0301 x \u0301y  \u0323\u0301z a\u0301\u0323 \u0344 q\u0323\u0307 \u1e69 s\u0307\u0323",
    "x" * 99 + " " + "y" * 100 + " " + "z" * 101 + " " + "é" * 100 + " " + "é" * 101, "the" * 60, "un" * 3000,
    "▁ ▁▁ ▁the the▁mill  ▁ x▁", "<0x41> <unk> <s> </s> [UNK] [MASK] <mask>", "  leading", "trailing  ", " ", "\n", "\t \n", "   ",
    "a  b   c    d\n\ne \n f\t\tg\r\n\r\nh", "don't can't we'll they've I'm he's it's o'clock rock 'n' roll do not",
    "``quoted'' text ` ' '' '''' ``` x''y", "ﬁne ﬃ ﬀ x² ½ ① Ⅷ ㌔ ｱｲｳ ｶﾞ ＡＢＣ ™ … ª º µ Å K ſ ß ẞ İ ı ǅ", "ﬁ\u0301 e\u0301 e\u0323\u0301 ™\x1eg \x1e\x1e a\x1e \x1eb",
    "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽x 🇩🇪🇫🇷 ☃️ 🙂🙂 1️⃣ #️⃣", "\u0600123 \u06dd1 a\u0600 b ؀ ١٢٣ \u0600 x", "한국어 \u1112\u1161\u11ab\u1100\u116e\u11a8 각\u11a8 가\u11a8",
    "สวัสดีครับ น้ำ ไทย\u0e33 a\u0e33 \u0e33b ຄຳ \u0eb3", "हिन्दी क्षत्रिय ज्ञ र्क \u094d x\u094d", "а́б е̏ ё е\u0308 й и\u0306 Ё",
    "x<\u0338y =\u0338 >\u0338 a,\u0308b -\u0301 .\u200d.", " \u0308x \u200dx \ufe0fx \U0001f3fbx \uff9ex \u00b2x",
    "the [MASK]mill <mask> mill<mask>  x [CLS]the[SEP]", "themill XYZthe flourmill Flour flours floury  Mill mill-stone",
    "a,b;c:d!e?f.g(h)i[j]k{l}m", "http://www.mill.org/a?b=c&d#e user@example.org C++ #1 $5.00 50% 3,14", "𝐭𝐡𝐞 𝕥𝕙𝕖 ｔｈｅ ᵗʰᵉ ᴛʜᴇ",
    "", "\u0300", "\u200b", "\u3000", "\u3000x\u3000 y \u3000", "x \u200b y\u200b z \u200bw",
]


def double_array(mapping):
    """The units of a double array (Darts) from keys to numbers."""
    tree = {}
    for key, value in mapping.items():
        node = tree
        for byte in key:
            node = node.setdefault(byte, {})
        node[0] = value
    units, used = [0] * 256, set([0])
    pending, base = [(tree, 0)], 1
    while pending:
        node, position = pending.pop(0)
        labels = list(node)
        while any(base ^ label in used for label in labels):
            base += 1
        used.update(base ^ label for label in labels)
        while len(units) <= base | 0xFF:
            units.append(0)
        units[position] |= (position ^ base) << 10 | (1 << 8 if 0 in node else 0)
        assert (position ^ base) < 1 << 21
        for label in labels:
            if label == 0:
                units[base] = node[0] | 1 << 31
            else:
                units[base ^ label] |= label
                pending.append((node[label], base ^ label))
        base += 1
    return units


def charsmap():
    """A map as SentencePiece compiles them, with the compatibility forms of some characters."""
    mapping = {}
    for code in [*range(0xA0, 0x180), *range(0x2000, 0x2070), *range(0x2100, 0x2190), *range(0x2460, 0x2474), *range(0x3300, 0x3310),
                 *range(0xFB00, 0xFB07), *range(0xFF01, 0xFFA0)]:
        composed = unicodedata.normalize("NFKC", chr(code))
        if composed != chr(code):
            mapping[chr(code)] = composed
        decomposed = unicodedata.normalize("NFD", chr(code))
        if len(decomposed) > 1:
            mapping[decomposed] = chr(code)
    mapping |= {code: " " for code in "\t\n\r\u00a0\u1680\u200b\u2028\u2029\u3000\ufeff"}
    mapping |= {chr(code): "" for code in [*range(1, 9), 0xB, *range(0xE, 0x20), 0x7F, 0xAD, 0x200C]}
    mapping |= {"ｶﾞ": "ガ", "☃": "<snow man>", "\u0600": "#"}
    text, places, keys = b"", {}, {}
    for key, value in mapping.items():
        if value not in places:
            places[value] = len(text)
            text += value.encode() + b"\0"
        keys[key.encode()] = places[value]
    units = double_array(keys)
    blob = (len(units) * 4).to_bytes(4, "little") + b"".join(unit.to_bytes(4, "little") for unit in units) + text
    return base64.b64encode(blob).decode()


def sequence(*parts):
    return {"type": "Sequence", "normalizers": list(parts)}


def cuts(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def bert(**options):
    return {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True,
            **options}


def metaspace(**options):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True, **options}


def replace(pattern, content, kind="String"):
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def added(content, identifier, special=False, **options):
    return {"id": identifier, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": not special, "special": special, **options}


def template(first, last, first_id, last_id):
    def piece(name):
        return {"SpecialToken": {"id": name, "type_id": 0}}
    return {"type": "TemplateProcessing", "single": [piece(first), {"Sequence": {"id": "A", "type_id": 0}}, piece(last)],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {first: {"id": first, "ids": [first_id], "tokens": [first]},
                               last: {"id": last, "ids": [last_id], "tokens": [last]}}}


SPLIT = {"type": "WhitespaceSplit"}
BERT_CUTS = {"type": "BertPreTokenizer"}
NFC, NFD, NFKC, NFKD, LOWER, ACCENTS = ({"type": name} for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"))


def wordpieces(uncased, cased):
    """Forms of WordPiece; numbers are the first free ids."""
    specials = [added(content, identifier, True) for identifier, content in enumerate(BERT)]
    inside = [added("mill", uncased, normalized=False), added("XYZ", uncased + 1), added("É", uncased + 2),
              added("Flour", uncased + 3, single_word=True), added("<left>", uncased + 4, lstrip=True, rstrip=True)]
    base = {"use": "uncased", "normalizer": bert(), "pre_tokenizer": BERT_CUTS, "added_tokens": specials,
            "post_processor": template("[CLS]", "[SEP]", 2, 3), "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}}
    cased_base = {**base, "use": "cased", "normalizer": bert(lowercase=False)}
    return {
        "bert-uncased": base,
        "bert-cased": cased_base,
        "bert-cased-stripped": {**cased_base, "normalizer": bert(lowercase=False, strip_accents=True)},
        "bert-accents-kept": {**cased_base, "normalizer": bert(strip_accents=False)},
        "bert-not-cleaned": {**base, "normalizer": bert(clean_text=False)},
        "bert-chinese-kept": {**base, "normalizer": bert(handle_chinese_chars=False)},
        "bert-bare": {**cased_base, "normalizer": bert(clean_text=False, handle_chinese_chars=False, lowercase=False)},
        "bert-nothing": {**cased_base, "normalizer": None},
        "bert-sequence": {**base, "normalizer": sequence(NFD, LOWER, ACCENTS)},
        "bert-nfkc": {**base, "normalizer": sequence(NFKC, LOWER, {"type": "Strip", "strip_left": True, "strip_right": False})},
        "bert-nfc": {**cased_base, "normalizer": NFC},
        "bert-long-words": {**base, "model": {"max_input_chars_per_word": 4}},
        "bert-no-prefix": {**base, "model": {"continuing_subword_prefix": ""}},
        "bert-other-prefix": {**base, "model": {"continuing_subword_prefix": "@@"}},
        "bert-words": {**base, "pre_tokenizer": {"type": "Whitespace"}},
        "bert-spaces": {**base, "pre_tokenizer": SPLIT, "decoder": None},
        "bert-digits": {**base, "pre_tokenizer": cuts(BERT_CUTS, {"type": "Digits", "individual_digits": True})},
        "bert-whole": {**base, "pre_tokenizer": None, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": False}},
        "bert-added": {**base, "added_tokens": specials + inside},
        "bert-replaced": {**base, "normalizer": sequence(replace("mill", "MILL  stone"), replace("[0-9]+", "9", "Regex"), LOWER)},
    }


def unigrams(size, compiled):
    """Forms of Unigram; `size` is the first free id."""
    specials = [added(content, identifier, True, lstrip=content == "<mask>") for identifier, content in enumerate(ROBERTA)]
    inside = [added("mill", size, normalized=False), added("XYZ", size + 1), added("É", size + 2), added("the flour", size + 3)]
    roberta = {"use": "unigram", "normalizer": compiled, "pre_tokenizer": cuts(SPLIT, metaspace()), "added_tokens": specials,
               "post_processor": template("<s>", "</s>", 0, 2), "decoder": metaspace()}
    spaces = replace(" {2,}", " ", "Regex")
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    marked = {**roberta, "pre_tokenizer": metaspace()}
    albert = sequence(replace("``", '"'), replace("''", '"'), NFKD, ACCENTS, LOWER, compiled)
    return {
        "xlm-roberta": roberta,
        "xlm-roberta-old": {**roberta, "normalizer": sequence(compiled, spaces), "pre_tokenizer": cuts(
            SPLIT, {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True})},
        "albert": {**roberta, "normalizer": albert},
        "albert-accents": {**roberta, "normalizer": sequence(replace("``", '"'), replace("''", '"'), LOWER, compiled, spaces)},
        "deberta-v3": {**marked, "normalizer": sequence(strip, compiled, spaces)},
        "deberta-v2": {**marked, "normalizer": sequence(
            replace(r"\s{2,}|[\n\r\t]", " ", "Regex"), NFC, {"type": "Strip", "strip_left": False, "strip_right": True})},
        "deberta-punctuation": {**marked, "pre_tokenizer": cuts({"type": "Punctuation", "behavior": "Isolated"}, metaspace())},
        "t5": marked,
        "t5-no-normalizer": {**marked, "normalizer": None},
        "marked-first": {**marked, "pre_tokenizer": metaspace(prepend_scheme="first")},
        "marked-first-stripped": {**marked, "normalizer": strip, "pre_tokenizer": metaspace(prepend_scheme="first")},
        "marked-never": {**marked, "pre_tokenizer": metaspace(prepend_scheme="never"), "decoder": metaspace(prepend_scheme="never")},
        "marked-old-never": {**marked, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False,
                                                         "prepend_scheme": "never"}},
        "marked-whole": {**marked, "pre_tokenizer": metaspace(split=False)},
        "marked-other-sign": {**marked, "pre_tokenizer": metaspace(replacement="_"), "decoder": metaspace(replacement="_")},
        "nfkc": {**marked, "normalizer": NFKC},
        "nfkd-stripped": {**roberta, "normalizer": sequence(NFKD, ACCENTS, strip)},
        "prepended": {**roberta, "normalizer": sequence({"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")), "pre_tokenizer": None,
                      "decoder": {"type": "Sequence", "decoders": [replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"},
                                                                   {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}},
        "bytes": {**roberta, "use": "unigram-bytes", "model": {"byte_fallback": True},
                  "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, metaspace()]}},
        "some-bytes": {**marked, "use": "unigram-some-bytes", "model": {"byte_fallback": True}},
        "unigram-added": {**roberta, "added_tokens": specials + inside},
        "marked-added": {**marked, "normalizer": sequence(LOWER, spaces), "added_tokens": specials + inside},
    }


def assemble(trained, form):
    """The tokenizer.json of a form; Tests/TokenizationTests/PieceForm.swift does the same."""
    use = form["use"]
    model = {**trained["unigram" if use.startswith("unigram") else use], **form.get("model", {})}
    prefix = form.get("model", {}).get("continuing_subword_prefix")
    if prefix is not None:
        # The rest of a token that the other prefix marks may be a token already.
        vocabulary = {}
        for token, identifier in model["vocab"].items():
            vocabulary.setdefault(prefix + token[2:] if token.startswith("##") else token, identifier)
        model["vocab"] = vocabulary
    if use in ("unigram-bytes", "unigram-some-bytes"):
        count = 256 if use == "unigram-bytes" else 200
        model["vocab"] = model["vocab"] + [[f"<0x{byte:02X}>", -20] for byte in range(count)]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": form["added_tokens"],
            "normalizer": form["normalizer"], "pre_tokenizer": form["pre_tokenizer"], "post_processor": form["post_processor"],
            "decoder": form["decoder"], "model": model}


def train(folder, sentences):
    files = [str(folder / "corpus.txt"), str(folder / "marked.txt")]
    lines = [line for path in files for line in Path(path).read_text(encoding="utf-8").split("\n")] + sentences * 3

    def trained(model, normalizer, cutter, trainer):
        tokenizer = Tokenizer(model)
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, cutter
        tokenizer.train_from_iterator(lines, trainer)
        return json.loads(tokenizer.to_str())["model"]

    def wordpiece(lowercase):
        model = trained(
            models.WordPiece(unk_token="[UNK]"), normalizers.BertNormalizer(lowercase=lowercase, strip_accents=lowercase),
            pre_tokenizers.BertPreTokenizer(),
            trainers.WordPieceTrainer(vocab_size=700, limit_alphabet=260, special_tokens=BERT, show_progress=False))
        # The dictionaries that the test puts a form together with take canonically equivalent tokens for one.
        kept = {}
        for token in model["vocab"]:
            kept.setdefault(unicodedata.normalize("NFC", token), token)
        model["vocab"] = {token: identifier for identifier, token in enumerate(kept.values())}
        return model
    unigram = trained(models.Unigram(), normalizers.NFKC(), pre_tokenizers.Metaspace(), trainers.UnigramTrainer(
        vocab_size=500, special_tokens=ROBERTA, unk_token="<unk>", show_progress=False))
    unigram["vocab"] = [[token, round(score, 6)] for token, score in unigram["vocab"]]
    return {"uncased": wordpiece(True), "cased": wordpiece(False), "unigram": unigram}


def encoded(tokenizer, text):
    result = tokenizer.encode(text, add_special_tokens=False)
    return result.ids, [place for pair in result.offsets for place in pair]


def main():
    folder = Path(sys.argv[1])
    models_path = folder / "piece-models.json"
    if not models_path.exists():
        models_path.write_text(json.dumps(train(folder, SENTENCES.split("\n")), ensure_ascii=False) + "\n", encoding="utf-8")
    trained = json.loads(models_path.read_text(encoding="utf-8"))
    (folder / "piece-texts.json").write_text(json.dumps([base64.b64encode(text.encode()).decode() for text in TEXTS]) + "\n")
    texts = [base64.b64decode(text).decode() for text in json.loads((folder / "texts.json").read_text())] + TEXTS
    scalars = "".join("a" + chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    compiled = {"type": "Precompiled", "precompiled_charsmap": charsmap()}
    sizes = {name: len(model["vocab"]) for name, model in trained.items()}
    forms = {**wordpieces(sizes["uncased"], sizes["cased"]), **unigrams(sizes["unigram"], compiled)}
    result = []
    for name, form in forms.items():
        tokenizer = Tokenizer.from_str(json.dumps(assemble(trained, form)))
        tokenizer.encode_special_tokens = True
        all_encoded = [encoded(tokenizer, text) for text in texts]
        stored = json.dumps(form, ensure_ascii=False).replace(json.dumps(compiled), '"compiled"')
        entry = {"name": name, "form": json.loads(stored),
                 "ordinary": "".join(digest(ids + offsets) for ids, offsets in all_encoded),
                 "decoded": digest([byte for ids, _ in all_encoded for byte in tokenizer.decode(ids, skip_special_tokens=False).encode()]),
                 "wrapped": tokenizer.encode("the water", add_special_tokens=True).ids,
                 "first": all_encoded[0]}
        if name in ("bert-uncased", "bert-cased-stripped", "bert-nfkc", "xlm-roberta", "albert", "deberta-v3", "nfkc"):
            entry["scalars"] = digest(sum(encoded(tokenizer, scalars), []))
        tokenizer.encode_special_tokens = False
        entry["all"] = "".join(digest(sum(encoded(tokenizer, text), [])) for text in texts)
        result.append(entry)
    (folder / "piece-forms.json").write_text(json.dumps({"compiled": compiled})[:-1] + ', "forms": [\n' + ",\n".join(
        json.dumps(entry, ensure_ascii=False) for entry in result) + "\n]}\n", encoding="utf-8")
    written = ["piece-models.json", "piece-texts.json", "piece-forms.json"]
    print(len(result), "forms", len(texts), "texts", sum((folder / name).stat().st_size for name in written), "bytes")


main()
