/** The endpoints as an ethers provider, so that contracts, estimates and transactions fail over too. */
import {
  JsonRpcApiProvider,
  Network,
  toQuantity,
  type JsonRpcError,
  type JsonRpcPayload,
  type JsonRpcResult,
} from "ethers";
import { hex } from "../../../sdk/src/structs.ts";
import type { Endpoints } from "./endpoints.ts";

type Call = Endpoints["call"];

/** Never guesses the network, never batches, never answers from a cache. */
class EndpointsProvider extends JsonRpcApiProvider {
  readonly #call: Call;

  constructor(chainId: number, call: Call) {
    const network = Network.from(chainId);
    super(network, { staticNetwork: network, batchMaxCount: 1, cacheTimeout: -1 });
    this.#call = call;
    // No contract sends us to a URL of its choice (EIP-3668).
    this.disableCcipRead = true;
    this._start();
  }

  override async _send(
    payload: JsonRpcPayload | JsonRpcPayload[],
  ): Promise<(JsonRpcResult | JsonRpcError)[]> {
    const payloads = Array.isArray(payload) ? payload : [payload];
    return Promise.all(
      payloads.map(async ({ id, method, params }) => {
        const answer = await this.#call(method, Array.isArray(params) ? params : [params]);
        return { id, ...answer };
      }),
    );
  }
}

/** The caller closes the endpoints. */
export function createProvider(endpoints: Endpoints): JsonRpcApiProvider {
  return new EndpointsProvider(endpoints.chainId, (method, params) => endpoints.call(method, params));
}

/**
 * For contracts whose word decides money: it is what as many endpoints say as must agree, of the newest block that so many have
 * reached if none is named. All else is as in {@link createProvider}.
 */
export function createAgreedProvider(endpoints: Endpoints): JsonRpcApiProvider {
  return new EndpointsProvider(endpoints.chainId, async (method, params) => {
    if (method !== "eth_call") return endpoints.call(method, params);
    const [call, tag] = params;
    const block = tag === "latest" ? toQuantity((await endpoints.head()).number) : tag;
    return { result: await endpoints.agreed(method, [call, block], (result) => hex.parse(result)) };
  });
}
