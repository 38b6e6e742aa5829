import { expect } from "chai";
import { decodeTensors } from "../../../sdk/src/decode.ts";
import type { TensorSpec } from "../../../sdk/src/tensor.ts";
import { makeFeeds, type Feed } from "./feeds.ts";

const f32: TensorSpec = { name: "x", dtype: "f32", shape: [2, 3] };
const i8: TensorSpec = { name: "q", dtype: "i8", shape: [4] };
const i64: TensorSpec = { name: "t", dtype: "i64", shape: [4] };

function valuesOf(specs: readonly TensorSpec[], feeds: readonly Feed[], name: string): (number | bigint)[][] {
  const feed = feeds.find((candidate) => candidate.name === name);
  if (feed === undefined) throw new RangeError(`no feed ${name}`);
  return Object.values(decodeTensors(specs, feed.blob)).map((data) => Array.from<number | bigint>(data));
}

describe("inputs of a check", () => {
  it("are the same for the same seed, and others for another", () => {
    expect(makeFeeds([f32, i64], 3, 7)).to.deep.equal(makeFeeds([f32, i64], 3, 7));
    expect(makeFeeds([f32], 3, 7)[0]?.blob).not.to.deep.equal(makeFeeds([f32], 3, 8)[0]?.blob);
  });

  it("reach every extreme of floats, also of those too narrow for 1e30", () => {
    const feeds = makeFeeds([f32], 1, 1);
    expect(valuesOf([f32], feeds, "greatest floats")[0]?.[0]).to.equal((2 - 2 ** -23) * 2 ** 127);
    expect(valuesOf([f32], feeds, "NaN")[0]?.[0]).to.be.NaN;
    const half: TensorSpec = { ...f32, dtype: "f16" };
    expect(valuesOf([half], makeFeeds([half], 1, 1), "floats of 1e30")[0]?.[0]).to.equal(65504);
  });

  it("count floats of the extremes apart, and all integers as ordinary", () => {
    expect(new Set(makeFeeds([f32], 1, 1).map(({ group }) => group)).size).to.equal(3);
    expect(new Set(makeFeeds([i8], 1, 1).map(({ group }) => group))).to.deep.equal(new Set(["ordinary"]));
  });

  it("pair the least integer with -1, over two inputs or two halves", () => {
    const name = "least integers, then -1";
    expect(valuesOf([i8], makeFeeds([i8], 0, 1), name)).to.deep.equal([[-128, -128, -1, -1]]);
    const two = [i8, { ...i8, name: "r" }];
    expect(valuesOf(two, makeFeeds(two, 0, 1), name)).to.deep.equal([Array(4).fill(-128), Array(4).fill(-1)]);
  });

  it("draw wide integers from small ranges too", () => {
    const greatest = [1, 2, 3].map((k) =>
      valuesOf([i64], makeFeeds([i64], 3, 1), `random ${k}`)[0]?.reduce((a, b) => (a > b ? a : b)),
    );
    expect(greatest.filter((value) => value !== undefined && value <= 15n)).to.have.length(2);
  });

  it("are all different", () => {
    const blobs = makeFeeds([{ name: "b", dtype: "bool", shape: [1] }], 5, 1).map(({ blob }) => blob.join());
    expect(new Set(blobs).size).to.equal(blobs.length);
  });
});
