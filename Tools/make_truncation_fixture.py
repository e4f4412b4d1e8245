#!/usr/bin/env python3
"""Makes Tests/FineTuningTests/Fixtures/truncation.json: how transformers cuts pairs of texts that are too long.

For every greatest length, a table: a row for each length of the first text, from 1, in it a number for each length of
the second, from 1: how many tokens of the first are kept (of the second, as many as fit beside). Deterministic; run it
from anywhere:

    python3 Tools/make_truncation_fixture.py

Needs transformers, tokenizers.
"""

import json
import pathlib

from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

PATH = pathlib.Path(__file__).resolve().parent.parent / "Tests/FineTuningTests/Fixtures/truncation.json"
SPECIAL_TOKENS = 3
LONGEST_TEXT = 11


def make_tokenizer():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b"]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


def main():
    tokenizer = make_tokenizer()
    tables = {}
    for length in range(SPECIAL_TOKENS + 1, SPECIAL_TOKENS + 13):
        rows = []
        for first in range(1, LONGEST_TEXT + 1):
            row = []
            for second in range(1, LONGEST_TEXT + 1):
                texts = " ".join("a" * first), " ".join("b" * second)
                tokens = tokenizer(*texts, truncation="longest_first", max_length=length).tokens()
                kept = tokens.count("a"), tokens.count("b")
                assert sum(kept) == min(first + second, length - SPECIAL_TOKENS)
                row.append(kept[0])
            rows.append(row)
        tables[length] = rows
    PATH.write_text(json.dumps(tables, separators=(",", ":")).replace('],"', '],\n"') + "\n")
    print(f"{PATH.name}: {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
