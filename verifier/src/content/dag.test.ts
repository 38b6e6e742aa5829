import { expect } from "chai";
import { encode } from "@ipld/dag-pb";
import { UnixFS } from "ipfs-unixfs";
import { CID } from "multiformats/cid";
import { createBench, leaf, node, seededBytes, sha256Of } from "../../test/content.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { cidOfUri, isKnown, nodeCid, parseCid, rawCid } from "./cid.ts";
import { blockCounter, readNode, type FileNode } from "./dag.ts";
import { hashFile, inspectFile } from "./inspect.ts";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

function codeOfRead(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    return error instanceof AssayError ? error.code : String(error);
  }
}

describe("UnixFS DAGs", () => {
  const bench = createBench();
  afterEach(() => bench.clear());

  async function rootOf(bytes: Uint8Array): Promise<string> {
    const path = join(bench.folder(), "file");
    writeFileSync(path, bytes);
    const { dag, sha256, size } = await inspectFile(path);
    expect([sha256, size]).to.deep.equal([sha256Of(bytes), bytes.length]);
    expect((await hashFile(path)).sha256).to.equal(sha256);
    return dag.root.toString();
  }

  // Fixtures of Kubo's tests of the profile (test/cli/cid_profiles_test.go).
  it("have the CIDs that Kubo gives files of the profile unixfs-v1-2025", async () => {
    const expected = {
      small: "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
      oneLeaf: "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta",
      twoLeaves: "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64",
    };
    const long = seededBytes(2 ** 20 + 1, "chunk-v1-seed");
    expect({
      small: await rootOf(Buffer.from("hello world")),
      oneLeaf: await rootOf(long.subarray(0, 2 ** 20)),
      twoLeaves: await rootOf(long),
    }).to.deep.equal(expected);
  });

  const place = (size: number, depth = 0) => ({
    cid: nodeCid(sha256Of(new Uint8Array())),
    offset: 0,
    size,
    depth,
  });

  it("are read with places that add up", () => {
    const [a, b] = [leaf(new Uint8Array(5)), leaf(new Uint8Array(7))];
    const { data, children } = readNode(place(14), node([a, b], { data: Uint8Array.of(1, 2) }).bytes);
    expect([...data]).to.deep.equal([1, 2]);
    expect(children.map(({ offset, size }) => [offset, size])).to.deep.equal([
      [2, 5],
      [7, 7],
    ]);
  });

  it("are refused if sizes lie, kinds are foreign or nodes are bombs", () => {
    const child = leaf(new Uint8Array(10));
    const identity = CID.parse("bafkqaaa");
    const sha512 = CID.parse(
      "bafkrgqbqt3gerhas23vuzrapkdeqf4vu2dwxp3srdj6hvg6nhsug2tgyn6mj3u23yx7utftq3i2ckw2fwdh5qmhid5qf3t35yvkc5e5ottlw6",
    );
    const unequal = encode({
      Data: new UnixFS({ type: "file", blockSizes: [5n, 5n] }).marshal(),
      Links: [{ Hash: child.cid, Name: "", Tsize: 5 }],
    });
    const swollen = encode({
      Data: new UnixFS({ type: "file", blockSizes: Array.from({ length: 5000 }, () => 1n) }).marshal(),
      Links: [],
    });
    const many = (count: number) => node(Array.from({ length: count }, () => ({ ...child, size: 1 })));
    const cases: Record<string, () => unknown> = {
      "no dag-pb": () => readNode(place(3), Uint8Array.of(255, 255, 255)),
      "a directory": () => readNode(place(0), node([], { type: "directory" }).bytes),
      "less than its parent says": () => readNode(place(11), node([child]).bytes),
      "more than its parent says": () => readNode(place(9), node([child]).bytes),
      "a negative rest": () => readNode(place(10), node([{ ...child, size: 20 }]).bytes),
      "an empty child": () => readNode(place(0), node([{ ...child, size: 0 }]).bytes),
      "a size of 2^63": () => readNode(place(10), node([{ ...child, size: 2 ** 63 }]).bytes),
      "links without sizes": () => readNode(place(10), unequal),
      "a leaf beyond any block": () => readNode(place(2 ** 22), node([{ ...child, size: 2 ** 22 }]).bytes),
      "an identity link": () => readNode(place(10), node([{ cid: identity, size: 10 }]).bytes),
      "another hash": () => readNode(place(10), node([{ cid: sha512, size: 10 }]).bytes),
      "too deep": () => readNode(place(10, 8), node([child]).bytes),
      "too wide": () => readNode(place(1025), many(1025).bytes),
      "sizes without links": () => readNode(place(5000), swollen),
    };
    for (const [what, run] of Object.entries(cases))
      expect(codeOfRead(run), what).to.equal("CONTENT_MISMATCH");
    expect(codeOfRead(() => readNode(place(1024), many(1024).bytes))).to.equal("none");
    const count = blockCounter(2 ** 40);
    const thousand: FileNode["children"] = Array.from({ length: 1000 }, () => place(1));
    const counted = Array.from({ length: 200 }, () => codeOfRead(() => count(thousand)));
    expect([counted[0], counted.at(-1)]).to.deep.equal(["none", "CONTENT_MISMATCH"]);
    expect(codeOfRead(() => blockCounter(10_000)(thousand))).to.equal("CONTENT_MISMATCH");
  });

  it("are addressed by CIDs of kinds that can be checked", () => {
    const digest = sha256Of(Uint8Array.of(1));
    const text = rawCid(digest).toString();
    for (const uri of [`ipfs://${text}`, `ipfs://${text}/`, `ipfs://${text}#batch=1`])
      expect(cidOfUri(uri)?.toString(), uri).to.equal(text);
    const foreign = [
      "ipfs://",
      `ipfs://${text}/a`,
      `ipfs://../${text}`,
      `http://${text}`,
      "ipfs://bafkqaaa",
      "ipfs://hello",
    ];
    for (const uri of foreign) expect(cidOfUri(uri), uri).to.equal(undefined);
    const old = parseCid("Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD");
    expect(old !== undefined && isKnown(old)).to.equal(true);
    expect(parseCid(`b${"a".repeat(10_000)}`)).to.equal(undefined);
  });
});
