#!/bin/sh
# Runs the tests with a sanitizer: address, thread or undefined. What it finds is in .build/sanitize-NAME/reports, of the tests and
# of every program that they start, one file for each process; it goes on after a finding, so that one run tells all.
#   sanitize.sh NAME [arguments of swift test]
set -u
cd "$(dirname "$0")/.."
name=$1
shift
folder=$PWD/.build/sanitize-$name
reports=$folder/reports
rm -rf "$reports"
mkdir -p "$reports"
common="halt_on_error=0:log_path=$reports/report"
export ASAN_OPTIONS="$common:detect_leaks=0:suppressions=$PWD/Tools/sanitizers/address.txt"
export TSAN_OPTIONS="$common:suppressions=$PWD/Tools/sanitizers/thread.txt" UBSAN_OPTIONS="$common:print_stacktrace=1"
# UCX, below some builds of MPICH, patches memory functions in place, which ends in a crash where a sanitizer has its own.
export UCX_MEM_EVENTS=n UCX_MEM_MMAP_HOOK_MODE=none
case $name in
address) flags="--sanitize address -Xswiftc -sanitize-recover=address" ;;
# Swift checks itself what is undefined in C, in release too, and its compiler has no such sanitizer: this one is for C, headers
# that Swift reads included, with GCC's runtime, which does not check the types of called functions.
undefined) flags="-Xcc -fsanitize=undefined -Xcc -fno-sanitize=function -Xlinker -lubsan" ;;
*) flags="--sanitize $name" ;;
esac
echo "with the $name sanitizer"
# Several words.
# shellcheck disable=SC2086
swift test -c release --disable-testable-imports $flags --scratch-path "$folder" "$@"
status=$?
if ls "$reports"/report.* >/dev/null 2>&1; then
    grep -h '^SUMMARY' "$reports"/report.* | sort | uniq -c | sort -rn
    echo "found: see $reports"
    exit 1
fi
exit $status
