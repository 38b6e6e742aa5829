/** A node's content: what it stores, and how it gets what it does not. */
import type { Hex } from "../../../sdk/src/structs.ts";
import { createClient, type HttpClient, type Pace } from "./client.ts";
import { createFetcher, type Fetcher, type FetchOptions } from "./fetch.ts";
import { openStore, type ContentStore } from "./store.ts";

export interface ContentOptions extends FetchOptions {
  /** Lets strangers' addresses lead to private networks. Default false. */
  readonly allowPrivate?: boolean;
  readonly pace?: Pace;
  readonly directory: string;
  /** Of all content. Default 32 GiB. */
  readonly storeBytes?: number;
  /** Told of all bytes that come from other nodes, bad ones too. */
  readonly onReceived?: (bytes: number) => void;
}

export interface Content {
  readonly store: ContentStore;
  /** As {@link Fetcher.provide}. */
  provide: Fetcher["provide"];
  /** As {@link ContentStore.pin}. */
  pin(sha256: Hex): Promise<() => void>;
  /** For what else other nodes serve. */
  readonly client: HttpClient;
  close(): void;
}

export async function openContent(options: ContentOptions): Promise<Content> {
  const store = await openStore(options.directory, options.storeBytes);
  const client = createClient(options.allowPrivate ?? false, options.pace, options.onReceived);
  const fetcher = createFetcher(store, client, options);
  return {
    store,
    client,
    provide: (sha256, uris) => fetcher.provide(sha256, uris),
    pin: (sha256) => store.pin(sha256),
    close: () => client.close(),
  };
}
