#!/usr/bin/env python3
"""Checks that transformers loads an exported model, and computes with it what the engine computed.

    python3 Tools/check_export.py FOLDER [--ids IDS.json] [--detect DETECT.json] [--fixture FIXTURE.safetensors]

FOLDER holds discriminator/ and generator/, or one of them. Both must load, as the classes that config.json names, without
missing, unexpected or mismatched tensors and without a warning, as must their tokenizers, and AutoTokenizer must give the same
ids as tokenizer.json by itself does.

--ids      A JSON list of lists of ids (or - for standard input): prints both models' logits as one JSON object.
--detect   The output of `pretrain detect --json` for the same model: objects with ids and logits, one per line or
           in a list. Prints the largest difference and fails if it exceeds --tolerance.
--fixture  Compares with the logits in Tests/GoldenTests/Fixtures/electra.safetensors, for a model that was exported
           from its weights; with --multiplied, with those under the multipliers in its metadata.

Exits with 1 if anything fails. Needs torch, transformers, tokenizers, safetensors.
"""

import argparse
import contextlib
import json
import logging
import pathlib
import sys
import warnings

import torch
import transformers
from safetensors import safe_open
from tokenizers import Tokenizer
from transformers import (
    DebertaV2ForMaskedLM, DebertaV2Model,
    AutoModel, AutoModelForMaskedLM, AutoModelForPreTraining, AutoTokenizer, ElectraForMaskedLM, ElectraForPreTraining,
    ElectraModel,
)

from make_classifier_fixtures import Complaints

NETWORKS = ["discriminator", "generator"]
CLASSES = {cls.__name__: cls for cls in (
    ElectraForPreTraining, ElectraForMaskedLM, ElectraModel, DebertaV2Model, DebertaV2ForMaskedLM)} | {
    "PretrainForReplacedTokenDetection": AutoModelForPreTraining, "PretrainForMaskedLM": AutoModelForMaskedLM,
    "PretrainModel": AutoModel,
}
TEXTS = [
    "The Harbour was QUIET.",
    "  two  spaces, a tab\tand a line\nfeed ",
    "isn't it? It's 1234 o'clock , isn't it !",
    "naïve Ωmega 東京 🛶 e\u0301\u200d\u0000",
    "",
]

failures = []


def expect(condition, message):
    if not condition:
        failures.append(message)
        print(f"FAILED: {message}", file=sys.stderr)


def note(message):
    print(message, file=sys.stderr)


# Of these, and of everything that passes its records on, whatever is logged while something is loaded is a complaint.
LOGGERS = ["", "transformers", "huggingface_hub"]


@contextlib.contextmanager
def no_complaints(name, allowed=()):
    """Fails for what is logged or warned of within, but for texts with a part that is allowed."""
    complaints = Complaints()
    for logger in LOGGERS:
        logging.getLogger(logger).addHandler(complaints)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        for logger in LOGGERS:
            logging.getLogger(logger).removeHandler(complaints)
    # That something deep in another library will go away some day is none of the folder's business.
    caught = [
        warning for warning in caught
        if "transformers" in warning.filename or not issubclass(warning.category, (DeprecationWarning, ResourceWarning))]
    texts = complaints.texts + [f"{warning.category.__name__}: {warning.message}" for warning in caught]
    for text in texts:
        expect(any(part in text for part in allowed), f"{name}: complains when it is loaded: {text}")


def load(name, cls, folder):
    """A model, all of whose tensors are in the folder, and nothing else."""
    with no_complaints(name):
        model, report = cls.from_pretrained(folder, trust_remote_code=True, output_loading_info=True)
    for kind, names in report.items():
        expect(not names, f"{name}: {kind}: {names}")
    return model.eval()


def load_tokenizer(name, folder):
    with no_complaints(name):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=True)


def check_tie(model):
    if isinstance(model, DebertaV2ForMaskedLM):
        is_tied = model.cls.predictions.decoder.weight is model.deberta.embeddings.word_embeddings.weight
    elif hasattr(model, "electra"):
        is_tied = model.generator_lm_head.weight is model.electra.embeddings.word_embeddings.weight
    else:
        is_tied = model.head.output is None
    expect(is_tied == model.config.tie_word_embeddings, f"{type(model).__name__}: the output table is tied: {is_tied}")


def load_model(folder, network):
    architecture = json.loads((folder / "config.json").read_text())["architectures"][0]
    model = load(network, CLASSES[architecture], folder)
    with safe_open(folder / "model.safetensors", "pt") as file:
        expect(file.metadata() == {"format": "pt"}, f"{network}: metadata {file.metadata()}")
        state = model.state_dict()
        for name in file.keys():
            expect(torch.equal(file.get_tensor(name), state[name]), f"{network}: {name} was not loaded as it is")
    if architecture.endswith("ForMaskedLM"):
        check_tie(model)
    note(f"{network}: {architecture}, {sum(p.numel() for p in model.parameters())} parameters")
    return model


def check_tokenizer(folder, network, model):
    before = len(failures)
    tokenizer = load_tokenizer(network, folder)
    plain = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in TEXTS:
        ours, theirs = plain.encode(text).ids, tokenizer(text)["input_ids"]
        expect(ours == theirs, f"{network}: AutoTokenizer gives {theirs} for {text!r}, tokenizer.json {ours}")
        decoded = tokenizer.decode(ours, skip_special_tokens=True)
        if plain.decode(ours) == text:
            expect(decoded == text, f"{network}: {text!r} decodes to {decoded!r}")
    # A position table may have rows that no text has trained.
    expect(0 < tokenizer.model_max_length <= model.config.max_position_embeddings, f"{network}: model_max_length")
    expect(tokenizer.pad_token_id == model.config.pad_token_id, f"{network}: pad_token_id")
    for kind in ("pad", "unk", "cls", "sep", "mask"):
        token = getattr(tokenizer, f"{kind}_token")
        expect(token is not None and plain.token_to_id(token) is not None, f"{network}: no {kind} token")
    expect(len(tokenizer) <= model.config.vocab_size, f"{network}: more tokens than embeddings")
    if len(failures) == before:
        note(f"{network}: AutoTokenizer ({type(tokenizer).__name__}) agrees with tokenizer.json on {len(TEXTS)} texts")


@torch.no_grad()
def logits(model, ids):
    return model(input_ids=torch.tensor([ids])).logits[0]


def records(value):
    """All objects with ids and logits in a JSON value."""
    if isinstance(value, dict):
        if "ids" in value and "logits" in value:
            yield value
        else:
            for member in value.values():
                yield from records(member)
    elif isinstance(value, list):
        for element in value:
            yield from records(element)


def read_json_values(path):
    text = sys.stdin.read() if path == "-" else pathlib.Path(path).read_text(encoding="utf-8")
    decoder = json.JSONDecoder()
    position = 0
    while text[position:].strip():
        position += len(text[position:]) - len(text[position:].lstrip())
        value, position = decoder.raw_decode(text, position)
        yield value


def compare(name, ours, theirs, tolerance):
    ours = torch.as_tensor(ours, dtype=torch.float64)
    theirs = theirs.double()
    expect(ours.shape == theirs.shape, f"{name}: shapes {tuple(ours.shape)} and {tuple(theirs.shape)}")
    if ours.shape == theirs.shape:
        difference = (ours - theirs).abs().max().item() if ours.numel() else 0.0
        note(f"{name}: largest difference of {ours.numel()} logits {difference:.3g}")
        # Not "difference > tolerance": that would let NaN pass.
        expect(difference <= tolerance, f"{name}: difference {difference:.3g} exceeds {tolerance}")


def pieces(ids, first):
    """The pieces that `pretrain detect` divides a long line into, each from its [CLS] on."""
    starts = [index for index, token in enumerate(ids) if token == first] + [len(ids)]
    assert starts[0] == 0, "a line does not begin with [CLS]"
    return [ids[start:end] for start, end in zip(starts, starts[1:])]


def compare_detection(model, first, path, tolerance):
    found = [record for value in read_json_values(path) for record in records(value)]
    expect(found, f"{path} holds no objects with ids and logits")
    if found:
        ours = torch.cat([torch.tensor(record["logits"], dtype=torch.float64) for record in found])
        theirs = torch.cat([logits(model, piece) for record in found for piece in pieces(record["ids"], first)])
        compare("detect", ours, theirs, tolerance)


def compare_fixture(loaded, path, prefix, tolerance):
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    lengths = tensors["input.lengths"].tolist()

    def run(network, name):
        return torch.cat([logits(loaded[network], ids.tolist()) for ids in torch.split(tensors[name], lengths)])

    if "discriminator" in loaded:
        compare("discriminator", tensors[f"{prefix}.discriminator.logits"],
                run("discriminator", "input.corrupted_ids"), tolerance)
    if "generator" in loaded:
        rows = run("generator", "input.generator_ids")[tensors["input.masked_positions"].long()]
        compare("generator", tensors[f"{prefix}.generator.logits"], rows, tolerance)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--ids", metavar="FILE")
    parser.add_argument("--detect", metavar="FILE")
    parser.add_argument("--fixture", metavar="FILE")
    parser.add_argument("--multiplied", action="store_true")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)

    folders = {network: arguments.folder / network for network in NETWORKS}
    loaded = {network: load_model(folder, network) for network, folder in folders.items() if folder.is_dir()}
    if not loaded:
        parser.error(f"{arguments.folder} holds neither discriminator/ nor generator/")
    for network, model in loaded.items():
        check_tokenizer(folders[network], network, model)
    if arguments.ids:
        lists = next(read_json_values(arguments.ids))
        print(json.dumps({
            network: [logits(model, ids).tolist() for ids in lists] for network, model in loaded.items()}))
    if arguments.detect:
        detects = ("ForPreTraining", "ForReplacedTokenDetection")
        if "discriminator" in loaded and loaded["discriminator"].config.architectures[0].endswith(detects):
            first = load_tokenizer("discriminator", folders["discriminator"]).cls_token_id
            compare_detection(loaded["discriminator"], first, arguments.detect, arguments.tolerance)
        else:
            expect(False, "--detect needs discriminator/ with a detection head")
    if arguments.fixture:
        prefix = "multiplied" if arguments.multiplied else "output"
        compare_fixture(loaded, arguments.fixture, prefix, arguments.tolerance)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
