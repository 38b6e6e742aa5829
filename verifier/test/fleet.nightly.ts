import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { connect } from "../../sdk/src/contracts.ts";
import { request, type RequestHandle } from "../../sdk/src/request.ts";
import type { ConfigFile } from "../src/cli/config.ts";
import { launch } from "./command.ts";
import { stateOf } from "./player.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";
import { CUT, startProxy } from "./rpc.ts";
import { until as waitUntil } from "./until.ts";
import {
  addressOf,
  exampleModel,
  pass,
  publishFile,
  stake,
  startWorld,
  type PublishedModel,
  type World,
} from "./world.ts";

const REQUESTS = 10;
const WINDOW = 900;
const PASSWORD = "of the fleet";

/** A node process, and what it logged. */
interface Member {
  readonly process: ChildProcess;
  readonly lines: string[];
}

describe("a fleet: several node processes with one key on one Postgres server", function () {
  this.timeout(280_000);
  let world: World;
  let digits: PublishedModel;
  let postgres: TestPostgres;
  const members: Member[] = [];
  const account = 3;

  before(async () => {
    world = await startWorld();
    postgres = await startPostgres();
    digits = await publishFile(world, exampleModel("digits"));
    await stake(world, account, 20n * 10n ** 18n);
    const keystore = await world.chain.wallet(account).encrypt(PASSWORD);
    writeFileSync(join(world.folder, "key.json"), keystore);
    writeFileSync(join(world.folder, "password"), PASSWORD);
    writeFileSync(join(world.folder, "deployment.json"), JSON.stringify(world.deployment));
  });

  after(async () => {
    for (const { process: child } of members) child.kill("SIGKILL");
    await postgres.stop();
    await world.stop();
  });

  /** Starts one member with a data directory of its own. */
  async function start(name: string, more: ConfigFile = {}): Promise<Member> {
    const data = join(world.folder, name);
    mkdirSync(data);
    const config = join(data, "config.json");
    const settings = {
      rpc: world.chain.url,
      deployment: join(world.folder, "deployment.json"),
      keystore: join(world.folder, "key.json"),
      passwordFile: join(world.folder, "password"),
      database: postgres.url,
      role: "operator",
      minFee: "0",
      http: "off",
      data,
      content: world.contentDirectory,
      workers: 1,
      pollMs: 250,
      logLevel: "debug",
      ...more,
    };
    writeFileSync(config, JSON.stringify(settings));
    const child = launch(["node", "--config", config]);
    const member: Member = { process: child, lines: [] };
    members.push(member);
    child.stdout?.setEncoding("utf8").on("data", (text: string) => member.lines.push(...text.split("\n")));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => member.lines.push(...text.split("\n")));
    await until("ready", () => said(member, "ready") > 0);
    return member;
  }

  function said({ lines }: Member, message: string): number {
    return lines.filter((line) => line.includes(`"msg":"${message}"`)).length;
  }

  const until = (what: string, done: () => boolean | Promise<boolean>): Promise<void> =>
    waitUntil(what, done, () => members.map(({ lines }) => lines.slice(-20).join("\n")).join("\n---\n"));

  async function ask(more: { readonly windowSeconds?: number } = {}): Promise<RequestHandle[]> {
    const wallet = world.chain.wallet(9);
    const contracts = connect(world.deployment, wallet);
    const operator = addressOf(world, account);
    const handles: RequestHandle[] = [];
    for (let i = 0; i < REQUESTS; i++) {
      const input = Uint8Array.from({ length: digits.model.inputBytes }, (_, k) => (k * i) % 17);
      const options = { releaseId: digits.releaseId, input, fee: 10n ** 15n, operator, ...more };
      handles.push(await request(contracts, `0x${wallet.address.slice(2)}`, options));
    }
    return handles;
  }

  async function areFinal(handles: readonly RequestHandle[]): Promise<boolean> {
    const states = await Promise.all(handles.map((handle) => stateOf(world, handle)));
    return states.every((state) => state === "final");
  }

  it("shares the work, sends nothing twice, and goes on when a member is killed", async () => {
    const [first, second] = await Promise.all([start("first"), start("second")]);
    const { provider } = world.chain;
    const { address } = world.chain.wallet(account);
    const nonce = await provider.getTransactionCount(address);
    const handles = await ask();
    await until("all is final", () => areFinal(handles));
    // One fulfill and one finalize each: a move sent twice would be one more.
    expect((await provider.getTransactionCount(address)) - nonce).to.equal(2 * REQUESTS);
    expect([said(first, "answered") > 0, said(second, "answered") > 0]).to.deep.equal([true, true]);

    const more = await ask();
    await until("the second answers", () => said(second, "answered") > REQUESTS / 4);
    second.process.kill("SIGKILL");
    await until("the rest is final", () => areFinal(more));
    expect((await provider.getTransactionCount(address)) - nonce).to.equal(4 * REQUESTS);
  });

  it("goes on without a member that has lost its endpoints, but not the database", async () => {
    const proxy = await startProxy(world.chain.url);
    const [deaf, other] = await Promise.all([start("deaf", { rpc: proxy.url }), start("other")]);
    const handles = await ask({ windowSeconds: WINDOW });
    const states = (): Promise<string[]> => Promise.all(handles.map((handle) => stateOf(world, handle)));
    await until("all is answered", async () => !(await states()).includes("requested"));
    expect(said(deaf, "answered")).to.be.above(0);
    // It has seen its answers: nothing of it is due, and so nothing fails.
    await sleep(5000);
    proxy.bend = () => CUT;
    await pass(world, WINDOW);
    await until("all is final", () => areFinal(handles));
    expect(deaf.process.exitCode).to.equal(null);
    for (const member of [deaf, other]) member.process.kill("SIGKILL");
    await proxy.stop();
  });

  it("announces by one member, until that one is gone, whatever the others are configured to say", async () => {
    const { provider } = world.chain;
    const { directory } = world.contracts;
    const operator = world.chain.wallet(account).address;
    const urls = ["https://third.example", "https://fourth.example"] as const;
    const said = async (): Promise<string[]> => {
      const events = await directory.queryFilter(directory.filters.EndpointsAnnounced(operator));
      return events.map(({ args }) => args.endpoints.join());
    };
    /** Longer than announcements and tries of a claim are apart. */
    const chances = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await provider.send("evm_increaseTime", [700]);
        await sleep(6000);
      }
    };
    const pair = await Promise.all([
      start("third", { publicUrl: [urls[0]] }),
      start("fourth", { publicUrl: [urls[1]] }),
    ]);
    await until("announced", async () => (await said()).length > 0);
    await chances();
    const [first, ...more] = await said();
    expect(more).to.deep.equal([]);
    const index = first === urls[0] ? 0 : 1;
    pair[index].process.kill("SIGKILL");
    await until("the other one has announced", async () => (await said()).length > 1);
    await chances();
    expect(await said()).to.deep.equal([urls[index], urls[1 - index]]);
  });
});
