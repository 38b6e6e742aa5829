/** A chain with a model, an honest node that serves the pages, a liar who has been judged, and a browser to look at it all. */
import { join, resolve } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { connect } from "../../sdk/src/contracts.ts";
import { disputeIdOf } from "../../sdk/src/ids.ts";
import type { ReceiptFile } from "../../sdk/src/infer/wire.ts";
import { digestOf } from "../../sdk/src/receipts.ts";
import { request, type RequestHandle } from "../../sdk/src/request.ts";
import { address, bytes32, type Hex } from "../../sdk/src/structs.ts";
import { startNode, type RunningNode } from "../../verifier/src/node.ts";
import { corruptOperator } from "../../verifier/test/corrupt.ts";
import { placeOf } from "../../verifier/test/buyer.ts";
import { CHECKS_ALL, nodeOptions, stateOf } from "../../verifier/test/player.ts";
import { buyReceipt, fillLine, handTo, RESERVE, startReceiptLiar } from "../../verifier/test/receipts.ts";
import { until } from "../../verifier/test/until.ts";
import {
  exampleModel,
  publishFile,
  stake,
  startWorld,
  type PublishedModel,
  type World,
} from "../../verifier/test/world.ts";
import { startBrowser } from "./browser.ts";
import { walletScript, type TestWallet } from "./wallet.ts";

export const ROOT = resolve(import.meta.dirname, "..", "..");
/** Where pictures of the pages are left, if it is named. */
const PICTURES = process.env["ASSAY_PICTURES"];
const STAKE = 10n ** 18n;
const FEE = 10n ** 16n;
const PRICE = 10n ** 15n;
const WAIT_MS = 120_000;
/** Of receipts. */
const BOND_CLASS = 4;
/** Of the wallet in the browser. */
export const VISITOR = 8;

export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** The visitor's, unless told otherwise; none if absent. */
  readonly wallet?: Partial<TestWallet>;
}

export interface Stage {
  readonly world: World;
  readonly digits: PublishedModel;
  /** Serves the pages, answers and verifies. */
  readonly node: RunningNode;
  readonly liar: RunningNode;
  /** Answered rightly, and final. */
  readonly honest: RequestHandle;
  /** Answered by the liar, and overturned. */
  readonly disputed: RequestHandle;
  readonly disputeId: Hex;
  /** Issued by the liar over HTTP, and overturned. */
  readonly wrong: ReceiptFile;
  /** Digests of receipts of another operator whose challenges wait in line, the next first. */
  readonly waiting: readonly Hex[];
  /** Scripts' errors and refusals of the content security policy, on any page. */
  readonly complaints: string[];
  readonly open: (look?: Look) => Promise<Page>;
  readonly picture: (page: Page, name: string) => Promise<void>;
  /** Asks as a dapp would. */
  readonly ask: (
    operator: Pick<RunningNode, "address">,
    seed: number,
    windowSeconds: number,
  ) => Promise<RequestHandle>;
  readonly strike: () => Promise<void>;
}

/** Connects the wallet of a page that has one. */
export async function connectWallet(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Connect wallet" }).click();
  await page.getByRole("button", { name: "Test wallet" }).click();
}

interface Theatre {
  readonly world: World;
  readonly browser: Browser;
  readonly nodes: RunningNode[];
  readonly contexts: BrowserContext[];
  readonly complaints: string[];
}

async function openPage({ browser, contexts, complaints, world }: Theatre, look: Look): Promise<Page> {
  const { width = 1280, height = 900, dark = false, wallet } = look;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    ...(width < 500 ? { hasTouch: true, isMobile: true, deviceScaleFactor: 2 } : {}),
  });
  contexts.push(context);
  const { url } = world.chain;
  if (wallet !== undefined)
    await context.addInitScript(
      walletScript({ url, account: world.chain.wallet(VISITOR).address, ...wallet }),
    );
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  return page;
}

async function play(theatre: Theatre): Promise<Omit<Stage, "strike">> {
  const { world, nodes, complaints } = theatre;
  const digits = await publishFile(world, exampleModel("digits"));
  await stake(world, 1, STAKE);
  const { releaseId } = digits;
  const node = await startNode({
    ...nodeOptions(world, 1),
    operator: { serve: [releaseId], minFee: PRICE },
    ...CHECKS_ALL,
    announce: { endpoints: ["https://operator.example"] },
    http: { host: "127.0.0.1", port: 0 },
  });
  nodes.push(node);
  const lies = corruptOperator({ instruction: 3, byte: 102 });
  await stake(world, 2, STAKE);
  const liar = await startReceiptLiar(world, 2, digits, BOND_CLASS, lies);
  nodes.push(liar);
  await Promise.all([node.ready, liar.ready]);

  const ask: Stage["ask"] = (operator, seed, windowSeconds) => {
    const wallet = world.chain.wallet(9);
    const input = Uint8Array.from({ length: 64 }, (_, i) => (i * seed + 3) % 17);
    return request(connect(world.deployment, wallet), address.parse(wallet.address), {
      ...{ releaseId, input, fee: FEE, windowSeconds },
      operator: operator.address,
    });
  };

  const honest = await ask(node, 5, 10);
  const disputed = await ask(liar, 7, 900);
  await until("the lie is overturned", async () => (await stateOf(world, disputed)) === "overturned");
  await until("the honest answer is final", async () => (await stateOf(world, honest)) === "final");
  const { receiptsVault } = connect(world.deployment, world.chain.wallet(1));
  await (await receiptsVault.deposit({ value: STAKE })).wait();
  const wrong = await buyReceipt(world, 6, liar, digits);
  await handTo(node, wrong);
  const { receipts } = world.contracts;
  const overturned = async (): Promise<boolean> =>
    (await receipts.reserveOf(liar.address)).reserveWei < RESERVE;
  await until("the wrong receipt is overturned", overturned);
  const line = await fillLine(world, digits, { operator: 4, challenger: 3, waiting: 2 });
  const { market } = world.contracts;
  const [answer] = await market.queryFilter(market.filters.Fulfilled(disputed.requestId));
  const resultId = bytes32.parse(answer?.args.resultId);
  return {
    ...{ world, digits, node, liar, honest, disputed, complaints, ask },
    disputeId: disputeIdOf(resultId, node.address),
    wrong,
    waiting: line.slice(-2).map((receipt) => digestOf(placeOf(world), "Receipt", receipt)),
    open: (look = {}) => openPage(theatre, look),
    async picture(page, name) {
      if (PICTURES !== undefined)
        await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
    },
  };
}

export async function setStage(): Promise<Stage> {
  await build({ configFile: join(ROOT, "explorer", "vite.config.ts"), logLevel: "warn" });
  const browser = await startBrowser();
  const world = await startWorld();
  const theatre: Theatre = { world, browser, nodes: [], contexts: [], complaints: [] };
  async function strike(): Promise<void> {
    for (const context of theatre.contexts) await context.close();
    await browser.close();
    await Promise.all(theatre.nodes.map((each) => each.stop()));
    await world.stop();
  }
  try {
    return { ...(await play(theatre)), strike };
  } catch (error) {
    await strike();
    throw error;
  }
}
