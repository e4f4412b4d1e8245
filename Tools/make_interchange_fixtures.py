#!/usr/bin/env python3
"""Makes the fixtures of the file formats: Tests/InterchangeTests/Fixtures.

    python3 Tools/make_interchange_fixtures.py

Needs torch, transformers, tokenizers, safetensors and numpy.

electra/discriminator, electra/generator
    Tiny models as transformers' save_pretrained writes them (embedding size 4; projection only in the generator).
tokenizer.json
    A byte-level BPE with the special tokens 0 to 4, trained on a few sentences written for it.
engine.safetensors
    The models' parameters under the engine's names, in F32.
types.safetensors
    One tensor of every number type, written by the safetensors library, with awkward names and metadata.
"""

import json
import pathlib
import shutil

import numpy
import torch
from safetensors.numpy import save as save_arrays
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining

from engine_names import named_parameters
from fixture_file import save_fixture

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/InterchangeTests/Fixtures"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SENTENCES = [
    "The harbour was quiet, and the boats were quiet too.",
    "The baker's oven is hot; the other oven isn't.",
    "Seven hundred and seventy-seven lanterns hung over the harbour.",
]
VOCABULARY = 280


def make_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    # Compact: the indented form is three times as large.
    text = json.dumps(json.loads(tokenizer.to_str()), separators=(",", ":"), ensure_ascii=False)
    (FIXTURES / "tokenizer.json").write_text(text + "\n", encoding="utf-8")


def make_models():
    torch.manual_seed(20260105)
    common = dict(vocab_size=VOCABULARY, embedding_size=4, max_position_embeddings=12, intermediate_size=8,
                  num_hidden_layers=2, num_attention_heads=2, initializer_range=0.3)
    discriminator = ElectraForPreTraining(ElectraConfig(**common, hidden_size=4))
    generator = ElectraForMaskedLM(ElectraConfig(**common, hidden_size=6))
    generator.electra.embeddings = discriminator.electra.embeddings
    generator.tie_weights()
    engine = {}
    for network, model in (("discriminator", discriminator), ("generator", generator)):
        folder = FIXTURES / "electra" / network
        shutil.rmtree(folder, ignore_errors=True)
        with torch.no_grad():
            for _, parameter in model.named_parameters():
                if parameter.dim() == 1:
                    parameter.add_(0.1 * torch.randn_like(parameter))
        engine |= dict(named_parameters(network, model))
    # Saved only now: both change the shared embedding norm above.
    for network, model in (("discriminator", discriminator), ("generator", generator)):
        folder = FIXTURES / "electra" / network
        model.save_pretrained(folder)
        (folder / "model.safetensors").chmod(0o644)
    save_fixture(engine, FIXTURES / "engine.safetensors")


def make_types():
    arrays = {
        "float64": numpy.array([[0.0, -1.5], [1e300, numpy.pi]]),
        "float32": numpy.array([0.0, -0.0, 1e-45, 3.4e38, -1.25], dtype=numpy.float32),
        "float16": numpy.array([0.0, -0.0, 6e-8, 6.1e-5, 1.0, -2.5, 65504.0, numpy.inf, 0.1], dtype=numpy.float16),
        "int8": numpy.array([-128, 127], dtype=numpy.int8),
        "int16": numpy.array([-32768, 32767], dtype=numpy.int16),
        "int32": numpy.array([[-(2**31)], [2**31 - 1]], dtype=numpy.int32),
        "int64": numpy.array([-(2**63), 2**63 - 1, 7], dtype=numpy.int64),
        "uint8": numpy.array([0, 255], dtype=numpy.uint8),
        "uint16": numpy.array([65535], dtype=numpy.uint16),
        "uint32": numpy.array([2**32 - 1], dtype=numpy.uint32),
        "uint64": numpy.array([2**64 - 1], dtype=numpy.uint64),
        "bool": numpy.array([True, False, True]),
        "empty": numpy.zeros((3, 0, 2), dtype=numpy.float32),
        "scalar": numpy.array(42.5, dtype=numpy.float32),
        'awkward "name" \\ with\ttabs, ümlauts and 🛶': numpy.array([1.0], dtype=numpy.float32),
    }
    data = save_arrays(arrays, {"note": 'quotes " and \\ and\nlines'})
    (FIXTURES / "types.safetensors").write_bytes(data)
    brain = torch.tensor([1.0, -2.5, 3.140625, 1e38, 0.0], dtype=torch.bfloat16)
    save_fixture({"bfloat16": brain}, FIXTURES / "bfloat16.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    make_tokenizer()
    make_models()
    make_types()
