"""The masks of dropout in NumPy, as pipe.dropout_key and pipe.dropout document them, and their statistics.

    dropout_masks.py        checks means, variances and correlations"""

import sys

import numpy as np

U64, U32 = np.uint64, np.uint32


def split_mix(state):
    z = U64(state) + U64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> U64(30))) * U64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U64(27))) * U64(0x94D049BB133111EB)
    return z ^ (z >> U64(31))


def key_of(seed, step, microbatch, dropout):
    with np.errstate(over="ignore"):
        key = split_mix(U64(seed))
        for number in (step, microbatch, dropout):
            key = split_mix(key ^ U64(number))
    return key


def mix(h):
    h = (h ^ (h >> U32(16))) * U32(0x85EBCA6B)
    h = (h ^ (h >> U32(13))) * U32(0xC2B2AE35)
    return h ^ (h >> U32(16))


def hashes(elements, key):
    with np.errstate(over="ignore"):
        low, high = U32(key & U64(0xFFFFFFFF)), U32(key >> U64(32))
        return mix(mix(np.arange(elements, dtype=U32) + low) ^ high)


def mask(shape, ratio, key):
    """What elements are multiplied by; `ratio` as the file has it, in f32."""
    ratio = float(np.float32(ratio))
    threshold = U32(min(round(ratio * 2**32), 2**32 - 1))
    stays = hashes(int(np.prod(shape)), key) >= threshold
    return np.where(stays, np.float32(1 / (1 - ratio)), np.float32(0)).reshape(shape)


def within(what, value, deviations=5.0):
    """`value` in standard deviations."""
    if not abs(value) < deviations:
        sys.exit(f"{what} is off by {value:.1f} standard deviations")
    return abs(value)


def correlation(a, b):
    """In standard deviations of independent numbers."""
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()) * np.sqrt(a.size))


def check_shares(n):
    worst = 0.0
    for ratio in (0.001, 0.1, 0.5, 0.9):
        for dropout in range(8):
            dropped = mask(n, ratio, key_of(1, 2, 3, dropout)) == 0
            worst = max(worst, within(f"the share for {ratio}", (dropped.sum() - n * ratio) / np.sqrt(n * ratio * (1 - ratio))))
            blocks = dropped.reshape(-1, 256).sum(axis=1)
            expected = 256 * ratio * (1 - ratio)
            kurtosis = (1 - 6 * ratio * (1 - ratio)) / expected  # of a binomial number, above that of a normal one
            spread = (blocks.var() / expected - 1) / np.sqrt((2 + kurtosis) / blocks.size)
            worst = max(worst, within(f"the variance for {ratio}", spread))
    return worst


def check_bits(n):
    """Every bit, and every pair of bits, of the hash."""
    bits = (hashes(n, key_of(0, 0, 0, 0))[:, None] >> np.arange(32, dtype=U32) & U32(1)).astype(np.float64) - 0.5
    each = np.abs(bits.sum(axis=0)).max() / np.sqrt(n / 4)
    pairs = np.abs(bits.T @ bits - np.eye(32) * n / 4).max() / np.sqrt(n / 16)
    return max(within("a bit", each), within("a pair of bits", pairs))


def check_neighbours(n):
    """Positions apart by up to 70 and by powers of two, as rows and heads are."""
    worst = 0.0
    for ratio in (0.1, 0.5):
        kept = mask(n, ratio, key_of(0, 5, 0, 1)).astype(np.float64)
        for lag in [*range(1, 70), *(2**k for k in range(7, 17)), 768, 1000, 3072]:
            worst = max(worst, within(f"elements {lag} apart", correlation(kept[:-lag], kept[lag:])))
    return worst


def check_keys(n):
    """Masks of neighbouring seeds, steps, micro-batches and dropouts, and of numbers that change places."""
    base = (7, 4, 2, 3)
    others = [tuple(v + d * (i == k) for k, v in enumerate(base)) for i in range(4) for d in (-2, -1, 1, 2, 16)]
    others += [(7, 2, 4, 3), (7, 4, 3, 2), (4, 7, 2, 3), (0, 0, 0, 0), (2**64 - 1, 4, 2, 3)]
    masks = [mask(n, 0.3, key_of(*key)).astype(np.float64) for key in (base, *others)]
    return max(within(f"masks {i} and {k}", correlation(masks[i], masks[k]))
               for i in range(len(masks)) for k in range(i))


def check_distinct():
    """No two keys of a long run are one."""
    keys = {int(key_of(0, step, mb, dropout)) for step in range(40) for mb in range(16) for dropout in range(40)}
    if len(keys) != 40 * 16 * 40:
        sys.exit("two keys are equal")


if __name__ == "__main__":
    size = 1 << 18
    check_distinct()
    worst = max(check_shares(size), check_bits(size), check_neighbours(size), check_keys(size))
    print(f"masks are as random ones, the worst of all figures by {worst:.1f} standard deviations")
