import { expect } from "chai";
import fc from "fast-check";
import type { DTypeName } from "../../../program/src/dtype.ts";
import { firstWrongElement } from "./tolerance.ts";

function f32(...values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

function bits32(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

function u16(...bits: number[]): Uint8Array {
  return new Uint8Array(Uint16Array.from(bits).buffer);
}

const tolerance = (atol: number, rtol: number) => ({ atol: bits32(atol), rtol: bits32(rtol) });
const exact = tolerance(0, 0);

describe("tolerance", () => {
  it("wants equal bytes from an exact release", () => {
    expect(firstWrongElement("f32", f32(1, 2), f32(1, 2), exact)).to.equal(undefined);
    expect(firstWrongElement("f32", f32(1, 2, 3), f32(1, 2, 3.0000002384185791), exact)).to.equal(2);
    expect(firstWrongElement("f32", f32(0), f32(-0), exact)).to.equal(0);
    expect(firstWrongElement("u8", Uint8Array.of(1, 2), Uint8Array.of(1, 3), exact)).to.equal(1);
  });

  it("is exact at the boundary, beyond what float64 could tell", () => {
    const ulp = 2 ** -23;
    const third = bits32(ulp);
    // |1 + ulp - 1| = ulp: within atol = ulp, not within the float just below.
    expect(firstWrongElement("f32", f32(1), f32(1 + ulp), { atol: third, rtol: 0 })).to.equal(undefined);
    expect(firstWrongElement("f32", f32(1), f32(1 + ulp), { atol: third - 1, rtol: 0 })).to.equal(0);
    // The least subnormal as rtol: its product with 1 is far below one ulp of anything.
    expect(firstWrongElement("f32", f32(1), f32(1 + ulp), { atol: third - 1, rtol: 1 })).to.equal(0);
    expect(firstWrongElement("f32", f32(2 ** -149), f32(0), { atol: 1, rtol: 0 })).to.equal(undefined);
  });

  it("matches NaN with NaN and each infinity with itself only", () => {
    const wide = tolerance(65536, 1);
    expect(
      firstWrongElement("f32", f32(NaN, Infinity, -Infinity), f32(NaN, Infinity, -Infinity), wide),
    ).to.equal(undefined);
    expect(firstWrongElement("f32", f32(NaN), f32(0), wide)).to.equal(0);
    expect(firstWrongElement("f32", f32(Infinity), f32(-Infinity), wide)).to.equal(0);
    expect(firstWrongElement("f32", f32(3.4e38), f32(Infinity), wide)).to.equal(0);
  });

  it("wants canonical elements, whatever the tolerance", () => {
    const wide = tolerance(1, 1);
    expect(firstWrongElement("f32", f32(0), f32(-0), wide)).to.equal(0);
    const nan = new Uint8Array(Uint32Array.of(0x7fc00001).buffer);
    expect(firstWrongElement("f32", f32(NaN), nan, wide)).to.equal(0);
    expect(firstWrongElement("bool", Uint8Array.of(1), Uint8Array.of(2), wide)).to.equal(0);
    expect(firstWrongElement("f16", u16(0x0000), u16(0x8000), wide)).to.equal(0);
  });

  it("reads f16 and bf16, and keeps integers equal", () => {
    const half = tolerance(0.5, 0);
    expect(firstWrongElement("f16", u16(0x3c00, 0x0001), u16(0x3e00, 0x0000), half)).to.equal(undefined);
    expect(firstWrongElement("f16", u16(0x3c00), u16(0x3e01), half)).to.equal(0);
    expect(firstWrongElement("bf16", u16(0x3f80), u16(0x3fc0), half)).to.equal(undefined);
    expect(firstWrongElement("bf16", u16(0x3f80), u16(0x3fc1), half)).to.equal(0);
    expect(firstWrongElement("i8", Uint8Array.of(4), Uint8Array.of(5), tolerance(10, 1))).to.equal(0);
  });

  it("agrees with float64 arithmetic where that is exact", () => {
    const small = fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((n) => n / 1024);
    const name: DTypeName = "f32";
    fc.assert(
      fc.property(
        small,
        small,
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 16 }),
        (y, x, a, r) => {
          const [atol, rtol] = [a / 16, r / 16];
          if (atol === 0 && rtol === 0) return;
          const right = Math.abs(x - y) <= atol + rtol * Math.abs(y);
          expect(firstWrongElement(name, f32(y), f32(x), tolerance(atol, rtol)) === undefined).to.equal(
            right,
          );
        },
      ),
    );
  });
});
