/** The endpoints as an ethers provider, so that contracts, estimates and transactions fail over too. */
import {
  JsonRpcApiProvider,
  Network,
  type JsonRpcError,
  type JsonRpcPayload,
  type JsonRpcResult,
} from "ethers";
import type { Endpoints } from "./endpoints.ts";

/** Never guesses the network, never batches, never answers from a cache. */
export class EndpointsProvider extends JsonRpcApiProvider {
  readonly #endpoints: Endpoints;

  constructor(endpoints: Endpoints) {
    const network = Network.from(endpoints.chainId);
    super(network, { staticNetwork: network, batchMaxCount: 1, cacheTimeout: -1 });
    this.#endpoints = endpoints;
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
        const answer = await this.#endpoints.call(method, Array.isArray(params) ? params : [params]);
        return { id, ...answer };
      }),
    );
  }
}

/** The caller closes the endpoints. */
export function createProvider(endpoints: Endpoints): JsonRpcApiProvider {
  return new EndpointsProvider(endpoints);
}
