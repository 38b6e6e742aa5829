"""docs/program.md, implemented from its text alone (Python 3 and its standard library): decodes programs, recomputes their commitments, and evaluates
elements. Slow and plain on purpose; the section that a function follows is named."""

import decimal
import hashlib
import json
import sys
from fractions import Fraction
from math import isqrt, prod

BYTES = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 2, 11: 2, 12: 4, 13: 128}  # §2
SIGNED, FLOATS = (3, 5, 7, 9), {10: (5, 10), 11: (8, 7), 12: (8, 23)}  # exponent and fraction bits
BOOL, I64, F32, ACC = 1, 9, 12, 13
NAN, INF, NEG_INF = "nan", "inf", "-inf"
ACC_UNIT = Fraction(1, 2**298)


def is_float(dtype):
    return dtype in FLOATS


def is_integer(dtype):
    return dtype < 10


# §2: elements and their values


def decode(dtype, bits):
    if dtype == BOOL:
        return Fraction(bits != 0)
    if dtype == ACC:
        n, kind = bits % 2**992, bits >> 992
        value = Fraction(n - 2**992 if n >> 991 else n) * ACC_UNIT
        return {0: value, 2: INF, 3: NEG_INF}.get(kind, NAN)
    if is_integer(dtype):
        width = 8 * BYTES[dtype]
        return Fraction(bits - 2**width if dtype in SIGNED and bits >> (width - 1) else bits)
    exponent_bits, fraction_bits = FLOATS[dtype]
    sign, exponent, fraction = bits >> (exponent_bits + fraction_bits), (bits >> fraction_bits) % 2**exponent_bits, bits % 2**fraction_bits
    if exponent == 2**exponent_bits - 1:
        return NAN if fraction else NEG_INF if sign else INF
    bias = 2 ** (exponent_bits - 1) - 1
    mantissa = fraction + (2**fraction_bits if exponent else 0)
    value = mantissa * Fraction(2) ** (max(exponent, 1) - bias - fraction_bits)
    return -value if sign else value


def half_even(x):
    return round(x)  # of a Fraction: to nearest, ties to even


def rounded(dtype, x):
    """r(x) of §1, as bits."""
    exponent_bits, fraction_bits = FLOATS[dtype]
    infinity = (2**exponent_bits - 1) << fraction_bits
    minus = 1 << (exponent_bits + fraction_bits)
    if x == NAN:
        return infinity + (1 << (fraction_bits - 1))
    if x in (INF, NEG_INF):
        return infinity + (minus if x == NEG_INF else 0)
    sign, x, bias = x < 0, abs(x), 2 ** (exponent_bits - 1) - 1
    if x == 0:
        return 0
    leading = x.numerator.bit_length() - x.denominator.bit_length()
    if x < Fraction(2) ** leading:
        leading -= 1
    unit = max(leading, 1 - bias) - fraction_bits
    units = half_even(x / Fraction(2) ** unit)
    if units == 0:
        return 0
    bits = min(infinity, units + ((max(leading, 1 - bias) + bias - 1) << fraction_bits))
    return bits + (minus if sign else 0)


def wrapped(dtype, n):
    return int(n != 0) if dtype == BOOL else n % 2 ** (8 * BYTES[dtype])


def bounds(dtype):
    if dtype == BOOL:
        return 0, 1
    width = 8 * BYTES[dtype]
    return (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if dtype in SIGNED else (0, 2**width - 1)


def encode_acc(x):
    if isinstance(x, str):
        return {NAN: 1, INF: 2, NEG_INF: 3}[x] << 992
    return int(x / ACC_UNIT) % 2**992


# §5: bodies


def saturated(dtype, x, nan, to_integer):
    low, high = bounds(dtype)
    if x == NAN:
        return nan
    if x in (INF, NEG_INF):
        return high if x == INF else low
    return max(low, min(high, to_integer(x)))


def truncated(x):
    return -(-x // 1) if x < 0 else x // 1


def copied(dtype, source, x):
    if dtype == ACC:
        return encode_acc(x)
    if is_float(dtype):
        return rounded(dtype, x)
    if dtype == BOOL:
        return int(x != 0)
    if is_integer(source):
        return wrapped(dtype, int(x))
    return wrapped(dtype, int(saturated(dtype, x, 0, truncated)))


def negative(x):
    return x == NEG_INF or (not isinstance(x, str) and x < 0)


def neg(x):
    return {NAN: NAN, INF: NEG_INF, NEG_INF: INF}[x] if isinstance(x, str) else -x


def add(a, b):
    if NAN in (a, b) or {a, b} == {INF, NEG_INF}:
        return NAN
    return a if isinstance(a, str) else b if isinstance(b, str) else a + b


def mul(a, b):
    if NAN in (a, b):
        return NAN
    if isinstance(a, str) or isinstance(b, str):
        return NAN if 0 in (a, b) else NEG_INF if negative(a) != negative(b) else INF
    return a * b


def div(a, b):
    if NAN in (a, b) or (a in (INF, NEG_INF) and b in (INF, NEG_INF)) or (a == 0 and b == 0):
        return NAN
    if b in (INF, NEG_INF):
        return Fraction(0)
    if isinstance(a, str):
        return NEG_INF if negative(a) != negative(b) else INF
    return (NEG_INF if a < 0 else INF) if b == 0 else a / b


def less(a, b):
    if NAN in (a, b):
        return False
    rank = {NEG_INF: -1, INF: 1}
    x, y = rank.get(a, 0), rank.get(b, 0)
    return x < y if x or y else a < b


def root(dtype, x):
    if x in (NAN, INF) or negative(x):
        return rounded(dtype, INF if x == INF else NAN)
    scaled = x * 4**400
    n = isqrt(scaled.numerator // scaled.denominator)
    return rounded(dtype, Fraction(2 * n + (n * n != scaled), 2**401))


def transcendental(name, dtype, x):
    if x == NAN:
        return rounded(dtype, NAN)
    if isinstance(x, str):
        limits = {"exp": (INF, Fraction(0)), "expm1": (INF, Fraction(-1)), "log": (INF, NAN), "log1p": (INF, NAN), "tanh": (Fraction(1), Fraction(-1))}
        return rounded(dtype, limits[name][x == NEG_INF])
    if x == 0:
        return rounded(dtype, {"exp": Fraction(1), "log": NEG_INF}.get(name, Fraction(0)))
    edge = {"log": 0, "log1p": -1}.get(name)
    if edge is not None and x <= edge:
        return rounded(dtype, NEG_INF if x == edge else NAN)
    if name == "log" and x == 1:
        return 0
    if name in ("exp", "expm1", "tanh") and abs(x) > 400:  # far outside every dtype, or nearer to the limit than half a unit
        tiny = Fraction(1, 2**200)
        far = {"exp": (INF, tiny), "expm1": (INF, tiny - 1), "tanh": (1 - tiny, tiny - 1)}
        return rounded(dtype, far[name][x < 0])
    with decimal.localcontext() as context:
        context.prec, context.Emin, context.Emax = 400, decimal.MIN_EMIN, decimal.MAX_EMAX
        d = decimal.Decimal(x.numerator) / decimal.Decimal(x.denominator)
        y = {
            "exp": lambda: d.exp(),
            "expm1": lambda: d.exp() - 1,
            "log": lambda: d.ln(),
            "log1p": lambda: (1 + d).ln(),
            "tanh": lambda: 1 - 2 / ((2 * d).exp() + 1),
        }[name]()
        y = Fraction(y)
    error = abs(y) / 10**80  # far above what 400 digits lose here
    low, high = rounded(dtype, y - error), rounded(dtype, y + error)
    assert low == high
    return low


BODIES = {
    1: "copy", 2: "sat", 3: "add", 4: "sub", 5: "mul", 6: "div", 7: "mod", 8: "rem", 9: "neg", 0xA: "abs", 0xB: "min", 0xC: "max", 0xD: "fma", 0xE: "pow",
    0xF: "sqrt", 0x10: "floor", 0x11: "ceil", 0x12: "rint", 0x13: "sign", 0x18: "exp", 0x19: "expm1", 0x1A: "log", 0x1B: "log1p", 0x1C: "sin", 0x1D: "cos",
    0x1E: "atan", 0x1F: "tanh", 0x20: "erf", 0x28: "eq", 0x29: "ne", 0x2A: "lt", 0x2B: "le", 0x30: "and", 0x31: "or", 0x32: "xor", 0x33: "not", 0x34: "shl",
    0x35: "shr", 0x38: "where", 0x39: "seleq", 0x3A: "first", 0x3B: "key", 0x40: "qmul", 0x41: "qdiv",
}  # fmt: skip


class Unsupported(Exception):
    """A body that this implementation leaves out."""


def integer_body(name, dtype, v):
    a, b, c = (v + [0, 0])[:3]
    trunc = lambda: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    width = 8 * BYTES[dtype]
    table = {
        "copy": lambda: a, "add": lambda: a + b, "sub": lambda: a - b, "mul": lambda: a * b, "div": lambda: trunc() if b else 0,
        "mod": lambda: a - b * (a // b) if b else 0, "rem": lambda: a - b * trunc() if b else 0, "neg": lambda: -a, "abs": lambda: abs(a), "min": lambda: min(a, b),
        "max": lambda: max(a, b), "fma": lambda: a * b + c, "floor": lambda: a, "ceil": lambda: a, "rint": lambda: a, "sign": lambda: (a > 0) - (a < 0),
        "and": lambda: a & b, "or": lambda: a | b, "xor": lambda: a ^ b, "not": lambda: int(a == 0) if dtype == BOOL else -1 - a,
        "shl": lambda: a << b if 0 <= b < width else 0, "shr": lambda: a >> b if 0 <= b < width else 0, "sat": lambda: saturated(dtype, a, 0, lambda x: x),
        "eq": lambda: int(a == b), "ne": lambda: int(a != b), "lt": lambda: int(a < b), "le": lambda: int(a <= b), "where": lambda: b if a else c,
    }  # fmt: skip
    if name not in table:
        raise Unsupported(name)
    return table[name]()


def real_body(name, dtype, v):
    a, b, c = (v + [Fraction(0)] * 2)[:3]
    if name == "sqrt":
        return root(dtype, a)
    if name in ("exp", "expm1", "log", "log1p", "tanh"):
        return transcendental(name, dtype, a)
    if name == "rem":
        if NAN in (a, b) or a in (INF, NEG_INF) or b == 0:
            return rounded(dtype, NAN)
        rest = abs(a) if b in (INF, NEG_INF) else abs(a) % abs(b)
        return rounded(dtype, -rest if a < 0 else rest)
    whole = lambda f: a if isinstance(a, str) else Fraction(f(a))
    table = {
        "add": lambda: add(a, b), "sub": lambda: add(a, neg(b)), "mul": lambda: mul(a, b), "div": lambda: div(a, b), "neg": lambda: neg(a),
        "abs": lambda: neg(a) if negative(a) else a, "min": lambda: NAN if NAN in (a, b) else b if less(b, a) else a,
        "max": lambda: NAN if NAN in (a, b) else b if less(a, b) else a, "fma": lambda: add(mul(a, b), c), "floor": lambda: whole(lambda x: x // 1),
        "ceil": lambda: whole(lambda x: -(-x // 1)), "rint": lambda: whole(half_even), "sign": lambda: NAN if a == NAN else Fraction(-1 if negative(a) else int(a != 0)),
    }  # fmt: skip
    if name not in table:
        raise Unsupported(name)
    return rounded(dtype, table[name]())


def term(name, dtype, operands):
    """Bits of a term rounded as with fold none; None: skipped. Operands are pairs of dtype and value."""
    values = [value for _, value in operands]
    a, b, c = (values + [Fraction(0)] * 2)[:3]
    if name in ("copy", "first"):
        return copied(dtype, *operands[0])
    if name == "where":
        return copied(dtype, *operands[1 if a != 0 else 2])
    if name == "seleq":
        return copied(dtype, *operands[2]) if a == b else None
    if name == "sat":
        return wrapped(dtype, int(saturated(dtype, a, bounds(dtype)[0], half_even)))
    if name in ("eq", "ne", "lt", "le"):
        equal = a == b and a != NAN
        return int({"eq": equal, "ne": not equal, "lt": less(a, b), "le": less(a, b) or equal}[name])
    if name == "key":
        if a == NAN:
            return 2**31 - 1
        bits = rounded(operands[0][0], neg(a) if negative(a) else a)
        return wrapped(dtype, -bits if negative(a) else bits)
    if name in ("qmul", "qdiv"):
        first = decode(F32, rounded(F32, a))
        scaled = decode(F32, rounded(F32, mul(first, b) if name == "qmul" else div(first, b)))
        return wrapped(dtype, int(saturated(dtype, scaled, bounds(dtype)[0], lambda x: half_even(x) + int(c))))
    if is_float(dtype):
        return real_body(name, dtype, values)
    return wrapped(dtype, integer_body(name, dtype, [int(v) for v in values]))


# §6: decoding


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size, signed=False):
        self.at += size
        assert self.at <= len(self.data)
        return int.from_bytes(self.data[self.at - size : self.at], "big", signed=signed)

    def affine(self):
        c0, div, flags, terms = self.take(4, True), self.take(4), self.take(1), self.take(1)
        return c0, div, flags == 1, [(self.take(1), self.take(4, True)) for _ in range(terms)]

    def tensor(self, kind):
        load = {"kind": kind, "dtype": self.take(1), "id": self.take(4), "elements": self.take(4)}
        flags = self.take(1)
        load["zero"] = self.take(4, True) if flags & 1 else None
        load["fill"] = self.take(8) if flags & 2 else None
        load["axes"] = []
        for _ in range(self.take(1)):
            size, stride, gather = self.take(4), self.take(4), self.take(1)
            load["axes"].append((size, stride, self.tensor(self.take(1)) if gather else self.affine()))
        return load

    def load(self):
        kind = self.take(1)
        if kind == 0:
            return {"kind": 0, "dtype": self.take(1), "bits": self.take(8)}
        return {"kind": 1, "dtype": I64, "at": self.affine()} if kind == 1 else self.tensor(kind)


def decode_instruction(data):
    reader = Reader(data)
    body, fold, dtype, n_out, n_red, n_loads = (reader.take(1) for _ in range(6))
    dims = [reader.take(4) for _ in range(n_out + n_red)]
    loads = [reader.load() for _ in range(n_loads)]
    assert reader.at == len(data)
    return {"body": BODIES[body], "fold": fold, "dtype": dtype, "out": dims[:n_out], "red": dims[n_out:], "loads": loads}


def decode_header(data):
    reader = Reader(data)
    assert reader.take(2) == 1
    reader.take(2)
    inputs, constants, instructions, outputs = (reader.take(4) for _ in range(4))
    roots = [reader.take(32).to_bytes(32, "big") for _ in range(2)]
    tensors = [(reader.take(1), reader.take(4)) for _ in range(inputs)]
    results = [(reader.take(1), reader.take(4), reader.take(4)) for _ in range(outputs)]
    assert reader.at == len(data)
    return constants, instructions, roots, tensors, results


# §7: commitments


def sha(data):
    return hashlib.sha256(data).digest()


def tree(leaves, padding):
    count = 1
    while count < len(leaves):
        count *= 2
    level = leaves + [padding] * (count - len(leaves))
    while len(level) > 1:
        level = [sha(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def tensor_root(data):
    leaves = [sha(data[i : i + 256].ljust(256, b"\0")) for i in range(0, max(1, len(data)), 256)]
    return tree(leaves, sha(bytes(256)))


def list_root(roots):
    return tree(roots, bytes(32))


# §3, §4: one element


def affine(at, indices):
    c0, div, exact, terms = at
    total = c0 + sum(coef * indices[dim] for dim, coef in terms)
    return None if exact and total % div else total // div


def address(load, indices, memory):
    total = 0
    for size, stride, at in load["axes"]:
        coordinate = gathered(at, indices, memory) if isinstance(at, dict) else affine(at, indices)
        if coordinate is None or not 0 <= coordinate < size:
            return None
        total += coordinate * stride
    return total if total < load["elements"] else None


def element(load, index, memory):
    size = BYTES[load["dtype"]]
    data = memory[load["kind"]][load["id"]]
    value = decode(load["dtype"], int.from_bytes(data[index * size : (index + 1) * size], "little"))
    return value if load["zero"] is None else value - load["zero"]


def gathered(load, indices, memory):
    index = address(load, indices, memory)
    if index is not None:
        return int(element(load, index, memory))
    return None if load["fill"] is None else int(decode(load["dtype"], load["fill"]))


def loaded(load, indices, memory):
    """The value of a load; None: out of range."""
    if load["kind"] == 0:
        return decode(load["dtype"], load["bits"])
    if load["kind"] == 1:
        value = affine(load["at"], indices)
        return None if value is None else decode(I64, value % 2**64)
    index = address(load, indices, memory)
    return None if index is None else element(load, index, memory)


def operands_of(step, indices, memory):
    """None: the term is skipped."""
    operands = []
    for k, load in enumerate(step["loads"]):
        value = loaded(load, indices, memory)
        if step["body"] == "first":
            if value is not None:
                return [(load["dtype"], value)]
            if k < len(step["loads"]) - 1:
                continue
        if value is None and load.get("fill") is not None:
            value = decode(load["dtype"], load["fill"])
        if value is None:
            if step["fold"] != 0:
                return None
            value = Fraction(0)
        operands.append((load["dtype"], value))
    return operands


def unravel(index, dims):
    out = []
    for dim in reversed(dims):
        index, rest = divmod(index, dim)
        out.insert(0, rest)
    return out


def evaluate(step, index, memory):
    outer, dtype, fold = unravel(index, step["out"]), step["dtype"], step["fold"]
    terms = (operands_of(step, outer + unravel(r, step["red"]), memory) for r in range(prod(step["red"])))
    terms = [operands for operands in terms if operands is not None]
    if fold == 1 and not is_integer(dtype):
        total = Fraction(0)
        for operands in terms:
            values = [value for _, value in operands]
            total = add(total, mul(*values) if step["body"] == "mul" else values[0])
        return encode_acc(total) if dtype == ACC else rounded(dtype, total)
    if fold == 1:
        total = 0
        for operands in terms:
            values = [int(value) for _, value in operands]
            if step["body"] != "seleq":
                total += integer_body(step["body"], dtype, values)
            elif values[0] == values[1]:
                total += values[2]
        return wrapped(dtype, total)
    found = [bits for bits in (term(step["body"], dtype, operands) for operands in terms) if bits is not None]
    if fold == 0:
        return found[0] if found else 0
    values = [decode(dtype, bits) for bits in found]
    if fold in (5, 6):
        total = Fraction(fold - 5)
        for value in values:
            total = decode(dtype, rounded(dtype, (add if fold == 5 else mul)(total, value)))
        return rounded(dtype, total)
    low = fold == 2
    if is_float(dtype):
        best = INF if low else NEG_INF
    else:
        best = Fraction(bounds(dtype)[1 if low else 0])
    for value in values:
        if value == NAN and fold == 4:
            continue
        if NAN in (value, best):
            best = NAN
        elif less(value, best) if low else less(best, value):
            best = value
    return rounded(dtype, best) if is_float(dtype) else wrapped(dtype, int(best))


def check(case):
    header = bytes.fromhex(case["header"])
    encodings = [bytes.fromhex(text) for text in case["instructions"]]
    memory = {kind: [bytes.fromhex(text) for text in case[name]] for kind, name in ((2, "inputs"), (3, "constants"), (4, "trace"))}
    constants, instructions, roots, inputs, outputs = decode_header(header)
    assert (constants, instructions) == (len(memory[3]), len(encodings))
    assert [len(data) for data in memory[2]] == [BYTES[dtype] * elements for dtype, elements in inputs]
    assert roots[0] == list_root([tensor_root(data) for data in memory[3]]), "constants root"
    assert roots[1] == list_root([sha(data) for data in encodings]), "instructions root"
    assert sha(header).hex() == case["programRoot"], "program root"
    assert list_root([tensor_root(data) for data in memory[2]]).hex() == case["inputsRoot"], "inputs root"
    assert list_root([tensor_root(data) for data in memory[4]]).hex() == case["traceRoot"], "trace root"
    evaluated, skipped = 0, set()
    for number, encoding in enumerate(encodings):
        step = decode_instruction(encoding)
        size, count = BYTES[step["dtype"]], prod(step["out"])
        assert len(memory[4][number]) == size * count
        for index in sorted({(k * 7919 + number) % count for k in range(case["samples"])} | {0, count - 1}):
            try:
                bits = evaluate(step, index, memory)
            except Unsupported as error:
                skipped.add(str(error))
                break
            right = int.from_bytes(memory[4][number][index * size : (index + 1) * size], "little")
            assert bits == right, f"{case['name']}: instruction {number} ({step}), element {index}: {bits:x}, not {right:x}"
            evaluated += 1
    return {"name": case["name"], "instructions": len(encodings), "evaluated": evaluated, "skipped": sorted(skipped)}


print(json.dumps([check(case) for case in json.load(sys.stdin)]))
