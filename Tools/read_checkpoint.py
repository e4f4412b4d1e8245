#!/usr/bin/env python3
"""Reads a checkpoint without any code of this project: numpy, the lz4 tool, and the description of the format.

    python3 Tools/read_checkpoint.py CHECKPOINT [--npz OUTPUT.npz]

Verifies every checksum, prints every tensor with shape, mean and standard deviation, and optionally saves them all.
"""
import argparse
import hashlib
import json
import pathlib
import subprocess
import sys

import numpy as np


def restore_bit_planes(frame: bytes, exponent: int) -> np.ndarray:
    """Reverses the transform `bit-planes` of one frame: bit planes of centred exponents back to float32."""
    blocks = len(frame) // 1024
    planes = np.frombuffer(frame, "<u4", blocks * 256).reshape(32, blocks, 8)
    words = np.zeros((blocks, 32, 8), np.uint32)  # block, r, l
    for plane in range(32):
        for row in range(32):
            words[:, row] |= (planes[plane] >> row & 1) << plane
    code = words >> 24
    distance = (code >> 1) ^ -(code & 1).astype(np.int32).astype(np.uint32)
    words = words & 0xFFFFFF | ((distance + np.uint32(exponent)) & 0xFF) << 24
    floats = (words >> 1 | words << 31).reshape(-1).view("<f4")
    return np.concatenate([floats, np.frombuffer(frame[blocks * 1024 :], "<f4")])


def restore_exponent_planes(frame: bytes, exponent: int) -> np.ndarray:
    """Reverses the transform `exponent-planes` of one frame: lower halves, then planes of the upper halves."""
    blocks = len(frame) // 1024
    low = np.frombuffer(frame, "<u4", blocks * 128).reshape(blocks, 16, 8)
    planes = np.frombuffer(frame, "<u4", blocks * 128, blocks * 512).reshape(16, blocks, 8)
    bits = np.stack([planes >> row & 1 for row in range(32)], 2)  # plane, block, row, column
    mantissa = sum(bits[bit] << bit for bit in range(7))
    code = sum(bits[8 + bit] << bit for bit in range(8))
    distance = (code >> 1) ^ -(code & 1).astype(np.int32).astype(np.uint32)
    upper = bits[7] << 15 | ((distance + np.uint32(exponent)) & 0xFF) << 7 | mantissa
    floats = (upper << 16 | np.concatenate([low & 0xFFFF, low >> 16], 1)).astype("<u4").reshape(-1).view("<f4")
    return np.concatenate([floats, np.frombuffer(frame[blocks * 1024 :], "<f4")])


RESTORE = {"bit-planes": restore_bit_planes, "exponent-planes": restore_exponent_planes}


def read_file(folder: pathlib.Path, file: dict) -> bytes:
    """Decodes one stored file and verifies its sizes and checksums."""
    stored = (folder / file["file"]).read_bytes()
    decoded = subprocess.run(["lz4", "-d", "-c"], input=stored, stdout=subprocess.PIPE, check=True).stdout
    if file["transform"] in RESTORE:
        restore = RESTORE[file["transform"]]
        size = file["frame_bytes"]
        frames = [decoded[start : start + size] for start in range(0, len(decoded), size)]
        restored = [restore(frame, about["exponent"]) for frame, about in zip(frames, file["frames"])]
        decoded = b"".join(part.tobytes() for part in restored)
    for data, bytes_key, sha_key in ((stored, "stored_bytes", "stored_sha256"), (decoded, "bytes", "sha256")):
        wanted = file.get(sha_key)  # documents alone have a checksum of their content; in format 2, weights too
        if len(data) != file[bytes_key] or wanted and hashlib.sha256(data).hexdigest() != wanted:
            sys.exit(f"{folder / file['file']}: damaged: {sha_key} differs")
    return decoded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--npz", type=pathlib.Path, help="save all tensors, named group/tensor")
    arguments = parser.parse_args()
    folder = arguments.checkpoint
    text = (folder / "manifest.json").read_bytes()
    manifest = json.loads(text)
    files = [part["storage"] for part in manifest["groups"] + manifest["documents"]]
    sums = f"{hashlib.sha256(text).hexdigest()}  manifest.json\n"
    sums += "".join(f"{file['stored_sha256']}  {file['file']}\n" for file in files)
    if (folder / "SHA256SUMS").read_text() != sums:
        sys.exit(f"{folder / 'SHA256SUMS'}: damaged: it contradicts manifest.json")
    print(f"step {manifest['step']}, {manifest['parameters']:,} parameters, created {manifest['created']}")
    tensors = {}
    for group in manifest["groups"]:
        decoded = read_file(folder, group["storage"])
        if group["name"] == "weights":
            weights_sha256 = hashlib.sha256(decoded).hexdigest()
            if manifest.get("weights_sha256", weights_sha256) != weights_sha256:
                sys.exit(f"{folder}: damaged: weights_sha256 differs")
            print("weights_sha256", weights_sha256)
        for about in group["tensors"]:
            count = int(np.prod(about["shape"], dtype=np.int64))
            tensor = np.frombuffer(decoded, "<f4", count, about["offset"]).reshape(about["shape"])
            tensors[f"{group['name']}/{about['name']}"] = tensor
            statistics = f"mean {tensor.mean():.4g}, deviation {tensor.std():.4g}" if count else "empty"
            print(f"{group['name']:16} {about['name']:48} {about['shape']!s:16} {statistics}")
    for document in manifest["documents"]:
        print(f"{'document':16} {document['name']:48} {len(read_file(folder, document['storage']))} bytes")
    if arguments.npz:
        np.savez(arguments.npz, **tensors)


main()
