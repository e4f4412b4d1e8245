#!/usr/bin/env python3
"""Writes small checkpoints of every format that is read, from the description of the format alone: numpy, the lz4 tool.

    python3 Tools/make_checkpoint_fixture.py Tests/CheckpointsTests/Fixtures

Each holds the same numbers, which the tests compute again: see `TENSORS`.
"""
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

COUNT = 1300  # five blocks of 256 floats and a rest
INDEX = np.arange(COUNT, dtype=np.uint64)
TENSORS = {
    "weights": {
        "any bits": (INDEX * 2654435761 % 2**32).astype("<u4").view("<f4").reshape(13, 100),
        "scalar": np.array(3, "<f4"),
    },
    "first_moments": {"steps": ((INDEX.astype("<f4") - 650) / 1024).astype("<f4")},
}
DOCUMENT = b"training: {steps: 10}\n"


def bit_planes(words: np.ndarray, exponent: int) -> np.ndarray:
    """Format 2: all bits of the rotated words."""
    rotated = words << 1 | words >> 31
    coded = rotated & 0xFFFFFF | zigzag(rotated >> 24, exponent) << 24
    return np.concatenate([plane(coded, bit) for bit in range(32)])


def exponent_planes(words: np.ndarray, exponent: int) -> np.ndarray:
    """Format 3: lower halves in pairs, then planes of mantissa, sign and exponent."""
    rows = words.reshape(-1, 32, 8)
    low = (rows[:, :16] & 0xFFFF | (rows[:, 16:] & 0xFFFF) << 16).reshape(-1)
    code = zigzag(words >> 23 & 0xFF, exponent)
    planes = [plane(words, 16 + bit) for bit in range(7)] + [plane(words, 31)] + [plane(code, bit) for bit in range(8)]
    return np.concatenate([low, *planes])


def zigzag(exponents: np.ndarray, centre: int) -> np.ndarray:
    distance = (exponents.astype(np.int64) - centre + 128) % 256 - 128
    return np.where(distance >= 0, 2 * distance, -2 * distance - 1).astype("<u4")


def plane(words: np.ndarray, bit: int) -> np.ndarray:
    """Bit r of word l of a block is the given bit of word 8r + l."""
    bits = (words >> bit & 1).reshape(-1, 32, 8)
    return sum(bits[:, row].astype("<u4") << row for row in range(32)).reshape(-1).astype("<u4")


def lz4(content: bytes) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return subprocess.run(
            ["lz4", "-c", "-q", "--content-size", "-B5", file.name], stdout=subprocess.PIPE, check=True
        ).stdout


def store(folder: pathlib.Path, name: str, content: bytes, transform: str, fill: bool, hashed: bool) -> dict:
    exponent = 0
    transformed = content
    if transform != "none":
        words = np.frombuffer(content, "<u4")
        whole = len(words) // 256 * 256
        exponent = int(np.median(words >> 23 & 0xFF))
        function = {"bit-planes": bit_planes, "exponent-planes": exponent_planes}[transform]
        transformed = function(words[:whole], exponent).tobytes() + words[whole:].tobytes()
    stored = lz4(transformed)
    if fill:
        rest = -(len(stored) + 8) % 4096
        stored += (0x184D2A50).to_bytes(4, "little") + rest.to_bytes(4, "little") + bytes(rest)
    (folder / f"{name}.lz4").write_bytes(stored)
    about = {
        "file": f"{name}.lz4", "bytes": len(content), "stored_bytes": len(stored), "transform": transform,
        "stored_sha256": hashlib.sha256(stored).hexdigest(), "frame_bytes": 1 << 20,
        "frames": [{"stored_bytes": len(stored), "exponent": exponent}],
    }
    return about | ({"sha256": hashlib.sha256(content).hexdigest()} if hashed else {})


def write(folder: pathlib.Path, version: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    groups = []
    for name, tensors in TENSORS.items():
        content = b"".join(tensor.tobytes() for tensor in tensors.values())
        offset, layout = 0, []
        for tensor, values in tensors.items():
            layout.append({"name": tensor, "shape": list(values.shape), "offset": offset})
            offset += values.nbytes
        storage = store(
            folder, name, content, {2: "bit-planes", 3: "exponent-planes"}[version],
            fill=version == 3 and name == "weights", hashed=version == 2 and name == "weights",
        )
        groups.append({"name": name, "storage": storage, "tensors": layout})
    document = {"name": "config.yaml", "storage": store(folder, "config.yaml", DOCUMENT, "none", False, True)}
    manifest = {
        "format": "pretrain-checkpoint", "version": version, "step": version, "created": "2026-11-21T12:00:00Z",
        "parameters": COUNT + 1, "metadata": {}, "groups": groups, "documents": [document],
    }
    if version == 2:
        manifest["weights_sha256"] = groups[0]["storage"]["sha256"]
    text = json.dumps(manifest, sort_keys=True).encode()
    (folder / "manifest.json").write_bytes(text)
    files = [part["storage"] for part in groups + [document]]
    sums = f"{hashlib.sha256(text).hexdigest()}  manifest.json\n"
    sums += "".join(f"{file['stored_sha256']}  {file['file']}\n" for file in files)
    (folder / "SHA256SUMS").write_text(sums)


for format_version in (2, 3):
    write(pathlib.Path(sys.argv[1]) / f"format-{format_version}", format_version)
