#!/bin/sh
# Prints the folder of the Swift toolchain, which holds lib and share. The command on the PATH need not lie there: it may be a link to
# a program that chooses among toolchains.
set -eu
resources=$(swift -print-target-info 2>/dev/null | sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)".*/\1/p')
[ -d "$resources" ] || resources=$(dirname "$(readlink -f "$(command -v swift)")")/../lib/swift
(cd "$resources/../.." && pwd)
