#!/usr/bin/env python3
"""Makes the text of this experiment: FOLDER/LANGUAGE.train.txt and FOLDER/LANGUAGE.held.txt, a line each message.

    Experiments/tokenizer-patterns/prepare.py --output FOLDER [TEXT...] [--catalogs FOLDER --languages hi,ta]

TEXT are files named after their language, hi.txt. --catalogs takes translated messages of programs instead, as they are
installed (FOLDER/LANGUAGE/LC_MESSAGES/*.mo; en: the messages that were translated into German). Every tenth line, by a hash
of the line, is held out. Needs nothing but Python's standard library.
"""

import argparse
import gettext
import hashlib
import pathlib
import sys


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="*", type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--catalogs", type=pathlib.Path)
    parser.add_argument("--languages", default="")
    options = parser.parse_args()
    texts = {path.stem: set(path.read_text(encoding="utf-8").splitlines()) - {""} for path in options.text}
    for language in filter(None, options.languages.split(",")):
        if options.catalogs is None:
            parser.error("--languages needs --catalogs")
        texts[language] = messages(options.catalogs, language)
    if not texts:
        sys.exit("no text: name files, or --catalogs and --languages")
    options.output.mkdir(parents=True, exist_ok=True)
    for language, lines in texts.items():
        for name, keep in (("train", lambda byte: byte >= 26), ("held", lambda byte: byte < 26)):
            chosen = [line for line in sorted(lines) if keep(hashlib.md5(line.encode()).digest()[0])]
            text = "\n".join(chosen) + ("\n" if name == "train" else "")
            (options.output / f"{language}.{name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
