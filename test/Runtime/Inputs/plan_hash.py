"""The hash that a plan has of its kernels and weights."""


def digest(path):
    """As lib/Runtime/Hash.h."""
    state, mask = 0xCBF29CE484222325, 2**64 - 1
    with open(path, "rb") as file:
        content = file.read()
    whole = len(content) // 8 * 8
    words = [int.from_bytes(content[i : i + 8], "little") for i in range(0, whole, 8)]
    for word in [*words, int.from_bytes(content[whole:], "little"), len(content)]:
        state = (state ^ word) * 0x9E3779B97F4A7C15 & mask
        state ^= state >> 32
    return f"{state:016x}"
