import { expect } from "chai";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { seededRng } from "./testing/rng.ts";
import type { Kernels } from "./simd.ts";

/** Both builds: engines without relaxed SIMD take the plain one. */
function load(name: string): Kernels {
  const code = new Uint8Array(readFileSync(new URL(`../build/${name}.wasm`, import.meta.url)));
  return new WebAssembly.Instance(new WebAssembly.Module(code)).exports as unknown as Kernels;
}

for (const name of ["kernels", "kernels-relaxed"])
  describe(`${name}.wasm`, () => {
    const kernels = load(name);
    kernels.memory.grow(80);
    const heap = Math.ceil(kernels.heap() / 16) * 16;
    const bytes = new Uint8Array(kernels.memory.buffer);
    const f32 = new Float32Array(kernels.memory.buffer);
    const f64 = new Float64Array(kernels.memory.buffer);

    it("hashes messages of every length like node:crypto", () => {
      const rng = seededRng(41);
      const [groups, out] = [3, heap + 2 ** 20];
      for (const length of [64, 128, 256, 1024]) {
        for (let i = 0; i < 4 * groups * length; i++) bytes[heap + i] = rng.int(0, 255);
        kernels.sha256(out, heap, length, groups);
        for (let m = 0; m < 4 * groups; m++) {
          const message = bytes.subarray(heap + m * length, heap + (m + 1) * length);
          const digest = Buffer.from(bytes.subarray(out + m * 32, out + m * 32 + 32)).toString("hex");
          expect(digest).to.equal(createHash("sha256").update(message).digest("hex"));
        }
      }
    });

    it("multiplies matrices of all shapes, rows or columns first", () => {
      const rng = seededRng(42);
      for (let round = 0; round < 60; round++) {
        const [m, n, k] = [rng.int(1, 9), rng.int(1, 13), rng.int(1, 1100)];
        const turned = rng.chance(0.5);
        const [a, b] = [heap, heap + 2 ** 18];
        const [packedA, packedB, normsA, normsB, sums] = [19, 20, 21, 22, 23].map(
          (e) => heap + (e - 18) * 2 ** 19,
        ) as [number, number, number, number, number];
        for (let i = 0; i < m * k; i++) f32[a / 4 + i] = rng.int(-1000, 1000) / 1024;
        for (let i = 0; i < n * k; i++) f32[b / 4 + i] = rng.int(-1000, 1000) / 1024;
        kernels.packF64(packedA, a, m, k, turned ? 1 : k, turned ? m : 1, normsA);
        kernels.packF64(packedB, b, n, k, k, 1, normsB);
        kernels.productF64(sums, packedA, packedB, m, n, k);
        const [narrow, norms, narrowSums] = [24, 25, 26].map((e) => heap + (e - 18) * 2 ** 19) as [
          number,
          number,
          number,
        ];
        kernels.packF32(narrow, b, n, k, k, 1, norms, heap + 9 * 2 ** 19);
        kernels.productF32(narrowSums, packedA, narrow, m, n, k);
        const width = Math.ceil(n / 4) * 4;
        expect(f64.slice(norms / 8, norms / 8 + n)).to.deep.equal(f64.slice(normsB / 8, normsB / 8 + n));
        for (let i = 0; i < m; i++)
          for (let j = 0; j < n; j++) {
            // Multiples of 2^-20 below 2^13: every order of additions is exact.
            let expected = 0;
            for (let t = 0; t < k; t++)
              expected +=
                (f32[a / 4 + (turned ? t * m + i : i * k + t)] ?? 0) * (f32[b / 4 + j * k + t] ?? 0);
            expect(f64[sums / 8 + i * width + j]).to.equal(expected);
            expect(f64[narrowSums / 8 + i * width + j]).to.equal(expected);
          }
      }
    });
  });
