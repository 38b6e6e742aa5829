/** Load for the bench of answers over HTTP, in a process of its own: sends what it is told to as fast as so many lanes can. */
import { Agent, request } from "node:http";

export interface Load {
  readonly url: string;
  readonly body: Uint8Array;
  /** Of each request; undefined: none. */
  readonly payments: readonly string[];
  readonly lanes: number;
}

export interface Loaded {
  /** Of each request, milliseconds. */
  readonly latencies: readonly number[];
  readonly seconds: number;
  readonly failures: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function send(url: string, body: Uint8Array, payment: string): Promise<boolean> {
  const headers = {
    "content-type": "application/octet-stream",
    "content-length": body.length,
    ...(payment === "" ? {} : { "payment-signature": payment }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", agent, headers }, (reply) => {
      reply.resume();
      reply.on("end", () => resolve(reply.statusCode === 200)).on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function load({ url, body, payments, lanes }: Load): Promise<Loaded> {
  const latencies: number[] = [];
  let next = 0;
  let failures = 0;
  const lane = async (): Promise<void> => {
    for (let payment = payments[next++]; payment !== undefined; payment = payments[next++]) {
      const start = performance.now();
      if (!(await send(url, body, payment))) failures++;
      latencies.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: lanes }, lane));
  return { latencies, seconds: (performance.now() - start) / 1000, failures };
}

process.on("message", (message: Load) => {
  void load(message).then((loaded) => process.send?.(loaded));
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
