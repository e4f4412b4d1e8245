#!/usr/bin/env python3
"""Checks export and import against transformers, from one end to the other. `make test-interop` runs it in a venv of its own.

    python3 Tools/check_interop.py --pretrain .build/release/pretrain

In:   miniatures of ELECTRA, BERT, RoBERTa and DeBERTa with random weights, saved by transformers and torch in every format, are
      imported; what the engine says of a text (detect, minimal pairs) is what transformers says; exported again they compute
      the same, to 1e-5.
Out:  runs of many shapes are exported, in every form and number type; transformers loads them without a word, padded batches
      (of code: on either side) give what single texts give, too many tokens are refused with a word about truncation, and
      torch.export and torch.compile take the models.
Near: vectors that a model was trained to give are the same in sentence-transformers.
On:   a run goes on from an imported folder, its loss does not jump, and its export loads.

Exits with 1 if anything fails. Needs torch, transformers, sentence-transformers, tokenizers, safetensors.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import types

import numpy
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForSequenceClassification, AutoTokenizer, BertForMaskedLM, RobertaForMaskedLM, logging,
)

import check_export
import make_import_fixtures as miniatures
from check_export import NETWORKS, expect, failures, load_model, logits, note

TEXTS = ["The harbour was quiet.", "Seven lanterns.", "The other isn't.", "x"]
TOLERANCE = 1e-5


def run(pretrain, *arguments, text=None):
    outcome = subprocess.run([pretrain, *map(str, arguments)], input=text, text=True, capture_output=True)
    if outcome.returncode != 0:
        expect(False, f"{' '.join(map(str, arguments))}: status {outcome.returncode}: {outcome.stderr.strip()[-800:]}")
    return outcome


def close(name, one, other, tolerance=TOLERANCE):
    scale = other.abs().max().clamp(min=1e-9)
    difference = ((one - other).abs().max() / scale).item() if one.shape == other.shape else float("inf")
    expect(difference < tolerance, f"{name}: relative difference {difference:.3g}")
    return difference


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
        note(f"ELECTRA, {kind}, {kinds[index % len(kinds)]}: the same in and out")


def ids_of(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
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
            run(pretrain, "export", here / "run", "--output", here / "hf")
            again = load_model(here / "hf/discriminator", "discriminator")
            for ids in ids_of(here / "hf/discriminator"):
                # Token 1 is RoBERTa's padding in this model, and no token of these texts.
                assert 1 not in ids
                close(f"{name}, {kind}", states(again, ids), states(model.base_model, ids))
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
        for ids in ids_of(here / form / "discriminator"):
            close(f"DeBERTa, {form}", states(again, ids), states(model.deberta, ids))
    note("DeBERTa: the same in and out")


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
    "every fourth token global": [
        "model.attention.pattern=window", "model.attention.window=6", "model.attention.global_tokens=every",
        "model.attention.global_every=4", "model.positions=rotary",
    ],
    "disentangled": [
        "model.attention.disentangled=true", "model.attention.position_buckets=8", "model.attention.maximum_relative_distance=16",
        "model.positions=none", "model.embedding_size=32", "model.generator.width_multiplier=1",
    ],
}


def make_corpus(path):
    """Sentences that a tiny model learns something from."""
    randomness = random.Random(3)
    parts = (["The miller", "A boat", "My neighbour", "The clock"], ["watches", "carries", "follows"],
             ["the bridge", "seven stones", "the fog"], ["before noon", "again", "when it rains"])
    documents = [
        " ".join(" ".join(randomness.choice(part) for part in parts) + "." for _ in range(randomness.randint(1, 5)))
        for _ in range(300)
    ]
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


def check_graphs(name, folder, model):
    """What is traced computes the same: torch.export, and torch.compile as far as the graph goes."""
    ids = torch.tensor([ids_of(folder)[0]])
    mask = torch.ones_like(ids)
    with torch.no_grad():
        expected = model(input_ids=ids, attention_mask=mask)[0]
        exported = torch.export.export(model, (), dict(input_ids=ids, attention_mask=mask)).module()
        close(f"{name}: torch.export", exported(input_ids=ids, attention_mask=mask)[0], expected)
        compiled = torch.compile(model, backend="eager")
        close(f"{name}: torch.compile", compiled(input_ids=ids, attention_mask=mask)[0], expected)


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
    for name, shape in SHAPES.items():
        here = folder / name
        settings = [f"corpus.sources=[{{path: {folder / 'corpus.txt'}}}]", *BASE, *shape]
        arguments = [part for setting in settings for part in ("--set", setting)]
        (folder / "empty.yaml").write_text("tokenizer: {}\n")
        run(pretrain, "run", folder / "empty.yaml", "--output", here / "run", "--quiet", *arguments)
        forms = ["automatic"] + (["custom-code"] if not shape else []) + (["deberta"] if name == "disentangled" else [])
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
                        check_graphs(label, out / network, model)
                    else:
                        exact = load_model(here / f"{form} float32" / network, network)
                        for ids in ids_of(out / network):
                            with torch.no_grad():
                                close(label, model(torch.tensor([ids]))[0].float(), exact(torch.tensor([ids]))[0], 0.05)
        note(f"{name}: loads, pads, is refused where it is too long, and is traced")


@torch.no_grad()
def check_classifiers(pretrain, folder):
    """A text's classes do not depend on the texts beside it, wherever padding stands in folders with code."""
    rows = [{"text": f"{'a small boat' if index % 2 else 'the old clock strikes'} {index}", "label": index % 2} for index in range(40)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    for name, pooling in (("electra", "first"), ("pre-LN, rotary", "first"), ("pre-LN, rotary", "mean")):
        here = folder / f"classifier {name} {pooling}"
        run(pretrain, "finetune", folder / name / "run", "--train", folder / "train.jsonl", "--output", here / "tuned", "--set",
            "training.epochs=1", "--set", f"training.pooling={pooling}", "--quiet")
        run(pretrain, "export", here / "tuned/seed-0", "--output", here / "hf")
        tokenizer = AutoTokenizer.from_pretrained(here / "hf", trust_remote_code=True)
        model = AutoModelForSequenceClassification.from_pretrained(here / "hf", trust_remote_code=True).eval()
        is_code = type(model).__module__.startswith("transformers_modules")
        single = torch.cat([model(**tokenizer(text, return_tensors="pt")).logits for text in TEXTS])
        for side in ["right", "left"] if is_code else ["right"]:
            tokenizer.padding_side = side
            together = model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
            close(f"classifier, {name}, {pooling}: padded on the {side}", together, single)
    note("classifiers: texts side by side are what they are alone")


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
        model = SentenceTransformer(str(here / "hf"), trust_remote_code=True, device="cpu")
        close(f"vectors, {name}", torch.tensor(numpy.load(here / "vectors.npy")), torch.tensor(model.encode(texts)))
    # Without modules.json sentence-transformers takes means, as embed does.
    plain = folder / "electra"
    run(pretrain, "embed", plain / "run", "--input", folder / "texts.txt", "--output", plain / "vectors.npy", "--quiet")
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pretrain", type=pathlib.Path, required=True)
    parser.add_argument("--tokenizers", default="bpe,wordpiece,unigram", help="of the miniatures, between commas: bpe, wordpiece, unigram")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    pretrain = options.pretrain.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_electra(pretrain, folder, options.tokenizers.split(","))
        check_others(pretrain, folder)
        check_shapes(pretrain, folder)
        check_classifiers(pretrain, folder)
        check_vectors(pretrain, folder)
        check_going_on(pretrain, folder)
    note(f"{len(failures)} failures" if failures else "all is well")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
