/** `assay infer`: an answer over HTTP, with a receipt, paid by a voucher. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { formatEther } from "ethers";
import { decodeOutput } from "../../../sdk/src/decode.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { createInferenceClient, type InferenceClient } from "../../../sdk/src/infer/client.ts";
import { RECEIPT_VALIDITY } from "../../../sdk/src/receipts.ts";
import { fileStore } from "../../../sdk/src/infer/fileStore.ts";
import { audit } from "../../../sdk/src/infer/sample.ts";
import { toJson } from "../../../sdk/src/infer/wire.ts";
import { readRelease } from "../../../sdk/src/release.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";
import { parseSignature, type Signature } from "../../../sdk/src/tensor.ts";
import { ether } from "../economics/ether.ts";
import { ensureDirectory } from "../ensureDirectory.ts";
import { createExchange } from "../http/exchange.ts";
import { parseNumber, readFile, readInput } from "./arguments.ts";
import { DEFAULTS, type Config } from "./config.ts";
import { withContent } from "./content.ts";
import { EXIT, note, print, type Row } from "./output.ts";
import { terminalProgress, type Progress } from "./progress.ts";
import { challengeText } from "./receipt.ts";
import { prepareRelease } from "./release.ts";
import { accountOf, addressOf, etherOf, idOf, openSession, withChain, type Session } from "./session.ts";
import { openWallet } from "./signer.ts";

interface InferFlags {
  readonly input?: string;
  readonly raw?: string;
  readonly signature?: string;
  readonly operator?: string;
  readonly endpoint?: string;
  readonly maxPrice?: string;
  readonly timeout: number;
  readonly payer?: string;
  readonly audit?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** Where vouchers and receipts of this machine's clients are kept; made if it is not there. @throws {AssayError} BAD_CONFIG */
export function inferenceDirectory({ data }: Config): string {
  const directory = join(data ?? DEFAULTS.data, "inference");
  ensureDirectory(directory, "directory of vouchers and receipts", "--data", 0o700);
  return directory;
}

/** The keystore whose key signs orders and vouchers. @throws {AssayError} BAD_CONFIG */
export function payerOf({ keystore }: Config, payer: string | undefined): string {
  const path = payer ?? keystore;
  if (path !== undefined) return path;
  throw new AssayError(
    "BAD_CONFIG",
    "orders and vouchers are signed with a keystore: give --payer (`assay key new` makes one); a remote signer signs transactions alone",
  );
}

async function signatureOf(
  { config, contracts, provider }: Session,
  releaseId: Hex,
  file: string | undefined,
  progress: Progress,
): Promise<Signature> {
  if (file !== undefined) {
    let json: unknown;
    try {
      json = JSON.parse(readFile(file).toString());
    } catch (cause) {
      if (cause instanceof AssayError) throw cause;
      throw new AssayError("BAD_CONFIG", `${file} is not JSON`, { cause });
    }
    return parseSignature(json);
  }
  const record = await readRelease(contracts, provider, releaseId);
  return (await prepareRelease(config, record, progress)).model.signature;
}

function inputOf({ input, raw }: InferFlags, signature: Signature): Uint8Array {
  if (raw !== undefined) return new Uint8Array(readFile(raw));
  if (input !== undefined) return readInput(input, signature);
  throw new AssayError("BAD_CONFIG", "give --input (JSON) or --raw (bytes)");
}

/** Who could be paid, for whoever has paid nobody yet. */
async function suggest(client: InferenceClient, releaseId: Hex): Promise<void> {
  const { operators } = await client.operators(releaseId);
  if (operators.length === 0) return note("nobody announces answers of this release over HTTP");
  note("who answers this release over HTTP, cheapest first:");
  for (const { operator, terms, bondWei, coverWei, overturned } of operators.slice(0, 10))
    note(
      `  ${operator}: ${ether(terms.amount)} an answer, bond ${ether(bondWei)} of ${ether(coverWei)} free, ${overturned} overturned`,
    );
  note("deposit for one of them: assay deposit add OPERATOR ETHER");
}

/** What to do if the operator counts more as owed than is known here. */
function explainDebt({ details }: AssayError): void {
  const { operator, owedWei, obtainedWei } = details;
  if (typeof owedWei !== "bigint" || typeof obtainedWei !== "bigint" || owedWei <= obtainedWei) return;
  note(
    `if that is true, as after a loss of the data directory: assay deposit acknowledge ${String(operator)} ${formatEther(owedWei)}`,
  );
}

async function infer(id: string, flags: InferFlags, command: Command): Promise<void> {
  const releaseId = idOf(id, "a release");
  const session = await openSession(command);
  const { config, contracts, provider } = session;
  const progress = terminalProgress();
  const signature = await signatureOf(session, releaseId, flags.signature, progress);
  const input = inputOf(flags, signature);
  const account = await accountOf(config, undefined);
  const wallet = await openWallet(payerOf(config, flags.payer), config);
  const { exchange, close } = createExchange(config.allowPrivateContent ?? false);
  const store = await fileStore(inferenceDirectory(config));
  try {
    await store.forget(Math.floor(Date.now() / 1000) - RECEIPT_VALIDITY);
    const client = await createInferenceClient(contracts, wallet, {
      ...{ provider, store, exchange, client: account },
      allowPrivate: config.allowPrivateContent ?? false,
    });
    const answered = await progress("waiting for the answer", () =>
      client.infer({
        ...{ releaseId, signature, input, timeoutSeconds: flags.timeout },
        ...(flags.operator === undefined ? {} : { operator: addressOf(flags.operator) }),
        ...(flags.endpoint === undefined ? {} : { endpoint: flags.endpoint }),
        ...(flags.maxPrice === undefined ? {} : { maxPriceWei: etherOf(flags.maxPrice, "the price") }),
      }),
    ).catch(async (error: unknown) => {
      const unpaid = error instanceof AssayError && error.code === "PAYMENT_REQUIRED";
      if (unpaid) explainDebt(error);
      if (unpaid && flags.operator === undefined) await suggest(client, releaseId);
      throw error;
    });
    const { output, receipt, operator, priceWei } = answered;
    if (flags.out !== undefined) writeFileSync(flags.out, `${toJson(receipt)}\n`);
    const judged =
      flags.audit === undefined
        ? undefined
        : await progress("waiting for the node's judgement", () =>
            audit(flags.audit ?? "", receipt, { exchange }),
          );
    const outputs = Object.fromEntries(
      Object.entries(decodeOutput(signature, output)).map(([name, data]) => [
        name,
        Array.from<number | bigint>(data),
      ]),
    );
    const { issuedAt } = receipt.receipt;
    const until = new Date((issuedAt + RECEIPT_VALIDITY) * 1000).toISOString();
    const rows: Row[] = [
      ["operator", operator],
      ["price", ether(priceWei)],
      ["receipt", flags.out === undefined ? "kept" : resolve(flags.out)],
      ["good until", `${until}: until then it can be challenged`],
      ...(judged === undefined
        ? []
        : ([["judged", `${judged.state}, challenge: ${challengeText(judged)}`]] satisfies Row[])),
      ...Object.entries(outputs).map(([name, values]): Row => [name, values.join(" ")]),
    ];
    print(flags.json ?? false, rows, {
      ...{ operator, priceWei, outputs, output: toHex(output), receipt: receipt.receipt },
      ...(judged === undefined ? {} : { judged }),
    });
    if (judged?.state === "wrong") process.exitCode = EXIT.wrong;
  } finally {
    await store.close();
    close();
  }
}

export function addInfer(program: Command): void {
  withContent(withChain(program.command("infer <release>"), true))
    .description(
      "ask for an answer over HTTP, at once and for little, with a signed receipt instead of a transaction",
    )
    .option("--input <file>", 'JSON such as {"pixels": [0, 12, ...]}')
    .option("--raw <file>", "the input tensors' bytes instead: little-endian, one after the other")
    .option(
      "--signature <file>",
      "what `assay model inspect FILE --json` says (default: of the release's file)",
    )
    .option("--operator <address>", "whom to ask (default: the cheapest that there is a deposit for)")
    .option("--endpoint <url>", "where that operator is (default: as it announced)")
    .option("--max-price <ether>", "pay no more for the answer, ETH")
    .option("--timeout <seconds>", "until the answer is here", parseNumber, 60)
    .option("--payer <file>", "keystore whose key the deposits name as their signer (default: --keystore)")
    .option("--audit <url>", "have a verifier's node recompute it, and challenge it if it is wrong")
    .option("--out <file>", "write the receipt there, with input and output")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The operator must have a deposit of yours (\`assay deposit add\`). It answers over HTTP and signs a receipt, by which
anybody can take its bond within seven days if the answer is wrong: keep it with --out, check it with \`assay receipt
verify\`. Each answer is paid by a voucher that replaces the one before. Vouchers and receipts are kept in the data
directory: who loses it may have to pay for an answer again.
An answer that got lost is asked for again, for the same price, the next time that its operator is asked for anything.

  $ assay deposit add 0x5290... 0.01
  $ assay infer 0x3c5e... --input input.json --out receipt.json
  $ assay infer 0x3c5e... --input input.json --max-price 0.00001 --json | jq .outputs

Exit code ${EXIT.wrong}: --audit found the answer wrong; ${EXIT.retryable}: it may work if tried again.`,
    )
    .action(infer);
}
