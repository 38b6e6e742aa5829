import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  truncateSync,
  utimesSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { seededRng } from "../../../program/src/testing/rng.ts";
import { codeOf } from "../../test/failure.ts";
import { openSpool, type Spool } from "./spool.ts";

const TEXTS = ["", "a", "ß", "漢字", "🦊🦊", '{"x":"\\n"}', "x".repeat(70_000)];

describe("a spool", () => {
  let directory: string;
  const opened: Spool[] = [];

  function open(): Spool {
    const spool = openSpool(directory);
    opened.push(spool);
    return spool;
  }

  function lines({ left }: Spool): string[] {
    return [...left()].map(({ line }) => line);
  }

  function filesOf(kind: "open" | "kept"): string[] {
    return readdirSync(directory)
      .filter((name) => name.endsWith(`.${kind}`))
      .sort((a, b) => parseInt(a) - parseInt(b))
      .map((name) => join(directory, name));
  }

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "assay-spool-"));
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((spool) => spool.close()));
    rmSync(directory, { recursive: true });
  });

  it("gives back what was written, in order, by its place and when it is opened again", async () => {
    const rng = seededRng(1);
    const first = open();
    expect([...first.left()]).to.deep.equal([]);
    const written = Array.from({ length: 60 }, (_, i) => `${i} ${TEXTS[rng.int(0, TEXTS.length - 1)]}`);
    const found = [];
    for (const line of written) {
      found.push({ line, place: await first.append(line) });
      if (rng.int(0, 9) === 0) await first.turn();
    }
    for (const { line, place } of found) expect(await first.read(place)).to.equal(line);
    expect(filesOf("open").length).to.be.above(1);
    const again = open();
    expect([...again.left()]).to.deep.equal(found);
    for (const { line, place } of found) expect(await again.read(place)).to.equal(line);
  });

  it("gives each of many lines at once its own place", async () => {
    const rng = seededRng(2);
    const spool = open();
    const written = Array.from({ length: 1000 }, (_, i) => `${i} ${"é".repeat(rng.int(0, 50))}`);
    const places = await Promise.all(
      written.map((line, i) => {
        if (i % 301 === 300) void spool.turn();
        return spool.append(line);
      }),
    );
    expect(await Promise.all(places.map((place) => spool.read(place)))).to.deep.equal(written);
    expect(new Set(places.map(({ file, offset }) => `${file}:${offset}`)).size).to.equal(1000);
    expect([...open().left()].map(({ place }) => place)).to.deep.equal(places);
  });

  it("leaves out only what a crash cut short", async () => {
    for (let cut = 1; cut <= 12; cut++) {
      const spool = open();
      for (const line of ["one", "zwei ß", "🦊🦊🦊"]) await spool.append(line);
      const path = filesOf("open").at(-1) ?? "";
      // Its end, and all or a part of its bytes.
      truncateSync(path, 4 + 8 + 13 - cut);
      const again = open();
      expect(lines(again)).to.deep.equal(["one", "zwei ß"]);
      const place = await again.append("after");
      expect(await again.read(place)).to.equal("after");
      expect(lines(open())).to.deep.equal(["one", "zwei ß", "after"]);
      await Promise.all(opened.splice(0).map((old) => old.close()));
      rmSync(directory, { recursive: true });
    }
    await open().append("one");
    appendFileSync(filesOf("open")[0] ?? "", "never acknowledged");
    expect(lines(open())).to.deep.equal(["one"]);
  });

  it("leaves what was not settled, and still reads what was", async () => {
    const spool = open();
    const settled = await spool.append("settled");
    const settle = await spool.turn();
    const place = await spool.append("later");
    settle();
    expect(await spool.read(settled)).to.equal("settled");
    expect(lines(open())).to.deep.equal(["later"]);
    expect(await spool.read(place)).to.equal("later");
    const again = open();
    expect(await again.read(settled)).to.equal("settled");
    (await again.turn())();
    const last = open();
    expect(lines(last)).to.deep.equal([]);
    expect(await last.read(settled)).to.equal("settled");
    expect(await last.read(place)).to.equal("later");
  });

  it("settles with the next turn what the last did not", async () => {
    const spool = open();
    await spool.append("one");
    await spool.turn();
    await spool.append("two");
    const settle = await spool.turn();
    await spool.append("three");
    expect(lines(open())).to.deep.equal(["one", "two", "three"]);
    settle();
    expect(lines(open())).to.deep.equal(["three"]);
  });

  it("gives back what was settled too, if it is asked to", async () => {
    const spool = open();
    await spool.append("settled");
    (await spool.turn())();
    await spool.append("not");
    expect(lines(open())).to.deep.equal(["not"]);
    const again = openSpool(directory, true);
    opened.push(again);
    expect(lines(again)).to.deep.equal(["settled", "not"]);
  });

  it("settles in any order, and each file once", async () => {
    const spool = open();
    await spool.append("one");
    const first = await spool.turn();
    await spool.append("two");
    const both = await spool.turn();
    await spool.append("three");
    both();
    first();
    expect(lines(open())).to.deep.equal(["three"]);
  });

  it("acknowledges what was appended before it is closed, and takes nothing after", async () => {
    const spool = open();
    const appended = Array.from({ length: 50 }, (_, i) => spool.append(`line ${i}`));
    const closing = spool.close();
    opened.pop();
    const refused: unknown = await spool.append("late").catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Error);
    await closing;
    const places = await Promise.all(appended);
    expect([...open().left()].map(({ place }) => place)).to.deep.equal(places);
  });

  it("reads a line while it is being settled", async () => {
    const spool = open();
    for (let i = 0; i < 200; i++) {
      const place = await spool.append(`line ${i}`);
      const settle = await spool.turn();
      const reading = Array.from({ length: 4 }, () => spool.read(place));
      settle();
      expect(new Set(await Promise.all(reading))).to.deep.equal(new Set([`line ${i}`]));
    }
  });

  it("fails what a disk does not take, and takes what comes once that does", async () => {
    const spool = open();
    // To open it takes no room.
    expect(readdirSync(directory)).to.deep.equal([]);
    await spool.append("one");
    // No file can be made under a name that is taken.
    mkdirSync(join(directory, "2.open"));
    const settle = await spool.turn();
    for (let i = 0; i < 3; i++) {
      const refused = [spool.append("two"), spool.append("three")].map(codeOf);
      expect(await Promise.all(refused)).to.deep.equal(["STATE_FAILED", "STATE_FAILED"]);
    }
    await spool.turn();
    rmdirSync(join(directory, "2.open"));
    const place = await spool.append("two");
    expect(await spool.read(place)).to.equal("two");
    settle();
    expect(lines(open())).to.deep.equal(["two"]);
  });

  it("removes what is settled and old, and nothing else", async () => {
    const spool = open();
    const old = await spool.append("settled and old");
    (await spool.turn())();
    const recent = await spool.append("settled");
    (await spool.turn())();
    const unsettled = await spool.append("old");
    for (const path of [...filesOf("kept").slice(0, 1), ...filesOf("open")]) utimesSync(path, 1000, 1000);
    await spool.purge(1000);
    expect(await spool.read(old)).to.equal("settled and old");
    await spool.purge(1001);
    const failure: unknown = await spool.read(old).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await spool.read(recent)).to.equal("settled");
    expect(await spool.read(unsettled)).to.equal("old");
  });
});
