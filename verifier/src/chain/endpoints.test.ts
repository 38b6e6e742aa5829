import { expect } from "chai";
import type { ServerResponse } from "node:http";
import { Transaction, toQuantity } from "ethers";
import { connect } from "../../../sdk/src/contracts.ts";
import { asRevert, revertName } from "../../../sdk/src/revert.ts";
import { toHex } from "../../../sdk/src/structs.ts";
import { codeOf, failureOf } from "../../test/failure.ts";
import {
  CUT,
  recordLog,
  STALL,
  startPipe,
  startProxy,
  type Pipe,
  type Proxy,
  type Trick,
} from "../../test/rpc.ts";
import { soon } from "../../test/until.ts";
import { startWorld, testLog, type World } from "../../test/world.ts";
import { createEndpoints, type Endpoints, type EndpointsOptions } from "./endpoints.ts";
import { agreedTip } from "../economics/feePerGas.ts";
import { agreedReadings } from "./outbox/readings.ts";
import { createAgreedProvider, createProvider } from "./provider.ts";

const CHAIN = 31337;

function status(code: number, headers: Record<string, string> = {}, body = ""): Trick {
  return { respond: (response: ServerResponse) => void response.writeHead(code, headers).end(body) };
}

describe("endpoints", function () {
  this.timeout(60_000);
  let world: World;
  let first: Proxy;
  let second: Proxy;
  let third: Proxy;
  const opened: Endpoints[] = [];
  const pipes: Pipe[] = [];

  before(async () => {
    world = await startWorld({ blockSeconds: 0 });
  });
  beforeEach(async () => {
    [first, second, third] = await Promise.all([
      startProxy(world.chain.url),
      startProxy(world.chain.url),
      startProxy(world.chain.url),
    ]);
  });
  afterEach(async () => {
    for (const endpoints of opened.splice(0)) endpoints.close();
    await Promise.all([first, second, third, ...pipes.splice(0)].map((server) => server.stop()));
  });
  after(() => world.stop());

  function open(urls: readonly string[], more: Partial<EndpointsOptions> = {}): Endpoints {
    const endpoints = createEndpoints({ urls, chainId: CHAIN, log: testLog, ...more });
    opened.push(endpoints);
    return endpoints;
  }

  /** Everything but the check of the chain. */
  function only(trick: Trick | ((method: string) => Trick | undefined)): Proxy["bend"] {
    return ({ method }) => {
      if (method === "eth_chainId") return undefined;
      return typeof trick === "function" ? trick(method) : trick;
    };
  }

  const asked = (proxy: Proxy, method: string): number =>
    proxy.calls.filter((call) => call.method === method).length;

  describe("failover", () => {
    const faults: readonly (readonly [string, Trick])[] = [
      ["that stalls", STALL],
      [
        "that drips for ever",
        {
          respond: (response) => {
            const timer = setInterval(() => response.write(" "), 50);
            response.on("close", () => clearInterval(timer));
          },
        },
      ],
      ["with a huge body", { respond: (response) => void response.end(`{"x":"${"a".repeat(3_000_000)}"}`) }],
      ["that speaks no JSON", status(200, {}, "<html>hello</html>")],
      ["that speaks JSON, but no JSON-RPC", status(200, {}, '{"ok":true}')],
      ["that answers another request", status(200, {}, '{"jsonrpc":"2.0","id":-5,"result":"0x1"}')],
      ["that hangs up", { respond: (response) => void response.destroy() }],
      ["with an internal error", { error: { code: -32603, message: "Internal error" } }],
      ["without the method", { error: { code: -32601, message: "the method does not exist" } }],
      ["with HTTP 429", status(429, { "retry-after": "30" })],
      ["with HTTP 503", status(503, {}, "overloaded")],
      ["that redirects", status(307, { location: "http://127.0.0.1:1/" })],
      ["with -32005", { error: { code: -32005, message: "limit exceeded" } }],
    ];
    for (const [what, trick] of faults)
      it(`leaves an endpoint ${what}`, async () => {
        first.bend = only(trick);
        const endpoints = open([first.url, second.url], { timeoutMs: 600, maxResponseBytes: 2 ** 20 });
        expect(await endpoints.send("eth_getBlockByNumber", ["0x0", false])).to.have.property(
          "number",
          "0x0",
        );
        expect(asked(second, "eth_getBlockByNumber")).to.equal(1);
      });

    it("asks the next beside an endpoint that is slow, long before its time limit", async () => {
      first.bend = only(STALL);
      const endpoints = open([first.url, second.url], { timeoutMs: 120_000 });
      expect(await endpoints.send("eth_getBlockByNumber", ["0x0", false])).to.have.property("number", "0x0");
      expect([first, second].map((proxy) => asked(proxy, "eth_getBlockByNumber"))).to.deep.equal([1, 1]);
    });

    it("rests a bad endpoint, and comes back to it when it has recovered", async () => {
      first.bend = () => CUT;
      const { log, lines } = recordLog();
      const endpoints = open([first.url, second.url], { log });
      for (let i = 0; i < 5; i++) await endpoints.send("eth_blockNumber", []);
      expect(asked(second, "eth_blockNumber")).to.equal(5);
      expect(endpoints.status()[0]?.healthy).to.equal(false);
      const tries = first.calls.length;
      expect(tries).to.be.lessThan(4);
      await soon(() => lines.some(({ msg }) => String(msg).includes("rests")));
      first.bend = undefined;
      second.bend = () => CUT;
      await soon(() => endpoints.status()[0]?.healthy === true);
      await endpoints.send("eth_blockNumber", []);
      expect(endpoints.status()[0]?.failures).to.be.greaterThan(2);
      expect(lines.filter(({ msg }) => String(msg).includes("rests")).length).to.be.lessThan(3);
    });

    it("says so when nobody answers", async () => {
      for (const proxy of [first, second]) proxy.bend = only(STALL);
      const endpoints = open([first.url, second.url], { timeoutMs: 200 });
      expect(await codeOf(endpoints.send("eth_blockNumber", []))).to.equal("TIMED_OUT");
      const nobody = open(["http://127.0.0.1:1"]);
      expect(await codeOf(nobody.send("eth_blockNumber", []))).to.equal("RPC_FAILED");
    });

    it("tells no secrets of its URLs", async () => {
      const { log, lines } = recordLog();
      const url = `${first.url.replace("http://", "http://me:secret@")}/secret?key=secret`;
      first.bend = () => status(403, {}, "no");
      const endpoints = open([url, `${url}/secret`], { log });
      const failures: unknown[] = [];
      for (let i = 0; i < 8; i++) failures.push(await failureOf(endpoints.send("eth_blockNumber", [])));
      await soon(() => lines.length > 1);
      const told = JSON.stringify([lines, endpoints.status(), failures, failures.map(String)]);
      expect(told).not.to.include("secret");
    });
  });

  describe("of another chain", () => {
    it("are not used", async () => {
      first.bend = ({ method }) => (method === "eth_chainId" ? { change: () => "0x1" } : undefined);
      const { log, lines } = recordLog();
      const endpoints = open([first.url, second.url], { log });
      for (let i = 0; i < 3; i++) await endpoints.send("eth_blockNumber", []);
      expect(await endpoints.agreed("eth_getBlockByNumber", ["0x0", false])).to.have.property(
        "number",
        "0x0",
      );
      expect(first.calls.map(({ method }) => method)).to.deep.equal(["eth_chainId"]);
      expect(endpoints.status()[0]?.servesOtherChain).to.equal(true);
      expect(lines.filter((line) => line["kind"] === "foreign")).to.have.length(1);
    });

    it("end the start if there are no others", async () => {
      first.bend = ({ method }) => (method === "eth_chainId" ? { change: () => "0x1" } : undefined);
      expect(await codeOf(open([first.url]).send("eth_blockNumber", []))).to.equal("WRONG_CHAIN");
    });

    it("are noticed when an endpoint comes back as another", async () => {
      const endpoints = open([first.url, second.url]);
      await endpoints.send("eth_blockNumber", []);
      first.bend = ({ method }) =>
        method === "eth_chainId"
          ? { change: () => "0x1" }
          : { respond: (response) => void response.destroy() };
      await endpoints.send("eth_blockNumber", []);
      await soon(() => endpoints.status()[0]?.servesOtherChain === true);
    });
  });

  describe("as a provider", () => {
    it("takes a rate limit for no revert", async () => {
      const limits: Trick[] = [
        status(429),
        { error: { code: -32005, message: "limit exceeded" } },
        { error: { code: 429, message: "Your app has exceeded its compute units per second capacity" } },
        { error: { code: -32000, message: "daily request count exceeded, request rate limited" } },
        { error: { code: -32603, message: "Internal error" } },
      ];
      for (const trick of limits) {
        first.bend = only((method) => (/^eth_(call|estimateGas)$/.test(method) ? trick : undefined));
        const provider = createProvider(open([first.url, second.url]));
        const { market, vault } = connect(world.deployment, provider);
        expect((await market.parameters()).minWindow).to.be.greaterThan(0n);
        const from = world.chain.wallet(1).address;
        expect(await vault.deposit.estimateGas({ value: 1n, from })).to.be.greaterThan(21_000n);
        // Alone it is a failure that may pass, and still no revert.
        first.calls.length = 0;
        const alone = createProvider(open([first.url], { timeoutMs: 300 }));
        const failure = await failureOf(connect(world.deployment, alone).market.parameters());
        expect(failure).to.include({ code: "RPC_FAILED", retryable: true });
        expect(asRevert("it", failure)).to.equal(undefined);
      }
    });

    it("takes a revert from two that tell of it, with any words, and not from one", async () => {
      const provider = createProvider(open([first.url, second.url]));
      const { vault } = connect(world.deployment, provider);
      const from = world.chain.wallet(1).address;
      const failure = await failureOf(vault.withdraw.staticCall(10n, from, { from }));
      expect(revertName(asRevert("withdraw", failure))).to.equal("InsufficientFree");
      // A contract may call itself rate limited: Error(string) with "rate limit exceeded".
      const reason = Buffer.from("rate limit exceeded");
      const words = [reason.length.toString(16).padStart(64, "0"), reason.toString("hex").padEnd(64, "0")];
      const data = `0x08c379a0${"20".padStart(64, "0")}${words.join("")}`;
      const error = { code: 3, message: "execution reverted: rate limit exceeded", data };
      first.bend = only((method) => (method === "eth_call" ? { error } : undefined));
      expect((await vault.accountOf(from)).lockedWei).to.equal(0n);
      second.bend = first.bend;
      expect(asRevert("it", await failureOf(vault.accountOf(from)))).to.include({ code: "REVERTED" });
      const alone = connect(world.deployment, createProvider(open([first.url]))).vault;
      expect(asRevert("it", await failureOf(alone.accountOf(from)))).to.include({ code: "REVERTED" });
    });

    it("broadcasts to all, and is content with one that takes it", async () => {
      const endpoints = open([first.url, second.url, third.url], { timeoutMs: 500 });
      const provider = createProvider(endpoints);
      const wallet = world.chain.wallet(2).connect(provider);
      first.bend = only(STALL);
      second.bend = only((method) =>
        method === "eth_sendRawTransaction"
          ? { error: { code: -32000, message: "already known" } }
          : undefined,
      );
      const sent = await wallet.sendTransaction({
        to: wallet.address,
        value: 1n,
        nonce: 0,
        gasLimit: 21_000n,
      });
      await soon(() => asked(third, "eth_sendRawTransaction") === 1);
      expect(asked(first, "eth_sendRawTransaction") + asked(second, "eth_sendRawTransaction")).to.equal(2);
      await soon(async () => (await provider.getTransactionReceipt(sent.hash))?.status === 1);
      // The same again: the chain's own word, from all of them.
      second.bend = first.bend = undefined;
      const raw = Transaction.from(
        await wallet.signTransaction({ ...sent.toJSON(), from: null } as object),
      ).serialized;
      const failure = await failureOf(endpoints.broadcast(toHex(Buffer.from(raw.slice(2), "hex"))));
      expect(failure).to.include({ code: "RPC_FAILED", retryable: false });
    });
  });

  describe("agreement", () => {
    const lie: Proxy["bend"] = ({ method }) =>
      method === "eth_getBalance" ? { change: () => "0xdead" } : undefined;
    const question = (): readonly [string, unknown[]] => [
      "eth_getBalance",
      [world.chain.wallet(3).address, "latest"],
    ];

    it("of two endpoints is needed", async () => {
      const { log, lines } = recordLog();
      const endpoints = open([first.url, second.url], { log });
      const truth = await endpoints.agreed(...question());
      first.bend = lie;
      for (let i = 0; i < 4; i++)
        expect(await codeOf(endpoints.agreed(...question()))).to.equal("ENDPOINTS_DISAGREE");
      const told = (): number => lines.filter(({ msg }) => String(msg).includes("contradict")).length;
      expect(told()).to.equal(1);
      first.bend = undefined;
      expect(await endpoints.agreed(...question())).to.equal(truth);
      second.bend = lie;
      expect(await codeOf(endpoints.agreed(...question()))).to.equal("ENDPOINTS_DISAGREE");
      expect(told()).to.equal(2);
    });

    it("of two among three outvotes a liar, which then rests", async () => {
      first.bend = lie;
      const endpoints = open([first.url, second.url, third.url]);
      expect(await endpoints.agreed(...question())).to.equal(toQuantity(10_000n * 10n ** 18n));
      expect(endpoints.status().map(({ healthy }) => healthy)).to.deep.equal([false, true, true]);
    });

    it("is needed again once an endpoint that was down for long is back", async () => {
      const clock = Date.now;
      const later = (): void => {
        const now = Date.now;
        Date.now = () => now() + 31_000;
      };
      const { log, lines } = recordLog();
      const endpoints = open([first.url, second.url], { log });
      first.bend = only(CUT);
      try {
        for (let i = 0; i < 2; i++)
          expect(await codeOf(endpoints.agreed(...question()))).to.equal("RPC_FAILED");
        later();
        for (let i = 0; i < 3; i++) await endpoints.agreed(...question());
        await soon(() => endpoints.status()[0]?.healthy === false);
        first.bend = undefined;
        later();
        await soon(() => endpoints.status()[0]?.healthy === true);
        await soon(async () => {
          await endpoints.agreed(...question());
          return lines.some(({ msg }) => String(msg).includes("each other again"));
        });
        second.bend = lie;
        expect(await codeOf(endpoints.agreed(...question()))).to.equal("ENDPOINTS_DISAGREE");
      } finally {
        Date.now = clock;
      }
    });

    it("does not depend on the case of hex digits, the order of keys, or fields that are null", async () => {
      const shout = (block: Record<string, unknown>): Record<string, unknown> => {
        const [hash, fields] = [`0x${String(block["hash"]).slice(2).toUpperCase()}`, Object.entries(block)];
        return { extra: null, ...Object.fromEntries(fields.reverse()), hash };
      };
      first.bend = ({ method }) =>
        method === "eth_getBlockByNumber"
          ? { change: (block) => shout(block as Record<string, unknown>) }
          : undefined;
      const block = await open([first.url, second.url]).agreed("eth_getBlockByNumber", ["0x1", false]);
      expect(block).to.have.property("number", "0x1");
    });

    it("outlasts a failure that passes, of both endpoints at different times", async () => {
      const failing = (proxy: Proxy): void => {
        proxy.bend = only(() => (asked(proxy, "eth_getBlockByNumber") === 1 ? CUT : undefined));
      };
      failing(first);
      failing(second);
      const endpoints = open([first.url, second.url]);
      expect(await endpoints.agreed("eth_getBlockByNumber", ["0x0", false])).to.have.property(
        "number",
        "0x0",
      );
      expect(asked(first, "eth_getBlockByNumber") + asked(second, "eth_getBlockByNumber")).to.equal(4);
    });

    it("asks beside a question that is not answered, long before its time limit", async () => {
      first.bend = only(() => (asked(first, "eth_getTransactionCount") % 2 === 1 ? STALL : undefined));
      const endpoints = open([first.url, second.url], { timeoutMs: 600_000 });
      const params = [world.deployment.addresses.vault, "latest"];
      const read = (result: unknown): bigint => BigInt(String(result));
      const counted = await endpoints.reached("nonce", "eth_getTransactionCount", params, read);
      expect(await endpoints.agreed("eth_getTransactionCount", params)).to.equal(toQuantity(counted));
      expect(asked(first, "eth_getTransactionCount")).to.equal(4);
    });

    it("gives an endpoint that wants fewer requests the pause that it asks for", async () => {
      first.bend = only(() =>
        asked(first, "eth_getBlockByNumber") === 1 ? status(429, { "retry-after": "5" }) : undefined,
      );
      const endpoints = open([first.url, second.url]);
      expect(await endpoints.agreed("eth_getBlockByNumber", ["0x0", false])).to.have.property(
        "number",
        "0x0",
      );
      expect(asked(first, "eth_getBlockByNumber")).to.equal(2);
    });

    it("asks the third while the first is asked again", async () => {
      first.bend = only(STALL);
      const endpoints = open([first.url, second.url, third.url], { timeoutMs: 600_000 });
      expect(await endpoints.agreed("eth_getBlockByNumber", ["0x0", false])).to.have.property(
        "number",
        "0x0",
      );
      expect(asked(third, "eth_getBlockByNumber")).to.equal(1);
    });

    it("waits for an endpoint that is behind, without calling it a liar", async () => {
      first.bend = ({ method }) => (method === "eth_getBlockByNumber" ? { change: () => null } : undefined);
      const { log, lines } = recordLog();
      const endpoints = open([first.url, second.url], { log });
      expect(await codeOf(endpoints.agreed("eth_getBlockByNumber", ["0x1", false]))).to.equal("RPC_FAILED");
      expect(await endpoints.agreed("eth_getBlockByNumber", ["0xffffff", false])).to.equal(null);
      expect(lines.filter(({ msg }) => String(msg).includes("contradict"))).to.have.length(0);
    });

    it("demands a quorum that is possible", async () => {
      expect(await codeOf(Promise.resolve().then(() => open([first.url], { quorum: 2 })))).to.equal(
        "BAD_CONFIG",
      );
      expect(await codeOf(Promise.resolve().then(() => open([])))).to.equal("BAD_CONFIG");
    });

    it("takes the height that enough endpoints have reached", async () => {
      const truth = await world.chain.provider.getBlockNumber();
      const tall: Proxy["bend"] = ({ method, params }) =>
        method === "eth_getBlockByNumber" && params[0] === "latest"
          ? { change: (block) => ({ ...(block as object), number: "0xffffffff" }) }
          : undefined;
      first.bend = tall;
      expect(await open([first.url, second.url]).head()).to.have.property("number", truth);
      second.bend = only(STALL);
      expect(await open([second.url, first.url, third.url], { timeoutMs: 500 }).head()).to.have.property(
        "number",
        truth,
      );
    });
  });

  describe("what is reached", () => {
    const ask = (endpoints: Endpoints): Promise<bigint> =>
      endpoints.reached("balance", "eth_getBalance", [world.chain.wallet(3).address, "latest"], (result) =>
        BigInt(String(result)),
      );
    const say = (amount: string): Proxy["bend"] =>
      only((method) => (method === "eth_getBalance" ? { result: amount } : undefined));

    it("is what enough endpoints say at least", async () => {
      const endpoints = open([first.url, second.url, third.url]);
      const truth = await ask(endpoints);
      for (const lie of ["0x0", "0xffffffffffffffffffffffff"])
        for (const proxy of [first, second, third]) {
          proxy.bend = say(lie);
          expect(await ask(endpoints)).to.equal(truth);
          proxy.bend = undefined;
        }
    });

    it("is one endpoint's word where that is enough", async () => {
      first.bend = say("0x7");
      expect(await ask(open([first.url, second.url], { quorum: 1 }))).to.equal(7n);
      expect(await ask(open([second.url, first.url]))).to.equal(7n);
    });

    it("needs enough answers", async () => {
      first.bend = only(CUT);
      expect(await codeOf(ask(open([first.url, second.url])))).to.equal("RPC_FAILED");
    });
  });

  describe("what decides money", () => {
    const from = (): string => world.chain.wallet(1).address;
    const parametersOf = (endpoints: Endpoints): Promise<{ minWindow: bigint }> =>
      connect(world.deployment, createAgreedProvider(endpoints)).market.parameters();

    it("of what contracts say is what enough endpoints say", async () => {
      const { minWindow } = await parametersOf(open([third.url]));
      expect(minWindow > 0n).to.equal(true);
      for (const proxy of [first, second, third]) {
        proxy.bend = only((method) =>
          method === "eth_call" ? { result: `0x${"00".repeat(512)}` } : undefined,
        );
        const endpoints = open([first.url, second.url, third.url]);
        expect((await parametersOf(endpoints)).minWindow).to.equal(minWindow);
        proxy.bend = undefined;
      }
      first.bend = only((method) =>
        method === "eth_call" ? { result: `0x${"00".repeat(512)}` } : undefined,
      );
      expect(await codeOf(parametersOf(open([first.url, second.url])))).to.equal("ENDPOINTS_DISAGREE");
    });

    it("is read at a block that enough have, and again where one is late", async () => {
      const number = toQuantity(await world.chain.provider.getBlockNumber());
      // One is behind by its own word; whichever is asked first, without knowing.
      let late = 0;
      const lateOnce: Proxy["bend"] = ({ method }) =>
        method === "eth_call" && late++ === 0
          ? { error: { code: -32000, message: "header not found" } }
          : undefined;
      second.bend = third.bend = lateOnce;
      first.bend = (call) =>
        call.method === "eth_getBlockByNumber" && call.params[0] === "latest"
          ? { change: (block) => ({ ...(block as object), number: "0x1" }) }
          : lateOnce(call);
      await parametersOf(open([first.url, second.url, third.url]));
      const tags = (proxy: Proxy): unknown[] =>
        proxy.calls.filter(({ method }) => method === "eth_call").map(({ params }) => params[1]);
      expect(late).to.be.greaterThan(0);
      for (const tag of [first, second, third].flatMap(tags)) expect(tag).to.equal(number);
    });

    it("of tips can be neither driven up by one nor, of three, down", async () => {
      const honest = open([third.url]);
      const tips = (endpoints: Endpoints): Promise<unknown[]> => {
        const readings = agreedReadings(endpoints, toHex(Buffer.from(from().slice(2), "hex")));
        return Promise.all([agreedTip(endpoints), readings.tip("move"), readings.tip("routine")]);
      };
      const truth = await tips(honest);
      for (const tip of ["0x0", toQuantity(10n ** 15n)])
        for (const proxy of [first, second, third]) {
          proxy.bend = only((method) =>
            method === "eth_maxPriorityFeePerGas"
              ? { result: tip }
              : method === "eth_feeHistory"
                ? { result: { reward: [[tip]], gasUsedRatio: [1] } }
                : undefined,
          );
          expect(await tips(open([first.url, second.url, third.url]))).to.deep.equal(truth);
          if (tip !== "0x0" && proxy !== third)
            expect(await tips(open([proxy.url, third.url]))).to.deep.equal(truth);
          proxy.bend = undefined;
        }
    });
  });

  describe("over a WebSocket", () => {
    async function openPipe(more: Partial<EndpointsOptions> = {}): Promise<[Pipe, Endpoints]> {
      const pipe = await startPipe(world.chain.url);
      pipes.push(pipe);
      return [pipe, open([pipe.url], more)];
    }

    it("asks, and hears of new heads at once", async () => {
      const [, endpoints] = await openPipe();
      let heads = 0;
      endpoints.onHead(() => heads++);
      await endpoints.send("eth_blockNumber", []);
      await world.chain.provider.send("evm_mine", []);
      await soon(() => heads > 0);
      expect(endpoints.status()[0]?.height).to.equal(await world.chain.provider.getBlockNumber());
    });

    it("connects again after a drop, checks the chain, and still hears of heads", async () => {
      const [pipe, endpoints] = await openPipe();
      let heads = 0;
      endpoints.onHead(() => heads++);
      await endpoints.send("eth_blockNumber", []);
      pipe.cut();
      await soon(async () => (await codeOf(endpoints.send("eth_blockNumber", []))) === "none");
      expect(pipe.opened()).to.be.greaterThan(1);
      const before = heads;
      await soon(async () => {
        await world.chain.provider.send("evm_mine", []);
        return heads > before;
      });
    });

    it("survives garbage, messages to nobody, and long ones", async () => {
      const [pipe, endpoints] = await openPipe({ maxResponseBytes: 100_000 });
      await endpoints.send("eth_blockNumber", []);
      pipe.inject('{"jsonrpc":"2.0","id":987654,"result":"0x1"}');
      pipe.inject(
        '{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x0","result":{}}}',
      );
      expect(await endpoints.send("eth_chainId", [])).to.equal("0x7a69");
      expect(pipe.opened()).to.equal(1);
      for (const message of ["}{", "a".repeat(200_000)]) {
        const count = pipe.opened();
        pipe.inject(message);
        await soon(async () => {
          await endpoints.send("eth_chainId", []).catch(() => undefined);
          return pipe.opened() > count;
        });
      }
      await soon(async () => (await endpoints.send("eth_chainId", []).catch(() => "")) === "0x7a69");
    });

    it("gives a connection up on which nothing comes any more", async () => {
      const [pipe, endpoints] = await openPipe({ timeoutMs: 300 });
      await endpoints.send("eth_blockNumber", []);
      pipe.frozen = true;
      expect(await codeOf(endpoints.send("eth_blockNumber", []))).to.equal("TIMED_OUT");
      pipe.frozen = false;
      await soon(async () => (await endpoints.send("eth_chainId", []).catch(() => "")) === "0x7a69");
      expect(pipe.opened()).to.be.greaterThan(1);
    });
  });
});
