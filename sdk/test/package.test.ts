/** The package and its examples, used as others use them, against a real chain with a real operator. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import type { Browser } from "playwright-core";
import { build } from "vite";
import { describeInBrowser, startBrowser } from "../../explorer/test/browser.ts";
import { walletScript } from "../../explorer/test/wallet.ts";
import { freePort } from "../../scripts/anvil.ts";
import { startNode, type RunningNode } from "../../verifier/src/node.ts";
import { CHECKS_ALL, nodeOptions } from "../../verifier/test/player.ts";
import {
  exampleModel,
  publishFile,
  stake,
  startWorld,
  type PublishedModel,
  type World,
} from "../../verifier/test/world.ts";
import { packedProject, type Project } from "./packed.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const require = createRequire(import.meta.url);
const run = promisify(execFile);
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
};
const STAKE = 10n ** 18n;
const PRICE = 10n ** 15n;
/** The picture of the example in Node. */
const DIGIT = 3;

/** The code of a section of the package's page. */
function shown(section: string): string {
  const readme = readFileSync(join(ROOT, "sdk", "README.md"), "utf8");
  const [, part = ""] = readme.split(`\n## ${section}\n`);
  const [, code] = /```ts\n([\s\S]*?)```/.exec(part.split("\n## ")[0] ?? "") ?? [];
  if (code === undefined) throw new Error(`the page shows no code ${section}`);
  return code;
}

/** Compiled files behind a door, with the packages that they import. */
function behind(door: string): { files: string[]; packages: string[] } {
  const [files, packages] = [new Set<string>(), new Set<string>()];
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const [, from = ""] of readFileSync(file, "utf8").matchAll(
      /^(?:import|export)\b(?:[^;"]* from)? "([^"]+)";$/gm,
    ))
      if (from.startsWith(".")) visit(join(file, "..", from));
      else packages.add(from);
  };
  visit(door);
  return { files: [...files], packages: [...packages].sort() };
}

function serve(folder: string, port: number): Promise<Server> {
  const server = createServer(({ url = "" }, response) => {
    const file = join(folder, url.split("?")[0] ?? "");
    const found = globSync("**/*.*", { cwd: folder }).some((name) => join(folder, name) === file);
    response.writeHead(found ? 200 : 404, { "content-type": TYPES[extname(file)] ?? "text/plain" });
    response.end(found ? readFileSync(file) : "");
  });
  return new Promise((ready) => server.listen(port, "127.0.0.1", () => ready(server)));
}

describe("the SDK as a package", function () {
  this.timeout(600_000);
  let project: Project;
  let world: World;
  let digits: PublishedModel;
  let operator: RunningNode;

  before(async () => {
    project = await packedProject();
    world = await startWorld();
    digits = await publishFile(world, exampleModel("digits"));
    await stake(world, 1, STAKE);
    operator = await startNode({
      ...nodeOptions(world, 1),
      operator: { serve: [digits.releaseId], minFee: PRICE },
      ...CHECKS_ALL,
      announce: { endpoints: ["https://operator.example"] },
    });
    await operator.ready;
    writeFileSync(join(project.folder, "deployment.json"), JSON.stringify(world.deployment));
    writeFileSync(join(project.folder, "package.json"), JSON.stringify({ type: "module" }));
    const { signature } = digits.model;
    writeFileSync(join(project.folder, "signature.json"), JSON.stringify(signature));
  });

  after(async () => {
    await operator.stop();
    await world.stop();
    project.remove();
  });

  it("needs nothing of Node's behind its door for browsers", () => {
    for (const door of ["index", "browser"]) {
      const { packages } = behind(join(project.sdk, "dist", "sdk", "src", `${door}.js`));
      for (const name of packages) expect(["ethers", "zod/v4"], door).to.include(name);
    }
    expect(behind(join(project.sdk, "dist", "sdk", "src", "node.js")).packages).to.include("node:fs");
    expect(existsSync(join(project.sdk, "LICENSE"))).to.equal(true);
    expect(globSync("**/*.test.*", { cwd: project.sdk })).to.deep.equal([]);
  });

  it("brings its types along", async () => {
    const main = `import { connectAssay, encodeInput, type Answer, type Signature } from "@assay/sdk";
import { verify } from "@assay/sdk/node";
export const signature: Signature = { inputs: [{ name: "x", dtype: "u8", shape: [1] }], outputs: [] };
export const input: Uint8Array = encodeInput(signature, { x: [1] });
export const answer: Promise<Answer> = connectAssay({ provider: null }).then((assay) => assay.find("0x")).then((p) => p.final());
export { verify };
// @ts-expect-error: no such dtype
export const wrong: Signature = { inputs: [{ name: "x", dtype: "u7", shape: [1] }], outputs: [] };
`;
    writeFileSync(join(project.folder, "types.ts"), main);
    const flags = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--skipLibCheck"];
    const types = ["--types", "node", "--typeRoots", join(ROOT, "node_modules", "@types")];
    const tsc = [require.resolve("typescript/bin/tsc"), ...flags, ...types, "types.ts"];
    const { stdout } = await run(process.execPath, tsc, { cwd: project.folder });
    expect(stdout).to.equal("");
  });

  it("answers as its page says for Node", async () => {
    writeFileSync(join(project.folder, "input.json"), JSON.stringify({ pixels: Array(64).fill(5) }));
    writeFileSync(join(project.folder, "page.mjs"), shown("In Node"));
    const env = {
      ...process.env,
      ...{
        RPC_URL: world.chain.url,
        PRIVATE_KEY: world.chain.wallet(9).privateKey,
        RELEASE: digits.releaseId,
      },
    };
    const { stdout } = await run(process.execPath, ["page.mjs"], { cwd: project.folder, env });
    expect(stdout).to.match(/logits: Uint8Array\(10\)/);
  });

  it("runs its example in Node", async () => {
    const place = join(project.folder, "node-example");
    cpSync(join(ROOT, "examples", "sdk-node"), place, { recursive: true });
    const flags = [
      ...["--rpc", world.chain.url, "--deployment", join(project.folder, "deployment.json")],
      ...["--assay", join(ROOT, "bin", "assay.mjs"), `--flag=--content=${world.contentDirectory}`],
      `--flag=--data=${join(project.folder, "data")}`,
    ];
    const env = { ...process.env, ASSAY_CONFIG: "", PRIVATE_KEY: world.chain.wallet(9).privateKey };
    const { stdout } = await run(process.execPath, [join(place, "main.ts"), ...flags], { cwd: place, env });
    const said = new Map(
      stdout
        .trim()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
    );
    expect(said.get("release")).to.equal(digits.releaseId);
    expect(said.get("price")?.toLowerCase()).to.include(operator.address.toLowerCase());
    expect(said.get("provisional")).to.equal(String(DIGIT));
    expect(said.get("final")).to.equal(String(DIGIT));
    expect(said.get("the chain's record")).to.equal("it stands, for good");
    expect(said.get("run again")).to.equal("right");
  });

  describeInBrowser("in a browser", () => {
    let browser: Browser;
    let server: Server;
    let url = "";
    const complaints: string[] = [];

    async function open(page: string) {
      const context = await browser.newContext();
      await context.addInitScript(
        walletScript({ url: world.chain.url, account: world.chain.wallet(8).address }),
      );
      const opened = await context.newPage();
      opened.setDefaultTimeout(120_000);
      opened.on("pageerror", (error) => complaints.push(error.message));
      await opened.goto(`${url}/${page}`);
      return opened;
    }

    before(async () => {
      const place = join(project.folder, "browser-example");
      cpSync(join(ROOT, "examples", "sdk-browser"), place, { recursive: true });
      // Its own settings are those of a folder of the repository.
      writeFileSync(join(place, "tsconfig.json"), "{}");
      const { deployment } = world;
      const { releaseId, model } = digits;
      const config = { deployment, releaseId, signature: model.signature };
      writeFileSync(
        join(place, "config.js"),
        Object.entries(config)
          .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`)
          .join(""),
      );
      writeFileSync(join(place, "shown.js"), shown("In a browser"));
      const script = `import { ask } from "./shown.js"; window.ask = ask;`;
      writeFileSync(join(place, "page.html"), `<!doctype html><script type="module">${script}</script>`);
      await build({
        ...{ root: place, configFile: false, base: "./", logLevel: "silent" },
        build: {
          target: "es2023",
          rolldownOptions: { input: { index: join(place, "index.html"), page: join(place, "page.html") } },
        },
      });
      writeFileSync(join(place, "dist", "config.json"), JSON.stringify({ releaseId, deployment }));
      const port = await freePort();
      server = await serve(join(place, "dist"), port);
      url = `http://127.0.0.1:${port}`;
      browser = await startBrowser();
    });

    after(async () => {
      await browser.close();
      server.close();
    });

    it("answers as its page says", async () => {
      const page = await open("page.html");
      await page.waitForFunction("window.ask !== undefined");
      const logits = await page.evaluate<number[]>(
        "ask(new Uint8Array(64).fill(5)).then(({ logits }) => Array.from(logits))",
      );
      expect(logits).to.have.length(10);
      expect(complaints).to.deep.equal([]);
    });

    it("runs its example: a drawing becomes a final answer", async () => {
      const page = await open("index.html");
      const status = page.getByRole("status");
      await status.getByText("Ready.").waitFor();
      const box = await page.locator("canvas").boundingBox();
      if (box === null) throw new Error("no canvas");
      // A one: down the middle.
      await page.mouse.move(box.x + 120, box.y + 20);
      await page.mouse.down();
      await page.mouse.move(box.x + 120, box.y + 220, { steps: 20 });
      await page.mouse.up();
      await page.getByRole("button", { name: "Ask" }).click();
      await status.getByText(/It (is|looks like) \d/).waitFor();
      await status.getByText(/It is \d\./).waitFor();
      expect(await status.textContent()).to.equal("It is 1.");
      const happened = await page.locator("#events li").allTextContents();
      expect(happened.slice(0, 2)).to.deep.equal(["Requested", "Fulfilled"]);
      expect(complaints).to.deep.equal([]);
    });
  });
});
