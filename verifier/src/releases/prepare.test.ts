import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { splitBlob } from "../../../program/src/claim.ts";
import { runNaive } from "../../../program/src/naive/interpret.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { toHex, ZERO_HASH, type Release } from "../../../sdk/src/structs.ts";
import { bindingsHash } from "../../../sdk/src/tensor.ts";
import { codeOf } from "../../test/failure.ts";
import { productModel, tinyModel } from "../../test/models.ts";
import { exampleModel, testLog } from "../../test/world.ts";
import { exactOutput } from "../compute/exact.ts";
import { createExactPool, type ExactPool } from "../compute/exactPool.ts";
import { createPool, type InferencePool } from "../compute/pool.ts";
import { fastOutput } from "../compute/screen.ts";
import { selfCheck } from "../compute/selfCheck.ts";
import { honestAnswerer } from "../roles/operator.ts";
import { describeModel, type ModelDescription } from "./describe.ts";
import { roundsIn } from "./disputeGas.ts";
import { bindingsOf, checkRelease, type PreparedRelease } from "./prepare.ts";
import { releaseOf, termsOf, toleranceBits } from "./release.ts";

const EXACT = { contentUri: "", atol: 0, rtol: 0, royaltyBps: 0 };

function refusal(run: () => unknown): string {
  try {
    run();
    return "accepted";
  } catch (error) {
    return error instanceof AssayError ? error.code : String(error);
  }
}

describe("releases", () => {
  const file = exampleModel("digits");
  const model = describeModel(file, {});
  const release = releaseOf(model, 1n, EXACT);

  it("accepts what the file lowers to", () => {
    expect(refusal(() => checkRelease(release, model))).to.equal("accepted");
  });

  it("tells the rounds of a dispute before its file is there", () => {
    for (const other of [file, exampleModel("breast-cancer")]) {
      const described = describeModel(other, {});
      expect(roundsIn(releaseOf(described, 1n, EXACT))).to.equal(described.disputeRounds);
    }
    expect(roundsIn({ ...release, disputeGas: 0 })).to.equal(0);
  });

  it("refuses a release that says anything else than its file", () => {
    const lies: Partial<Release>[] = [
      { fileSha256: ZERO_HASH },
      { programRoot: ZERO_HASH },
      { signatureHash: ZERO_HASH },
      { loweringVersion: 65_000 },
      { inputBytes: 63 },
      { outputBytes: 11 },
      { stepGas: release.stepGas - 1 },
      { disputeGas: release.disputeGas - 1 },
    ];
    for (const lie of lies)
      expect(
        refusal(() => checkRelease({ ...release, ...lie }, model)),
        JSON.stringify(lie),
      ).to.equal("RELEASE_REFUSED");
    const damaged = file.map((byte, i) => (i === 5000 ? byte ^ 1 : byte));
    expect(refusal(() => checkRelease(release, describeModel(damaged, {})))).to.equal("RELEASE_REFUSED");
    expect(refusal(() => describeModel(file.subarray(0, 5000), {}))).to.equal("MODEL_REFUSED");
  });

  it("takes the dimensions from the URI whose values the release commits to", () => {
    const bound = { ...release, bindingsHash: bindingsHash({ batch: 4 }) };
    const record = { releaseId: ZERO_HASH, header: ZERO_HASH, release: bound };
    const contentUris = ["http://a/#batch=5", "http://a/#batch=zero", "http://a/#batch=4"];
    expect(bindingsOf({ ...record, contentUris })).to.deep.equal({ batch: 4 });
    expect(refusal(() => bindingsOf({ ...record, contentUris: ["http://a/"] }))).to.equal("RELEASE_REFUSED");
  });

  it("never rounds a tolerance up", () => {
    expect(toleranceBits(0.1)).to.equal(0x3dcccccc);
    expect(toleranceBits(0.5)).to.equal(0x3f000000);
    expect(refusal(() => toleranceBits(-1))).to.equal("BAD_CONFIG");
  });

  it("refuses terms that the registry would refuse, and a tolerance that would become 0", () => {
    const most = { atol: 0x47800000, rtol: 0x3f800000, royaltyBps: 5000 };
    expect(termsOf(65_536, 1, 5000)).to.deep.equal(most);
    expect(termsOf(2 ** -149, 0, 0)).to.deep.equal({ atol: 1, rtol: 0, royaltyBps: 0 });
    for (const [atol, rtol, royalty] of [
      ...([
        [1e60, 0, 0],
        [65_537, 0, 0],
        [1e-60, 0, 0],
        [1e-45, 0, 0],
        [-1, 0, 0],
      ] as const),
      ...([
        [0, 1.5, 0],
        [0, NaN, 0],
        [0, 0, 5001],
        [0, 0, -1],
        [0, 0, NaN],
      ] as const),
    ])
      expect(
        refusal(() => termsOf(atol, rtol, royalty)),
        `${atol} ${rtol} ${royalty}`,
      ).to.equal("BAD_CONFIG");
  });
});

describe("answers", () => {
  const folder = mkdtempSync(join(tmpdir(), "assay-answers-"));
  let pool: InferencePool;
  let exact: ExactPool;
  before(() => {
    pool = createPool({ size: 1, timeLimitMs: 10_000 });
    exact = createExactPool({ size: 1 });
  });
  after(async () => {
    await Promise.all([pool.close(), exact.close()]);
    rmSync(folder, { recursive: true });
  });

  function prepared(
    name: string,
    file: Uint8Array,
    tolerance = 0,
  ): PreparedRelease & { readonly model: ModelDescription } {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, file);
    const model = describeModel(file, {});
    return {
      releaseId: toHex(model.commitment.root),
      release: releaseOf(model, 1n, { ...EXACT, atol: toleranceBits(tolerance) }),
      model,
      path,
    };
  }
  const check = (release: PreparedRelease) => selfCheck({ pool, exact }, release);
  const answer = (release: PreparedRelease, input: Uint8Array, runMs = 10_000) =>
    honestAnswerer({ pool, exact, log: testLog })(release, input, { runMs });

  it("come from the exact interpreter, also where the self-check shows the same bytes", async () => {
    const digits = prepared("digits", exampleModel("digits"));
    expect(await check(digits)).to.deep.equal({ kind: "exact" });
    const input = Uint8Array.from({ length: 64 }, (_, i) => i % 17);
    expect(await answer(digits, input)).to.deep.equal(exactOutput(digits.model, input));
    expect(await fastOutput(pool, digits, input)).to.deep.equal(exactOutput(digits.model, input));
    // An operator that could not show a trace in time must not sign.
    const { file, input: large } = productModel(16, 1024, 256);
    expect(await codeOf(answer(prepared("slow", file), large, 1))).to.equal("INFERENCE_TIMED_OUT");
  });

  it("come from the exact interpreter where floats are summed, unless a tolerance covers onnxruntime's", async () => {
    const file = exampleModel("breast-cancer");
    const strict = prepared("strict", file);
    const path = await check(strict);
    expect(path).to.include({ kind: "approximate" });
    if (path.kind === "approximate") expect(path.agreed).to.be.below(path.of);
    const input = new Uint8Array(Float32Array.from({ length: 30 }, (_, i) => 20 - i).buffer);
    const naive = runNaive(strict.model.program, splitBlob(strict.model.program.inputs, input)).at(-1);
    expect(await answer(strict, input)).to.deep.equal(naive);
    const tolerant = prepared("tolerant", file, 0.001);
    const covered = await check(tolerant);
    if (covered.kind === "approximate") expect(covered.agreed).to.equal(covered.of);
    else expect(covered).to.include({ kind: "approximate" });
    expect(await answer(tolerant, input)).to.deep.equal(await fastOutput(pool, tolerant, input));
  });

  it("are right where onnxruntime errs on one secret input only", async () => {
    const x = { name: "x", dtype: "f32", shape: [1] } as const;
    const node = { op: "Cast", inputs: ["x"], output: "y", attributes: { to: 6 } };
    const trap = prepared("trap", tinyModel([node], [x], [{ name: "y", dtype: "i32", shape: [1] }]));
    // Conversions of floats to integers differ between processors beyond the integers' range, which no probe can be sure to find.
    expect(trap.model.exactInOnnxruntime).to.equal(false);
    const secret = new Uint8Array(Float32Array.of(3e9).buffer);
    const right = new Uint8Array(Int32Array.of(2 ** 31 - 1).buffer);
    expect(await answer(trap, secret)).to.deep.equal(right);
  });

  it("come from the exact interpreter where onnxruntime fails", async () => {
    const i32 = (name: string) => ({ name, dtype: "i32", shape: [1] }) as const;
    const node = { op: "Div", inputs: ["a", "b"], output: "q" };
    const division = prepared("division", tinyModel([node], [i32("a"), i32("b")], [i32("q")]));
    const path = await check(division);
    expect(path.kind).to.equal("unusable");
    const input = new Uint8Array(Int32Array.of(-(2 ** 31), -1).buffer);
    expect(await answer(division, input)).to.deep.equal(new Uint8Array(Int32Array.of(-(2 ** 31)).buffer));
  });
});
