#!/usr/bin/env python3
"""Trains a vocabulary with each pattern on the text of each language and measures bytes per token on held-out text.

    Experiments/tokenizer-patterns/run.py TEXT... [--catalogs FOLDER] [--languages hi,ta] [--size 4096]

TEXT are files named after their language, hi.txt. --catalogs takes translated messages of programs instead, as they are
installed (FOLDER/LANGUAGE/LC_MESSAGES/*.mo; en: the messages that were translated into German). Every tenth line, by a hash
of the line, is held out. Needs a built `pretrain` and nothing but Python's standard library.
"""

import argparse
import gettext
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FORMS = {
    "gpt2": ["--pattern", "gpt2"], "llama3": ["--pattern", "llama3"], "llama3_marks": ["--pattern", "llama3_marks"],
    "llama3_marks, composed": ["--pattern", "llama3_marks", "--composed"],
}


def messages(folder, language):
    """Distinct messages of a language, each on one line."""
    found = set()
    for path in sorted(folder.glob(f"{'de' if language == 'en' else language}/LC_MESSAGES/*.mo")):
        try:
            with open(path, "rb") as file:
                catalog = gettext.GNUTranslations(file)._catalog
        except (OSError, ValueError, UnicodeDecodeError):
            continue
        for source, translated in catalog.items():
            if isinstance(source, str) and source and isinstance(translated, str):
                found.add((source if language == "en" else translated).replace("\n", " "))
    return found


def measure(pretrain, lines, size, work):
    held = [line for line in sorted(lines) if hashlib.md5(line.encode()).digest()[0] < 26]
    train = [line for line in sorted(lines) if hashlib.md5(line.encode()).digest()[0] >= 26]
    (work / "train.txt").write_text("\n".join(train) + "\n", encoding="utf-8")
    text = "\n".join(held).encode()
    rates = []
    for flags in FORMS.values():
        path = work / "tokenizer.json"
        subprocess.run([pretrain, "tokenizer", "train", "--input", work / "train.txt", "--vocabulary-size", str(size),
                        "--output", path, *flags], check=True, capture_output=True)
        done = subprocess.run([pretrain, "tokenizer", "encode", path], input=text, check=True, capture_output=True)
        rates.append((len(text) - len(held) + 1) / len(done.stdout.split()))
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="*", type=pathlib.Path)
    parser.add_argument("--catalogs", type=pathlib.Path)
    parser.add_argument("--languages", default="")
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--pretrain", type=pathlib.Path, default=HERE.parent.parent / ".build/release/pretrain")
    options = parser.parse_args()
    texts = {path.stem: set(path.read_text(encoding="utf-8").splitlines()) - {""} for path in options.text}
    for language in filter(None, options.languages.split(",")):
        if options.catalogs is None:
            parser.error("--languages needs --catalogs")
        texts[language] = messages(options.catalogs, language)
    if not texts:
        sys.exit("no text: name files, or --catalogs and --languages")
    print("| language | KB | " + " | ".join(FORMS) + " |\n|" + "---|" * (len(FORMS) + 2))
    for language, lines in texts.items():
        with tempfile.TemporaryDirectory() as work:
            rates = measure(str(options.pretrain.resolve()), lines, options.size, pathlib.Path(work))
        size = sum(len(line.encode()) for line in lines) / 1000
        print(f"| {language} | {size:,.0f} | " + " | ".join(f"{rate:.2f}" for rate in rates) + " |", flush=True)


if __name__ == "__main__":
    main()
