#!/usr/bin/env bash
# Checks export and import against transformers: Tools/test-interop.sh BINARY FOLDER
#
# FOLDER, outside the tree, gets a virtual environment at the first time; pip's own variables say from where and how
# (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL). With INTEROP_PYTHON a Python that has all of Tools/interop-requirements.txt is used instead.
set -euo pipefail
binary=$1
folder=$2
tools=$(cd "$(dirname "$0")" && pwd)

python=${INTEROP_PYTHON:-$folder/bin/python}
if [ -z "${INTEROP_PYTHON:-}" ]; then
	# What the environment was made with is kept in it, so that a changed list makes it anew.
	if ! cmp -s "$tools/interop-requirements.txt" "$folder/requirements.txt"; then
		echo "making the virtual environment $folder" >&2
		python3 -m venv --clear "$folder"
		"$folder/bin/pip" install --quiet --disable-pip-version-check -r "$tools/interop-requirements.txt"
		cp "$tools/interop-requirements.txt" "$folder/requirements.txt"
	fi
fi
exec "$python" "$tools/check_interop.py" --pretrain "$binary"
