#!/bin/sh
# Installs the libraries that pretrain links, as far as pkg-config does not find them.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)

if ! command -v swift >/dev/null 2>&1; then
    echo "error: no swift on the PATH. Install Swift 6.1 or later: https://www.swift.org/install/linux/" >&2
    exit 1
fi

missing=
if ! command -v pkg-config >/dev/null 2>&1; then
    missing="$missing pkg-config"
fi
while read -r module package; do
    pkg-config --exists "$module" 2>/dev/null || missing="$missing $package"
done <<'LIBRARIES'
openblas libopenblas-dev
liblz4 liblz4-dev
zlib zlib1g-dev
libzstd libzstd-dev
libcrypto libssl-dev
LIBRARIES

# The list of packages is meant to be split.
# shellcheck disable=SC2086
[ -z "$missing" ] || "$tools/apt-install.sh" $missing
