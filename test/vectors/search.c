// Exhaustive search for the hardest arguments, in binary64: prints (hexadecimal bits) every binary32 argument of a function, or every
// pair of binary16 or bfloat16 arguments of pow, whose result lies next to the midpoint of two neighbours in that dtype.
// The C library errs by less than 4 units in the last place of binary64, so whatever is not printed is at least `window - 4`
// such units from every midpoint; measure.py takes exact distances of the rest.
//   cc -O2 search.c -lm -o search
//   ./search tanh > tanh.txt        (minutes each; exp expm1 log log1p sin cos atan tanh erf, pow_f16, pow_bf16)
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct { const char *name; double (*f)(double); int odd; } FUNCTIONS[] = {
  {"exp", exp, 0}, {"expm1", expm1, 0}, {"log", log, 0}, {"log1p", log1p, 0}, {"sin", sin, 1},
  {"cos", cos, 0}, {"atan", atan, 1}, {"tanh", tanh, 1}, {"erf", erf, 1},
};

typedef struct { int fraction, exponents, bias; double window; } Format;
static const Format F32 = {23, 255, 127, 12}, F16 = {10, 31, 15, 4096}, BF16 = {7, 255, 127, 4096};

static double decode(Format t, uint32_t bits) {
  uint32_t exponent = bits >> t.fraction & t.exponents, m = bits & ((1u << t.fraction) - 1);
  if (exponent) m |= 1u << t.fraction; else exponent = 1;
  return ldexp(m, (int)exponent - t.bias - t.fraction);
}

// Whether y > 0 is within the window (in its own last places) of a midpoint.
static int near_midpoint(Format t, double y) {
  if (!(y > 0x1p-160 && y < ldexp(1, t.bias + 1))) return 0;
  int exponent = ilogb(y);
  if (exponent < 1 - t.bias) exponent = 1 - t.bias;
  double scaled = ldexp(y, t.fraction - exponent);
  return fabs(scaled - (floor(scaled) + 0.5)) <= t.window * scaled * 0x1p-52;
}

// The same for normal results of binary32, on the bits: faster.
static int near_midpoint_f32(double y) {
  y = fabs(y);
  if (!(y >= 0x1p-126 && y < 0x1p128)) return near_midpoint(F32, y);
  uint64_t u;
  memcpy(&u, &y, 8);
  return fabs((double)(int64_t)(u & 0x1fffffff) - 0x1p28) <= F32.window;
}

static void unary(double (*f)(double), uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  if (near_midpoint_f32(f((double)x))) printf("%08x\n", bits);
}

static void power(Format t) {
  uint32_t infinity = (uint32_t)t.exponents << t.fraction;
  for (uint32_t x = 1; x < infinity; x++)
    for (uint32_t y = 1; y < infinity; y++) {
      double a = decode(t, x), b = decode(t, y);
      if (near_midpoint(t, pow(a, b))) printf("%04x %04x\n", x, y);
      if (near_midpoint(t, pow(a, -b))) printf("%04x %04x\n", x, y | 0x8000);
    }
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "";
  if (!strcmp(name, "pow_f16")) return power(F16), 0;
  if (!strcmp(name, "pow_bf16")) return power(BF16), 0;
  for (unsigned k = 0; k < sizeof FUNCTIONS / sizeof *FUNCTIONS; k++) {
    if (strcmp(name, FUNCTIONS[k].name)) continue;
    for (uint32_t bits = 1; bits < 0x7f800000; bits++) {
      unary(FUNCTIONS[k].f, bits);
      if (!FUNCTIONS[k].odd) unary(FUNCTIONS[k].f, bits | 0x80000000);
    }
    return 0;
  }
  return 1;
}
