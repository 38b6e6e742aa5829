"""Writes elementary.json (format in README.md). Needs mpmath; the random choices have a fixed seed."""

import json
import random
from fractions import Fraction
from pathlib import Path

from floats import FORMATS, canonical, infinity, nan, round_ratio, sign_bit
from oracle import UNARY, arithmetic, power, sqrt, sum_of_products, unary

HERE = Path(__file__).parent
random.seed(20240607)

# Interval in which the function is neither trivial nor saturated, per dtype exponent range.
RANGES = {"exp": (-104, 89), "expm1": (-18, 89), "log1p": (-1, 8), "sin": (-100, 100), "cos": (-100, 100),
          "atan": (-50, 50), "tanh": (-10, 10), "erf": (-4, 4), "log": (0.25, 4)}  # fmt: skip


def edges(dtype):
    p, low, _, _ = FORMATS[dtype]
    one, inf = round_ratio(dtype, Fraction(1)), infinity(dtype)
    smallest_normal = 1 << (p - 1)
    positive = [1, 2, 3, smallest_normal - 1, smallest_normal, smallest_normal + 1, one - 1, one, one + 1, inf - 1, inf]
    positive += [round_ratio(dtype, Fraction(v)) for v in ("2", "3", "1/2", "10", "1/10", "100", "88", "89", "11", "16", "17")]
    positive += [round_ratio(dtype, Fraction(2) ** k) for k in range(low - p, 24, 9)]
    return [0, nan(dtype)] + positive + [b | sign_bit(dtype) for b in positive if b]


def any_bits(dtype):
    return canonical(dtype, random.getrandbits(FORMATS[dtype][3]))


def near(dtype, low, high):
    return round_ratio(dtype, Fraction(random.uniform(low, high)))


def unary_cases(name, dtype, count, hard):
    arguments = set(edges(dtype)) | set(hard)
    while len(arguments) < count + len(hard):
        choice = random.random()
        if choice < 0.6:
            arguments.add(near(dtype, *RANGES[name]))
        elif choice < 0.8:
            arguments.add(round_ratio(dtype, Fraction(random.choice((-1, 1)) * 2.0 ** random.uniform(-30, 8))))
        else:
            arguments.add(any_bits(dtype))
    return [(x, unary(name, dtype, x)) for x in sorted(arguments)]


def float_of(dtype, value):
    return round_ratio(dtype, Fraction(value))


def power_arguments(dtype, count):
    p, low, top, _ = FORMATS[dtype]
    pairs = {(x, y) for x in edges(dtype)[::3] for y in edges(dtype)[::4]}
    zero_to_three = [float_of(dtype, v) for v in (-3, -2, -1, "-1/2", 0, "1/2", 1, 2, 3)] + [infinity(dtype), infinity(dtype) | sign_bit(dtype), nan(dtype)]
    pairs |= {(x, y) for x in zero_to_three for y in zero_to_three}
    exact_y = [float_of(dtype, v) for v in ("1/2", "3/2", "1/4", "3/4", "5/4", "1/8", "1/16", "7/8", 2, 3, 4, 5, 7, -1, -2, -3, "-1/2", 9, 12, 15)]
    for odd in (3, 5, 7, 9, 11, 15, 17, 25, 27, 49, 81, 121, 169, 225, 255, 625, 1023, 2401, 4093):
        if odd.bit_length() > p:
            continue
        for y in exact_y:
            scale = random.choice((0, 0, 1, 2, 4, 16, -2, -4))
            pairs.add((float_of(dtype, odd * Fraction(2) ** scale), y))
            pairs.add((float_of(dtype, -odd), y))
    for _ in range(count // 8):  # perfect squares, fourth and eighth powers, and their neighbours
        root, k = random.choice((2, 4, 8)), random.randrange(1, 1 << (p // 2))
        odd = random.randrange(1, max(2, int((1 << p) ** (1 / root)))) | 1
        x = float_of(dtype, Fraction(odd) ** root * Fraction(4) ** random.randrange(-3, 4))
        pairs.add((x, float_of(dtype, Fraction(random.randrange(1, 6), root))))
        pairs.add((x + random.choice((-1, 1)), float_of(dtype, Fraction(random.randrange(1, 6), root))))
        pairs.add((float_of(dtype, k), float_of(dtype, 2)))  # squares of long odd numbers: midpoints among them
    for _ in range(count // 8):  # x = odd of p/2 + 1 bits squared has p + 1 bits: exact midpoints
        odd = random.randrange(1 << (p // 2 - 1), (1 << (p // 2 + 1))) | 1
        pairs.add((float_of(dtype, odd), float_of(dtype, 2)))
        pairs.add((float_of(dtype, odd), float_of(dtype, Fraction(random.choice((3, -2, -3))))))
    for k in range(-12, 13):  # powers of two with dyadic exponents, down into the subnormals
        pairs.add((float_of(dtype, Fraction(2) ** k), float_of(dtype, Fraction(random.randrange(-300, 300), 2 ** random.randrange(0, 4)))))
    for _ in range(count // 8):  # subnormal results, some on exact ties
        x = float_of(dtype, Fraction(random.randrange(2, 1 << min(p, 8)), 2 ** random.randrange(1, 9)))
        y = low / max(abs(round(float_log2(dtype, x), 3)), 0.05)
        pairs.add((x, float_of(dtype, Fraction(y if float_log2(dtype, x) > 0 else -y) * Fraction(random.randrange(90, 125), 100))))
        half = float_of(dtype, Fraction(random.randrange(1, 64) * 2 + 1) * Fraction(2) ** random.randrange((low - p) // 2 - 4, (low - p) // 2 + 2))
        pairs.add((half, float_of(dtype, 2)))
    while len(pairs) < count:
        choice = random.random()
        if choice < 0.15:
            pairs.add((any_bits(dtype), any_bits(dtype)))
        elif choice < 0.3:  # near 1, large exponents
            pairs.add((float_of(dtype, 1) + random.randrange(-40, 40), float_of(dtype, Fraction(random.choice((-1, 1)) * 2.0 ** random.uniform(0, p + 7)))))
        else:
            x = float_of(dtype, Fraction(2.0 ** random.uniform(low / 6, top / 6)))
            pairs.add((x, near(dtype, -8, 8)))
    return sorted(pairs)


def float_log2(dtype, bits):
    from math import log2

    from floats import decode

    value = decode(dtype, bits)
    return log2(value) if value not in (0, 1) else 1.0


def operand(dtype):
    choice = random.random()
    if choice < 0.1:
        return random.choice(edges(dtype))
    if choice < 0.4:
        return any_bits(dtype)
    if choice < 0.5:
        return random.randrange(1, 1 << (FORMATS[dtype][0])) | random.choice((0, sign_bit(dtype)))
    return float_of(dtype, Fraction(random.choice((-1, 1)) * 2.0 ** random.uniform(-12, 12)))


def arithmetic_cases(name, dtype, count):
    cases = []
    arity = 3 if name == "fma" else 1 if name == "sqrt" else 2
    pool = [tuple(random.choice(edges(dtype)) for _ in range(arity)) for _ in range(count // 3)]
    pool += [tuple(operand(dtype) for _ in range(arity)) for _ in range(count - len(pool))]
    if name in ("fma", "add"):  # near cancellation, and addends just around half a unit in the last place
        for _ in range(count // 3):
            a, b = operand(dtype), float_of(dtype, 1)
            partner = (a ^ sign_bit(dtype)) + random.randrange(-2, 3) if random.random() < 0.5 else operand(dtype)
            partner = canonical(dtype, partner % (1 << FORMATS[dtype][3]))
            pool.append((a, partner) if name == "add" else (a, operand(dtype) if random.random() < 0.5 else b, partner))
    for operands in sorted(set(pool)):
        result = sqrt(dtype, operands[0]) if name == "sqrt" else arithmetic(name, dtype, operands)
        cases.append((*operands, result))
    return cases


def sum_case(source, target, kind, length):
    flip = sign_bit(source)
    if kind == "special":
        values = lambda: random.choice(edges(source)) if random.random() < 0.02 else operand(source)
    elif kind == "wide":
        values = lambda: finite(source)
    elif kind == "tiny":  # products around the smallest subnormal
        values = lambda: float_of(source, Fraction(random.choice((-1, 1)) * 2.0 ** random.uniform(-84, -66)))
    elif kind == "huge":
        values = lambda: float_of(source, Fraction(random.choice((-1, 1)) * 2.0 ** random.uniform(61, 63.9)))
    else:
        values = lambda: float_of(source, Fraction(random.gauss(0, 1)))
    a = [canonical(source, values()) for _ in range(length)]
    b = [canonical(source, values()) for _ in range(length)]
    if kind == "cancel":  # every product once more with the other sign, except for one small rest
        a += [x ^ flip if x else 0 for x in a] + [float_of(source, Fraction(2) ** -10)]
        b += b + [float_of(source, Fraction(random.randrange(1, 100), 128))]
        order = list(range(len(a)))
        random.shuffle(order)
        a, b = [a[i] for i in order], [b[i] for i in order]
    return {"source": source, "target": target, "kind": kind, "a": join(source, a), "b": join(source, b),
            "result": hexa(target, sum_of_products(source, target, a, b))}  # fmt: skip


def finite(dtype):
    while True:
        bits = any_bits(dtype)
        if bits & (sign_bit(dtype) - 1) < infinity(dtype):
            return bits


def hexa(dtype, bits):
    return f"{bits:0{FORMATS[dtype][3] // 4}x}"


def join(dtype, elements):
    return "".join(hexa(dtype, e) for e in elements)


def sums():
    cases = []
    for kind, count in (("gauss", 14), ("cancel", 12), ("wide", 10), ("tiny", 10), ("huge", 10), ("special", 10)):
        cases += [sum_case("f32", "f32", kind, random.randrange(50, 300)) for _ in range(count)]
    for source in ("f16", "bf16"):
        for target in (source, "f32"):
            cases += [sum_case(source, target, kind, random.randrange(50, 150)) for kind in ("gauss", "cancel", "wide", "special")]
    return cases


def main():
    hard = json.loads((HERE / "hard.json").read_text())
    bodies = {name: {} for name in (*UNARY, "pow", "sqrt", "add", "mul", "div", "rem", "fma")}
    for dtype in FORMATS:
        small = dtype != "f32"
        for name in UNARY:
            listed = [] if small else [int(x, 16) for x in hard.get(name, [])]
            bodies[name][dtype] = unary_cases(name, dtype, 300 if small else 2400, listed)
        bodies["pow"][dtype] = [(x, y, power(dtype, x, y)) for x, y in power_arguments(dtype, 1200 if small else 4000)]
        for name in ("sqrt", "add", "mul", "div", "rem", "fma"):
            bodies[name][dtype] = arithmetic_cases(name, dtype, 250 if small else 900)
    lines = []
    for name, dtypes in bodies.items():
        inner = ",\n".join(
            f'  "{dtype}": [\n' + rows([" ".join(hexa(dtype, v) for v in case) for case in cases]) + "]" for dtype, cases in dtypes.items()
        )
        lines.append(f' "{name}": {{\n{inner}}}')
    tail = ",\n".join("  " + json.dumps(case, separators=(",", ":")) for case in sums())
    text = '{"bodies": {\n' + ",\n".join(lines) + '},\n"sums": [\n' + tail + "]}\n"
    json.loads(text)
    (HERE / "elementary.json").write_text(text)


def rows(cases):
    return ",\n".join("   " + ",".join(f'"{c}"' for c in cases[i : i + 5]) for i in range(0, len(cases), 5))


if __name__ == "__main__":
    main()
