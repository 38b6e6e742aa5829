"""Correctly rounded bodies by arbitrary precision: results as bits of the dtype of the operands."""

from fractions import Fraction
from math import isqrt

from mpmath import mp, mpf

from floats import canonical, decode, infinity, nan, round_ratio, round_scaled, sign_bit

UNARY = ("exp", "expm1", "log", "log1p", "sin", "cos", "atan", "tanh", "erf")


def negative_infinity(dtype):
    return infinity(dtype) | sign_bit(dtype)


def to_mp(x):
    return mpf(x.numerator) / x.denominator  # a float: the denominator is a power of two


def ziv(dtype, evaluate, decide):
    """Evaluates at growing precision until the error cannot change the rounding; `decide` settles what never resolves."""
    for precision in (100, 200, 600, 3000):
        with mp.workprec(precision + 40):
            sign, mantissa, exponent, size = evaluate()._mpf_
        if mantissa == 0:
            return 0
        shift = precision + 40 - size
        mantissa = int(mantissa) << shift if shift > 0 else int(mantissa) >> -shift
        exponent -= shift
        # mpmath claims a relative error near 2^-(precision+40); 2^-precision is taken.
        low, high = (round_scaled(dtype, -m if sign else m, exponent) for m in (mantissa - 2**40, mantissa + 2**40))
        if low == high:
            return low
    return decide(mantissa, exponent)


def undecided(_mantissa, _exponent):
    raise ArithmeticError("too close to a midpoint")


def unary(name, dtype, bits):
    x = decode(dtype, bits)
    inf, one = infinity(dtype), round_ratio(dtype, Fraction(1))
    if x == "nan" or (name in ("log", "log1p") and x == "-inf") or (name in ("sin", "cos") and x in ("inf", "-inf")):
        return nan(dtype)
    if x in ("inf", "-inf"):
        if name == "atan":
            return ziv(dtype, lambda: mp.pi / 2 if x == "inf" else -mp.pi / 2, undecided)
        if name in ("tanh", "erf"):
            return one if x == "inf" else one | sign_bit(dtype)
        if x == "inf":
            return inf
        return 0 if name == "exp" else one | sign_bit(dtype)
    if name in ("log", "log1p"):
        edge = 0 if name == "log" else -1
        if x <= edge:
            return negative_infinity(dtype) if x == edge else nan(dtype)
    if x == 0:  # exact, and mpmath's relative accuracy says nothing here
        return {"exp": one, "cos": one, "log": 0}.get(name, 0)
    return ziv(dtype, lambda: getattr(mp, name)(to_mp(x)), undecided)


def power(dtype, xbits, ybits):
    x, y = decode(dtype, xbits), decode(dtype, ybits)
    inf, one = infinity(dtype), round_ratio(dtype, Fraction(1))
    if y == 0 or x == 1:
        return one
    if x == "nan" or y == "nan":
        return nan(dtype)
    if y in ("inf", "-inf"):
        if x == -1:
            return one
        grows = x in ("inf", "-inf") or abs(x) > 1
        return inf if grows == (y == "inf") else 0
    odd = y.denominator == 1 and y.numerator % 2 == 1
    if x == "inf":
        return inf if y > 0 else 0
    if x == "-inf":
        return 0 if y < 0 else negative_infinity(dtype) if odd else inf
    if x == 0:
        return 0 if y > 0 else inf
    if x < 0 and y.denominator != 1:
        return nan(dtype)
    negative = x < 0 and odd

    def exact(mantissa, exponent):
        """Settles results on (or at) a midpoint: the nearest short number must be x^y, checked in rationals."""
        drop = mantissa.bit_length() - 30
        candidate = Fraction((mantissa + (1 << (drop - 1))) >> drop) * Fraction(2) ** (exponent + drop)
        base = abs(x)
        if base.numerator & (base.numerator - 1) == 0 and base.denominator & (base.denominator - 1) == 0 and 1 in (base.numerator, base.denominator):
            power_of_two = (base.numerator.bit_length() - base.denominator.bit_length()) * y
            assert power_of_two.denominator == 1 and candidate == Fraction(2) ** power_of_two.numerator
        else:
            assert abs(y.numerator) <= 64, "x is no power of two, so a short x^y needs a small y"
            assert candidate**y.denominator == base**y.numerator
        return round_ratio(dtype, candidate)

    result = ziv(dtype, lambda: mp.power(to_mp(abs(x)), to_mp(y)), exact)
    return canonical(dtype, result | sign_bit(dtype)) if negative else result


def sqrt(dtype, bits):
    x = decode(dtype, bits)
    if x == "nan" or x == "-inf" or (x != "inf" and x < 0):
        return nan(dtype)
    if x == "inf":
        return infinity(dtype)
    # floor of the root with 200 fraction bits; a remainder adds half a unit, which no midpoint can be near.
    scaled = x * 4**200
    root = isqrt(scaled.numerator // scaled.denominator)
    inexact = root * root != scaled
    return round_ratio(dtype, Fraction(2 * root + inexact, 2**201))


def sum_of_products(source, target, a, b):
    total, infinities = Fraction(0), set()
    for abits, bbits in zip(a, b):
        x, y = decode(source, abits), decode(source, bbits)
        kinds = [v for v in (x, y) if isinstance(v, str)]
        if not kinds:
            total += x * y
        elif "nan" in kinds or x == 0 or y == 0:
            return nan(target)
        else:
            infinities.add(sum(v == "-inf" or (not isinstance(v, str) and v < 0) for v in (x, y)) % 2)
    if infinities:
        return nan(target) if len(infinities) == 2 else negative_infinity(target) if 1 in infinities else infinity(target)
    return round_ratio(target, total)


def arithmetic(name, dtype, operands):
    """add, mul, div, rem, fma over the extended reals, by rationals."""
    if name == "div" and decode(dtype, operands[1]) == 0:
        x = decode(dtype, operands[0])
        if x in ("nan", 0):
            return nan(dtype)
        return negative_infinity(dtype) if x == "-inf" or (x != "inf" and x < 0) else infinity(dtype)
    values = [decode(dtype, bits) for bits in operands]
    if "nan" in values:
        return nan(dtype)
    if any(isinstance(v, str) for v in values) or (name == "rem" and values[1] == 0):
        return special_arithmetic(name, dtype, values)
    if name == "rem":
        quotient = abs(values[0]) // abs(values[1])
        rest = abs(values[0]) - quotient * abs(values[1])
        return round_ratio(dtype, -rest if values[0] < 0 else rest)
    exact = {
        "add": lambda a, b: a + b,
        "mul": lambda a, b: a * b,
        "div": lambda a, b: a / b,
        "fma": lambda a, b, c: a * b + c,
    }[name](*values)
    return round_ratio(dtype, exact)


def special_arithmetic(name, dtype, values):
    """At least one infinity; IEEE doubles follow the same rules."""
    doubles = [float(v) for v in values]  # small enough: only signs, zeros and infinities matter
    if name == "rem":
        if isinstance(values[0], str) or values[1] == 0:
            return nan(dtype)
        return round_ratio(dtype, values[0])
    a, b = doubles[0], doubles[1]
    result = {"add": lambda: a + b, "mul": lambda: a * b, "div": lambda: a / b, "fma": lambda: a * b + doubles[2]}[name]()
    if result != result:
        return nan(dtype)
    if result == 0:
        return 0
    return infinity(dtype) if result > 0 else negative_infinity(dtype)
