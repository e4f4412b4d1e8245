"""The digest that fixtures of tokens are compared by."""


def digest(numbers):
    """32-bit FNV-1a over numbers as little-endian 32-bit ones, in hexadecimal."""
    value = 0x811C9DC5
    for byte in b"".join(number.to_bytes(4, "little") for number in numbers):
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{value:08x}"
