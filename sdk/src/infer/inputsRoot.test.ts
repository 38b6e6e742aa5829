/** The root that clients compute, in browsers too, is the program's own. */
import { expect } from "chai";
import { inputsRoot } from "../../../program/src/claim.ts";
import { seededRng } from "../../../program/src/testing/rng.ts";
import { exampleModel } from "../../../verifier/test/world.ts";
import { describeModel } from "../../../verifier/src/releases/describe.ts";
import { toHex } from "../structs.ts";
import { blobLength, elementsOf, type Signature } from "../tensor.ts";
import { inputsRootOf } from "./inputsRoot.ts";

const DTYPES = ["u8", "i64", "f32", "f16", "bool"] as const;
const CASES = 200;

describe("roots of inputs", () => {
  it("are those of the program, for inputs of any number, size and dtype", () => {
    const rng = seededRng(7);
    for (let i = 0; i < CASES; i++) {
      const inputs: Signature["inputs"] = Array.from({ length: rng.int(0, 5) }, (_, k) => ({
        ...{ name: `x${k}`, dtype: rng.pick(DTYPES) },
        shape: Array.from({ length: rng.int(0, 3) }, () => rng.int(0, rng.pick([1, 3, 20]))),
      }));
      const blob = Uint8Array.from({ length: blobLength(inputs) }, () => rng.int(0, 255));
      const program = { inputs: inputs.map((spec) => ({ ...spec, elements: elementsOf(spec) })) };
      expect(inputsRootOf({ inputs }, blob), JSON.stringify(inputs)).to.equal(
        toHex(inputsRoot(program, blob)),
      );
    }
  });

  it("are those of a model's program", () => {
    for (const name of ["digits", "breast-cancer"] as const) {
      const { program, signature, inputBytes } = describeModel(exampleModel(name), {});
      const blob = Uint8Array.from({ length: inputBytes }, (_, i) => i % 251);
      expect(inputsRootOf(signature, blob)).to.equal(toHex(inputsRoot(program, blob)));
    }
  });

  it("need a whole input", () => {
    const inputs = [{ name: "x", dtype: "u8", shape: [3] }] as const;
    expect(() => inputsRootOf({ inputs }, new Uint8Array(2)))
      .to.throw()
      .with.property("code", "BAD_TENSOR");
  });
});
