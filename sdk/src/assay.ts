/** All of it in one hand: a deployment, an endpoint, and perhaps a wallet. */
import { isAddress, type ContractRunner, type Provider, type Signer } from "ethers";
import { checkRecord, waitForAnswer, type Answer, type Standing, type WaitOptions } from "./answer.ts";
import { chainIdOf, checkChain, connect, type Contracts } from "./contracts.ts";
import { deploymentOf, type Deployment } from "./deployment.ts";
import { AssayError } from "./error.ts";
import { createInferenceClient, type InferenceClient, type InferenceClientOptions } from "./infer/client.ts";
import { quote, type Quote, type QuoteOptions } from "./offers.ts";
import { checkSignature, readRelease, type PublishedRelease } from "./release.ts";
import { findRequest, refund, request, type RequestHandle, type RequestOptions } from "./request.ts";
import type { Hex } from "./structs.ts";
import type { Signature } from "./tensor.ts";
import { watch, type Happened, type Subject, type WatchOptions } from "./watch.ts";

/** A request, and its answer when it comes. */
export interface Pending extends RequestHandle {
  /** The first answer; it may still be overturned. @throws {AssayError} UNANSWERED, OVERTURNED, TIMED_OUT, RPC_FAILED. */
  provisional(options?: Omit<WaitOptions, "final">): Promise<Answer>;
  /** The answer that can never be overturned. @throws {AssayError} as `provisional`. */
  final(options?: Omit<WaitOptions, "final">): Promise<Answer>;
}

/** Without a fee: as quoted, from the operator whose price it is. */
export type AskOptions = Omit<RequestOptions, "fee"> & { readonly fee?: bigint };

export interface Assay {
  readonly contracts: Contracts;
  readonly provider: Provider;
  /**
   * @param signature Checked to be what the release commits to.
   * @throws {AssayError} NOT_FOUND, BAD_TENSOR, RPC_FAILED.
   */
  release(releaseId: Hex, signature?: Signature): Promise<PublishedRelease>;
  quote(options: QuoteOptions): Promise<Quote>;
  /** Sends it with the wallet and waits until it is mined. @throws {AssayError} BAD_CONFIG without a wallet; as `send`. */
  request(options: AskOptions): Promise<Pending>;
  /** A request made earlier, by anyone. */
  find(requestId: Hex): Promise<Pending>;
  watch(subject: Subject, options?: WatchOptions): AsyncGenerator<Happened, void>;
  /** What the chain says of an answer: {@link checkRecord}. */
  check(pending: Pick<RequestHandle, "requestId" | "request" | "input">, answer: Answer): Promise<Standing>;
  refund(pending: Pick<RequestHandle, "request">): Promise<void>;
  /**
   * Answers over HTTP, with receipts, paid from deposits.
   * @throws {AssayError} BAD_CONFIG without a wallet or another signer.
   */
  inference(options: InferenceOptions): Promise<InferenceClient>;
}

export type InferenceOptions = Omit<InferenceClientOptions, "provider"> & {
  /** Of the deposits' vouchers. Default: the wallet. */
  readonly signer?: Pick<Signer, "getAddress" | "signTypedData">;
};

function isHexAddress(text: string): text is Hex {
  return isAddress(text);
}

function isSigner(runner: ContractRunner): runner is Signer {
  return "getAddress" in runner && typeof runner.getAddress === "function";
}

async function senderOf(runner: ContractRunner): Promise<Hex> {
  const account = isSigner(runner) ? await runner.getAddress() : "";
  if (isHexAddress(account)) return account;
  throw new AssayError("BAD_CONFIG", "sending takes a wallet: connectAssay(signer), not a provider");
}

/**
 * @param runner A signer with a provider; a provider is enough for everything that sends nothing.
 * @param deployment Default: the one that comes with the package for the runner's chain.
 * @throws {AssayError} BAD_CONFIG, WRONG_CHAIN, BAD_DEPLOYMENT, RPC_FAILED.
 */
export async function connectAssay(runner: ContractRunner, deployment?: Deployment): Promise<Assay> {
  const provider = runner.provider;
  if (provider === null)
    throw new AssayError("BAD_CONFIG", "the signer has no provider: signer.connect(provider)");
  const at = deployment ?? deploymentOf(await chainIdOf(provider));
  await checkChain(at, provider);
  const contracts = connect(at, runner);
  const pending = (handle: RequestHandle): Pending => ({
    ...handle,
    provisional: (options) => waitForAnswer(contracts, provider, handle, { ...options, final: false }),
    final: (options) => waitForAnswer(contracts, provider, handle, { ...options, final: true }),
  });
  return {
    contracts,
    provider,
    async release(releaseId, signature) {
      const published = await readRelease(contracts, provider, releaseId);
      if (signature !== undefined) checkSignature(published.release, signature);
      return published;
    },
    quote: (options) => quote(contracts, provider, options),
    async request(options) {
      const sender = await senderOf(runner);
      const { releaseId, fee, bond, operator } = options;
      if (fee !== undefined) return pending(await request(contracts, sender, { ...options, fee }));
      const quoted = await quote(contracts, provider, {
        releaseId,
        ...(bond === undefined ? {} : { bond }),
        ...(operator === undefined ? {} : { operator }),
      });
      const named = { fee: quoted.fee, operator: quoted.operator };
      return pending(await request(contracts, sender, { ...options, ...named }));
    },
    find: async (requestId) => pending(await findRequest(contracts, provider, requestId)),
    watch: (subject, options) => watch(contracts, provider, subject, options),
    check: (handle, answer) => checkRecord(contracts, handle, answer),
    refund: (handle) => refund(contracts, handle),
    async inference({ signer, ...options }) {
      const voucherSigner = signer ?? (isSigner(runner) ? runner : undefined);
      if (voucherSigner === undefined)
        throw new AssayError(
          "BAD_CONFIG",
          "paying takes a signer: connectAssay(signer), or one in the options",
        );
      const client = options.client ?? (isSigner(runner) ? await senderOf(runner) : undefined);
      return createInferenceClient(contracts, voucherSigner, {
        ...{ provider, ...options },
        ...(client === undefined ? {} : { client }),
      });
    },
  };
}
