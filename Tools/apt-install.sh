#!/bin/sh
# Installs Debian packages: apt-install.sh PACKAGE...
# Uses sudo where needed and there; refreshes the package lists only if the installation fails without.
set -eu

say() { printf '%s\n' "$*" >&2; }

if ! command -v apt-get >/dev/null 2>&1; then
    say "error: this machine has no apt-get. Install what these Debian packages hold in your system's way, then try again:"
    say "  $*"
    exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        say "error: packages are missing, and installing them takes root's rights. As root, run:"
        say "  apt-get install $*"
        exit 1
    fi
    as_root=sudo
fi

install() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

say "Installing $*"
if ! install "$@" >&2; then
    say "Refreshing the package lists, as the installation failed"
    $as_root apt-get update -q >&2
    install "$@" >&2
fi
