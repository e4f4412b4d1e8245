"""Saves tensors so that the same tensors always give the same bytes."""

import json

from safetensors.torch import save


def save_fixture(tensors, path, metadata=None):
    """Writes a safetensors file; the library orders the metadata at random, this sorts them."""
    data = save({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, metadata)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    if "__metadata__" in header:
        header = {"__metadata__": dict(sorted(header.pop("__metadata__").items())), **header}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    print(f"{path.name}: {path.stat().st_size} bytes")
