"""Binary floating-point formats by integers alone: the rounding half of the oracle (docs/program.md, sections 1 and 2)."""

from fractions import Fraction

# dtype: (precision, smallest exponent, largest exponent, width in bits)
FORMATS = {"f32": (24, -126, 127, 32), "f16": (11, -14, 15, 16), "bf16": (8, -126, 127, 16)}


def infinity(dtype):
    p, _, top, _ = FORMATS[dtype]
    return (2 * top + 1) << (p - 1)


def nan(dtype):
    p = FORMATS[dtype][0]
    return infinity(dtype) | 1 << (p - 2)


def sign_bit(dtype):
    return 1 << (FORMATS[dtype][3] - 1)


def decode(dtype, bits):
    """A Fraction, or "nan", "inf", "-inf"."""
    p, low, _, _ = FORMATS[dtype]
    s = sign_bit(dtype)
    magnitude = bits & (s - 1)
    if magnitude > infinity(dtype):
        return "nan"
    if magnitude == infinity(dtype):
        return "-inf" if bits & s else "inf"
    field, fraction = magnitude >> (p - 1), magnitude & ((1 << (p - 1)) - 1)
    if field:
        fraction |= 1 << (p - 1)
    exponent = max(field, 1) - 1 + low - (p - 1)
    value = Fraction(fraction) * (Fraction(2) ** exponent)
    return -value if bits & s else value


def canonical(dtype, bits):
    magnitude = bits & (sign_bit(dtype) - 1)
    if magnitude > infinity(dtype):
        return nan(dtype)
    return 0 if magnitude == 0 else bits


def round_ratio(dtype, value):
    """The nearest element to a Fraction, ties to even, no negative zero."""
    p, low, top, _ = FORMATS[dtype]
    n, d = abs(value.numerator), value.denominator
    if n == 0:
        return 0
    exponent = n.bit_length() - d.bit_length()
    if Fraction(n, d) < Fraction(2) ** exponent:
        exponent -= 1
    if exponent > top + 1:
        bits = infinity(dtype)
    else:
        ulp = max(exponent, low) - (p - 1)
        scaled = Fraction(n, d) / Fraction(2) ** ulp
        k, rest = scaled.numerator // scaled.denominator, scaled - scaled.numerator // scaled.denominator
        if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and k % 2 == 1):
            k += 1
        # The encodings of consecutive floats are consecutive, so a carry out of k lands in the exponent field.
        bits = k if exponent < low else min(((exponent - low) << (p - 1)) + k, infinity(dtype))
    return bits | sign_bit(dtype) if value < 0 and bits else bits


def round_scaled(dtype, mantissa, exponent):
    """round_ratio(mantissa * 2^exponent) for exponents too large to build the number."""
    size = abs(mantissa).bit_length() + exponent
    if mantissa and abs(size) > 400:
        bits = infinity(dtype) if size > 0 else 0
        return bits | sign_bit(dtype) if mantissa < 0 and bits else bits
    return round_ratio(dtype, mantissa * Fraction(2) ** exponent if mantissa else Fraction(0))
