#!/bin/sh
# Makes an archive of pretrain that runs where nothing is installed: make-bundle.sh STAGED CHECKOUTS OUTPUT-FOLDER
# STAGED is what `make dist` made, CHECKOUTS the folder of the Swift packages that are in the program.
# Prints the archive's path. All but glibc goes along; MARCH, if it is set, goes into the name.
set -eu
staged=$1
checkouts=$2
output=$3
tools=$(cd "$(dirname "$0")" && pwd)

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

command -v dpkg-query >/dev/null 2>&1 ||
    fail "which licence a library has is asked of Debian's packages, and this machine has no dpkg-query"
command -v objdump >/dev/null 2>&1 || "$tools/apt-install.sh" binutils

version=$("$staged/bin/pretrain" --version)
architecture=$(uname -m)
name=pretrain-$version-linux-$architecture${MARCH:+-$MARCH}
bundle=$output/$name
rm -rf "$bundle" "$bundle.tar.gz"
mkdir -p "$bundle/lib/pretrain" "$bundle/licences"
cp -R "$staged/bin" "$staged/share" "$bundle/"
gzip -9 -n "$bundle/share/man/man1/pretrain.1"

# The package that holds a file. /lib is /usr/lib where dpkg may know only one of the names.
package_of() {
    file=$(readlink -f "$1")
    for path in "$1" "$file" "/usr$file" "${file#/usr}"; do
        if found=$(dpkg-query -S "$path" 2>/dev/null); then
            printf '%s\n' "$found" | sed -n '1s/:.*//p'
            return
        fi
    done
    fail "no Debian package holds $1, so its licence is unknown"
}

# A package's statement, from the machine or else from the package, which need not be installed for that.
copy_licence() {
    if [ ! -e "$bundle/licences/$1.txt" ]; then
        if [ -e "/usr/share/doc/$1/copyright" ]; then
            cp -L "/usr/share/doc/$1/copyright" "$bundle/licences/$1.txt"
        else
            folder=$(mktemp -d)
            (cd "$folder" && apt-get download -q "$1" >/dev/null 2>&1) ||
                fail "apt-get cannot download $1, for its licence; apt-get update may help"
            dpkg-deb --extract "$folder"/*.deb "$folder"
            cp -L "$folder/usr/share/doc/$1/copyright" "$bundle/licences/$1.txt"
            rm -r "$folder"
        fi
    fi
}

libraries=$(ldd "$staged/bin/pretrain" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p')
! ldd "$staged/bin/pretrain" | grep 'not found' >&2 || fail "the program lacks the libraries above on this machine"
packages=$bundle/licences/DEBIAN-PACKAGES
for library in $libraries; do
    package=$(package_of "$library")
    # glibc belongs to the kernel and the loader of the machine that it is on.
    [ "$package" != libc6 ] || continue
    cp -L "$library" "$bundle/lib/pretrain/"
    chmod 644 "$bundle/lib/pretrain/${library##*/}"
    copy_licence "$package"
    # Sources of what the GPL and LGPL cover are at Debian, under these names.
    # shellcheck disable=SC2016
    dpkg-query -W -f '${Package} ${Version}, of the source package ${source:Package} ${source:Version}\n' "$package" \
        >>"$packages"
done
[ -s "$packages" ] || fail "no library was found to carry"
sort -u -o "$packages" "$packages"

# What is in the program itself. Swift's Foundation holds ICU, Yams holds LibYAML; neither brings their licences along.
swift=$("$tools/swift-folder.sh")
cp "$swift/share/swift/LICENSE.txt" "$bundle/licences/swift.txt"
for licence in "$checkouts"/*/LICENSE*; do
    package=${licence%/*}
    cp "$licence" "$bundle/licences/${package##*/}.txt"
done
copy_licence icu-devtools
copy_licence libyaml-0-2
# Linked into the program where the machine has the archive.
copy_licence libstdc++6
cp "$tools/../LICENSE" "$bundle/licences/pretrain.txt"
# Debian's statements name the long ones by their paths.
grep -rhoE '/usr/share/common-licenses/[A-Za-z0-9]+(-[0-9]+(\.[0-9]+)*)?' "$bundle/licences" | sort -u |
    while read -r licence; do
        [ ! -e "$licence" ] || cp -L "$licence" "$bundle/licences/"
    done

# What the loader will ask of glibc: versions that the program and its libraries refer to.
glibc=$(find "$bundle/bin" "$bundle/lib" -type f -exec objdump -p {} + |
    sed -n 's/.* GLIBC_\([0-9][0-9.]*\)$/\1/p' | sort -V | tail -n 1)
[ -n "$glibc" ] || fail "objdump shows no version of glibc"

processor=${MARCH:+ for $MARCH}
# As Package.swift has it.
[ "$architecture" != x86_64 ] || : "${processor:= of level x86-64-v3 (AVX2 and FMA)}"
cat >"$bundle/README" <<TEXT
pretrain $version for Linux on $architecture$processor with glibc $glibc or later ("ldd --version" tells). Nothing is to be installed: run bin/pretrain here, or from a link to it, or copy bin, lib and share into a folder such as /usr/local.
share/ has the manual (man -l share/man/man1/pretrain.1.gz) and completions for bash, zsh and fish; lib/pretrain the libraries that the program uses in place of the machine's.
licences/ has those of everything in here, with names and versions of Debian's packages, at https://snapshot.debian.org with their sources. To check the files: sha256sum -c SHA256SUMS
TEXT

files=$(cd "$bundle" && find . -type f -printf '%P\n' | LC_ALL=C sort)
(cd "$bundle" && printf '%s\n' "$files" | xargs -d '\n' sha256sum >SHA256SUMS)
# The same files give the same archive: neither times nor the builder's name are in it.
time=$(git -C "$tools" log -1 --format=%ct 2>/dev/null || echo 0)
tar -C "$output" --sort=name --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX --mtime="@$time" -c "$name" |
    gzip -9 -n >"$bundle.tar.gz.part"
mv "$bundle.tar.gz.part" "$bundle.tar.gz"
rm -r "$bundle"
printf '%s\n' "$bundle.tar.gz"
