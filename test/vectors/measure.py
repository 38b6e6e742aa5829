"""How near results come to the midpoints of their dtype's neighbours (log2 of the relative distance), the figure on which the
precision of contracts/referee/Elementary.sol and Power.sol rests. Exhaustive for f16 and bf16; for f32 it measures hard.json, which
an exhaustive search found (search.c). Usage: measure.py [pairs of pow for f16] [pairs of pow for bf16], as printed by search.c.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path

from mpmath import mp

from floats import FORMATS, decode
from oracle import UNARY, to_mp

mp.prec = 300


def distance(dtype, value):
    """Relative distance of a positive real to the nearest midpoint; no midpoint lies beyond overflow or below half the least."""
    p, low, _, _ = FORMATS[dtype]
    ulp = mp.ldexp(1, max(int(mp.floor(mp.log(value, 2))), low) - (p - 1))
    scaled = value / ulp
    return abs(scaled - mp.floor(scaled) - mp.mpf(1) / 2) / scaled


def trivial(name, x):
    """Whether Elementary.sol answers without approximating."""
    size = abs(x)
    if x == 0 or (name == "log" and (x <= 0 or x == 1)) or (name == "log1p" and x <= -1):
        return True
    small = {"exp": 26, "expm1": 26, "log1p": 25, "tanh": 13, "sin": 12, "cos": 13, "atan": 12}.get(name)
    large = {"exp": 128, "expm1": 128, "tanh": 16, "erf": 4}.get(name)
    return (small and size < Fraction(2) ** -small) or (large and size >= large)


def hardest(name, dtype, arguments):
    best = (mp.inf, 0)
    for bits in arguments:
        x = decode(dtype, bits)
        if isinstance(x, str) or trivial(name, x):
            continue
        value = abs(getattr(mp, name)(to_mp(x)))
        best = min(best, (distance(dtype, value), bits))
    return best


def hardest_power(dtype, pairs):
    best, exact = (mp.inf, ""), 0
    for pair in pairs:
        x, y = (decode(dtype, int(b, 16)) for b in pair.split())
        d = distance(dtype, mp.power(to_mp(x), to_mp(y)))
        if d < mp.ldexp(1, -250):
            exact += 1
        else:
            best = min(best, (d, pair))
    return best, exact


def main():
    hard = json.loads((Path(__file__).parent / "hard.json").read_text())
    for name in UNARY:
        for dtype in FORMATS:
            arguments = [int(x, 16) for x in hard[name]] if dtype == "f32" else range(1 << 16)
            d, bits = hardest(name, dtype, arguments)
            print(f"{name} {dtype}: 2^{float(mp.log(d, 2)):.1f} at {bits:x}", flush=True)
    for dtype, path in zip(("f16", "bf16"), sys.argv[1:]):
        (d, pair), exact = hardest_power(dtype, Path(path).read_text().splitlines())
        nearest = f"2^{float(mp.log(d, 2)):.1f} at {pair}" if pair else "beyond the window of the search"
        print(f"pow {dtype}: {nearest}; {exact} exact midpoints", flush=True)


if __name__ == "__main__":
    main()
