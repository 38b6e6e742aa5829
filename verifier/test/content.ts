/** Files, DAGs and HTTP servers, honest and hostile, for tests of content. */
import { createCipheriv, createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "@ipld/dag-pb";
import { UnixFS } from "ipfs-unixfs";
import type { CID } from "multiformats/cid";
import { serve } from "../../scripts/serve.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import { nodeCid, rawCid } from "../src/content/cid.ts";
import { openContent, type Content, type ContentOptions } from "../src/content/content.ts";
import { fileRoutes } from "../src/content/files.ts";
import { gatewayRoutes } from "../src/content/gateway.ts";
import type { ContentStore } from "../src/content/store.ts";
import { serveHttp, type HttpServer } from "../src/http/server.ts";
import { testLog } from "./world.ts";

/** Bytes that no compression and no accident makes: ChaCha20 under the hash of a seed, as the fixtures of Kubo's CID profiles. */
export function seededBytes(size: number, seed: string): Uint8Array<ArrayBuffer> {
  const key = createHash("sha256").update(seed).digest();
  return new Uint8Array(createCipheriv("chacha20", key, Buffer.alloc(16)).update(Buffer.alloc(size)));
}

export function sha256Of(bytes: Uint8Array): Hex {
  return `0x${createHash("sha256").update(bytes).digest("hex")}`;
}

export interface TestBlock {
  readonly cid: CID;
  readonly bytes: Uint8Array;
  /** Bytes of the file below it. */
  readonly size: number;
}

export function leaf(bytes: Uint8Array): TestBlock {
  return { cid: rawCid(sha256Of(bytes)), bytes, size: bytes.length };
}

/** What encoders accept as a cumulative size, which nothing of ours looks at. */
function bytesOf(size: number): number {
  return Math.min(size, Number.MAX_SAFE_INTEGER);
}

/** A node over others, right unless told otherwise. */
export function node(
  children: readonly Pick<TestBlock, "cid" | "size">[],
  options: { readonly data?: Uint8Array; readonly type?: "file" | "directory" } = {},
): TestBlock {
  const { data = new Uint8Array(), type = "file" } = options;
  const file = new UnixFS({ type, data, blockSizes: children.map(({ size }) => BigInt(size)) });
  const links = children.map(({ cid, size }) => ({ Hash: cid, Name: "", Tsize: bytesOf(size) }));
  const bytes = encode({ Data: file.marshal(), Links: links });
  return { cid: nodeCid(sha256Of(bytes)), bytes, size: Number(file.fileSize()) };
}

/** What a test made, taken down again after it. */
export interface Bench {
  folder(): string;
  open(options?: Partial<ContentOptions>): Promise<Content>;
  serve(store: ContentStore): Promise<HttpServer>;
  /** A server of one's own making. @returns its base URL. */
  listen(handle: RequestListener): Promise<string>;
  clear(): Promise<void>;
}

export function createBench(): Bench {
  const undo: (() => unknown)[] = [];
  const folder = (): string => {
    const path = mkdtempSync(join(tmpdir(), "assay-content-"));
    undo.push(() => rmSync(path, { recursive: true, force: true }));
    return path;
  };
  return {
    folder,
    async open(options = {}) {
      const content = await openContent({ directory: folder(), allowPrivate: true, ...options });
      undo.push(() => content.close());
      return content;
    },
    async serve(store) {
      const routes = [fileRoutes(store), gatewayRoutes(store)];
      const health = () => ({ ready: true });
      const server = await serveHttp({ host: "127.0.0.1", port: 0, log: testLog, health, routes });
      undo.push(() => server.close());
      return server;
    },
    async listen(handle) {
      const { url, close } = await serve(handle);
      undo.push(close);
      return url;
    },
    async clear() {
      for (const step of undo.splice(0).reverse()) await step();
    },
  };
}

/**
 * Serves blocks as a gateway does, and counts what was asked of each.
 * @param lateMs After which it says that it lacks a block. Default: at once.
 */
export function blockServer(
  blocks: readonly TestBlock[],
  lateMs?: number,
): {
  readonly asked: Map<string, number>;
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
} {
  const asked = new Map<string, number>();
  const byPath = new Map(blocks.map((block) => [`/ipfs/${block.cid.toString()}?format=raw`, block]));
  return {
    asked,
    handle(request, response) {
      const block = byPath.get(request.url ?? "");
      const refuse = (): void => void response.writeHead(404).end();
      if (block === undefined) return lateMs === undefined ? refuse() : void setTimeout(refuse, lateMs);
      const key = block.cid.toString();
      asked.set(key, (asked.get(key) ?? 0) + 1);
      response.writeHead(200, { "content-length": block.bytes.length }).end(block.bytes);
    },
  };
}
