"""The bits that nca draws, from their description in include/nca/rng.h, for checks in Python."""
import numpy as np


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011): counter [...,4], key of two words -> [...,4] words."""
    c = [counter[..., i].astype(np.uint64) for i in range(4)]
    k0, k1 = key
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [b >> np.uint64(32) ^ c[1] ^ np.uint64(k0), b & low,
             a >> np.uint64(32) ^ c[3] ^ np.uint64(k1), a & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, -1).astype(np.uint32)


def fire_mask(seed, step, height, width, rate):
    """[H,W]: which cells fire in this step of `nca run --seed`: sample 0, update 0."""
    cell = np.arange(height * width)
    counter = np.zeros((cell.size, 4), np.uint32)
    counter[:, 0], counter[:, 1] = cell >> 3, step
    words = philox(counter, (seed & 0xFFFFFFFF, seed >> 32))
    word = np.take_along_axis(words, ((cell & 7) >> 1)[:, None], 1)[:, 0]
    half = word >> (16 * (cell & 1)).astype(np.uint32) & 0xFFFF
    return (half < int(rate * 65536 + 0.5)).reshape(height, width)


def noise(seed, step, height, width, outputs, deviation):
    """[H,W,outputs]: what nca adds to each number of an update: sample 0, update 0."""
    counter = np.zeros((height * width * outputs, 4), np.uint32)
    counter[:, 0], counter[:, 1] = np.arange(len(counter)), step | 6 << 24
    words = philox(counter, (seed & 0xFFFFFFFF, seed >> 32)).astype(np.int64)
    sums = ((words & 0xFFFF) + (words >> 16)).sum(-1) - 262140
    scale = np.float32(deviation / (65536 * 0.81649658092772603))
    return (sums.astype(np.float32) * scale).reshape(height, width, outputs)


def check_philox():
    """The published answers to counters and keys of zeros and of ones (Random123, kat_vectors)."""
    ones = 0xFFFFFFFF
    for given, key, expected in (
            ([0] * 4, (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
            ([ones] * 4, (ones, ones), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD])):
        assert philox(np.array(given, np.uint32), key).tolist() == expected
