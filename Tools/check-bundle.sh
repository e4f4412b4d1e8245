#!/bin/sh
# Checks that what `make bundle` made runs where nothing is installed.
#   check-bundle.sh ARCHIVE [SUITE | ROOT]   in Debian's suite, by default bookworm, as debootstrap sets it up, or in the
#                                            system whose root folder is ROOT; without root's rights: on this machine
#   check-bundle.sh --here BUNDLE            checks the unpacked bundle on the system that this runs on
set -eu

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

say() { printf '%s\n' "$*"; }

# Text for a tiny model, some of it compressed.
make_corpus() {
    mkdir corpus
    for part in 1 2 3; do
        awk -v seed="$part" 'BEGIN {
            srand(seed)
            split("the a old new house river judge walks sees under over green seldom law and of", words, " ")
            for (line = 1; line <= 600; line++) {
                text = ""
                for (word = 0; word < 12; word++) text = text words[1 + int(16 * rand())] " "
                print text (line % 10 == 0 ? "\n" : "")
            }
        }' >"corpus/$part.txt"
    done
    gzip corpus/3.txt
}

check_libraries() {
    listing=$(ldd "$bundle/bin/pretrain")
    say "$listing" | while read -r library arrow path rest; do
        case $library in
        linux-vdso.so.* | */ld-linux-*.so.*) continue ;;
        # glibc's own.
        libc.so.6 | libm.so.6 | libpthread.so.0 | libdl.so.2 | librt.so.1 | libmvec.so.1 | ld-linux-*.so.*) continue ;;
        esac
        [ "$arrow" = '=>' ] || fail "ldd says: $library $arrow $path $rest"
        case $(readlink -f "$path") in
        "$bundle"/lib/pretrain/*) ;;
        *) fail "$library comes from this system: $path $rest" ;;
        esac
    done
    for file in "$bundle"/lib/pretrain/*; do
        case $listing in
        *"${file##*/} => "*) ;;
        *) fail "nothing uses ${file##*/}" ;;
        esac
    done
}

check_here() {
    bundle=$(readlink -f "$1")
    unset LD_LIBRARY_PATH LD_PRELOAD LD_AUDIT
    (cd "$bundle" && sha256sum --quiet -c SHA256SUMS) || fail "files are not what SHA256SUMS says"
    [ "$(wc -l <"$bundle/README")" = 3 ] || fail "README has more or less than three lines"
    check_libraries
    say "on $(sed -n 's/^PRETTY_NAME=//p' /etc/os-release), $(ldd --version | sed -n 1p)"
    for library in "$bundle"/lib/pretrain/*; do
        found=$(find /lib/ /usr/lib/ /usr/local/lib/ -name "${library##*/}" 2>/dev/null | sed -n 1p)
        say "  ${library##*/}: ${found:-the system has none}"
    done

    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cd "$folder"
    # From a link, and past libraries of the same names that would not even load.
    mkdir broken
    for library in "$bundle"/lib/pretrain/*; do : >"broken/${library##*/}"; done
    ln -s "$bundle/bin/pretrain" pretrain
    pretrain() { LD_LIBRARY_PATH=$folder/broken "$folder/pretrain" "$@"; }

    say "  version $(pretrain --version)"
    make_corpus
    cat >tiny.yaml <<'YAML'
model: {hidden_size: 32, layer_count: 2, head_count: 2, intermediate_size: 64, embedding_size: 16}
corpus: {sources: [{path: corpus}], sequence_length: 32, held_out: 0.05}
tokenizer: {vocabulary_size: 320}
training: {steps: 20, batch_size: 8, checkpoint_every: 10, evaluate_every: 10, log_every: 1}
evaluation: {tokens: 300, samples: 0}
YAML
    pretrain config show tiny.yaml | grep -q 'hidden_size: 32' || fail "config show does not show what the file says"
    # Where OpenBLAS chooses badly, the program starts over: by a name that is not its own, and finds its libraries again.
    if [ "$(uname -m)" = x86_64 ]; then
        export OPENBLAS_CORETYPE=Prescott PRETRAIN_OPENBLAS_CORETYPES=Katmai,Prescott
        pretrain config check tiny.yaml >check.txt || fail "config check ended with status $?"
        grep -q 'in place of Katmai' check.txt || fail "the program did not start over for better kernels"
        unset OPENBLAS_CORETYPE PRETRAIN_OPENBLAS_CORETYPES
    fi
    pretrain run tiny.yaml --output run --quiet || fail "the run ended with status $?"
    [ -s run/checkpoints/step-00000020/manifest.json ] || fail "the run left no checkpoint of its last step"
    pretrain checkpoint verify run >verified || fail "the checkpoint is damaged"
    pretrain evaluate run --json >evaluation.json || fail "the model cannot be evaluated"
    pretrain export run --output hf >/dev/null || fail "the model cannot be exported"
    # The manual is beside the program, and whole.
    gzip -dc "$bundle/share/man/man1/pretrain.1.gz" | grep -q '^\.Nm' || fail "the manual is no manual"
    say "  20 steps, checkpoint, evaluation and export: all well"
}

if [ "${1:-}" = --here ]; then
    check_here "$2"
    exit
fi

archive=${1:?ARCHIVE is missing}
name=$(basename "$archive" .tar.gz)
place=${2:-bookworm}

if [ "$(id -u)" -ne 0 ] || ! unshare --mount --net true 2>/dev/null; then
    say "no right to change the root folder: checking on this machine"
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    tar -C "$folder" -xzf "$archive"
    sh "$0" --here "$folder/$name"
    exit
fi

root=$place
if [ ! -d "$root" ]; then
    command -v debootstrap >/dev/null 2>&1 || "$(dirname "$0")/apt-install.sh" debootstrap
    root=$(dirname "$archive")/roots/$place
    if [ ! -e "$root/etc/os-release" ]; then
        rm -rf "$root" "$root.part"
        mkdir -p "$root.part"
        debootstrap --variant=minbase "$place" "$root.part" >"$root.log" 2>&1 || fail "debootstrap failed: $root.log"
        mv "$root.part" "$root"
    fi
fi
inside=$(mktemp -d "$root/tmp/check-XXXXXX")
trap 'rm -rf "$inside"' EXIT
tar -C "$inside" -xzf "$archive"
cp "$0" "$inside/check-bundle.sh"
# What is mounted goes with the process; the network is off.
# shellcheck disable=SC2016
unshare --mount --net sh -eu -c '
    mount --rbind /proc "$1/proc"
    mount --rbind /dev "$1/dev"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$1" sh "$2/check-bundle.sh" --here "$2/$3"
' sh "$root" "${inside#"$root"}" "$name"
