import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { expect } from "chai";
import { codeOf } from "../../test/failure.ts";
import { testLog } from "../../test/world.ts";
import { clientOf, createClients } from "./limits.ts";
import { serveHttp, type HttpLimits, type HttpServer, type Routes } from "./server.ts";

describe("HTTP server", () => {
  const servers: HttpServer[] = [];
  const sockets: Socket[] = [];
  let ready = true;

  async function serve(
    limits: Partial<HttpLimits> = {},
    routes: readonly Routes[] = [],
  ): Promise<HttpServer> {
    const health = () => ({ ready, block: 7 });
    const server = await serveHttp({ host: "127.0.0.1", port: 0, log: testLog, health, routes, limits });
    servers.push(server);
    return server;
  }
  function open({ port }: HttpServer): Socket {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    sockets.push(socket);
    return socket;
  }
  const closed = (socket: Socket): Promise<void> =>
    new Promise((resolve) => {
      if (socket.destroyed) resolve();
      socket.resume();
      socket.once("close", () => resolve());
    });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) await server.close();
    ready = true;
  });

  it("answers health checks", async () => {
    const { url } = await serve();
    const get = async (path: string) => {
      const response = await fetch(`${url}${path}`);
      return [response.status, await response.json()];
    };
    expect(await get("/health")).to.deep.equal([200, { ready: true, block: 7 }]);
    expect(await get("/health/ready")).to.deep.equal([200, { ready: true, block: 7 }]);
    ready = false;
    expect(await get("/health")).to.deep.equal([503, { ready: false, block: 7 }]);
    expect(await get("/health/ready")).to.deep.equal([503, { ready: false, block: 7 }]);
    expect(await get("/health/live")).to.deep.equal([200, { live: true }]);
    expect((await fetch(`${url}/other`)).status).to.equal(404);
  });

  it("takes nothing in", async () => {
    const { url } = await serve();
    for (const method of ["POST", "PUT", "DELETE", "PATCH"])
      expect((await fetch(`${url}/content`, { method, body: "x".repeat(1000) })).status, method).to.equal(
        405,
      );
    expect((await fetch(`${url}/health`, { headers: { big: "x".repeat(20_000) } })).status).to.equal(431);
  });

  it("limits a client's requests a second and at once, but not its health checks", async () => {
    let finish = (): void => undefined;
    const slow: Routes = (app) => {
      app.get("/slow", () => new Promise((resolve) => (finish = () => resolve("done"))));
      app.get("/quick", () => "done");
    };
    const { url } = await serve({ client: { connections: 9, concurrent: 1, perSecond: 1e6 } }, [slow]);
    const first = fetch(`${url}/slow`);
    const status = async (path: string): Promise<number> => (await fetch(`${url}${path}`)).status;
    while ((await status("/quick")) === 200);
    expect(await status("/quick")).to.equal(429);
    expect(await status("/health")).to.equal(200);
    finish();
    expect((await first).status).to.equal(200);
    while ((await status("/quick")) !== 200);

    const busy = await serve({ concurrent: 0 }, [slow]);
    expect((await fetch(`${busy.url}/quick`)).status).to.equal(503);
    expect((await fetch(`${busy.url}/health`)).status).to.equal(200);
  });

  it("counts what a client asked for until it is done, though the client is gone", async () => {
    let finish = (): void => undefined;
    let brokenOff = (): void => undefined;
    const broken = new Promise<void>((resolve) => (brokenOff = resolve));
    const slow: Routes = (app) => {
      app.get("/slow", (_request, reply) => {
        reply.raw.once("close", brokenOff);
        return new Promise((resolve) => (finish = () => resolve("done")));
      });
      app.get("/quick", () => "done");
    };
    const server = await serve({ client: { connections: 9, concurrent: 1, perSecond: 1e6 } }, [slow]);
    const status = async (): Promise<number> => (await fetch(`${server.url}/quick`)).status;
    const gone = open(server);
    gone.write("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
    while ((await status()) === 200);
    gone.resetAndDestroy();
    await broken;
    expect(await status()).to.equal(429);
    finish();
    while ((await status()) !== 200);
  });

  it("counts clients by address, and lets nobody save up more than a moment's requests", () => {
    let now = 0;
    const clients = createClients({ connections: 2, concurrent: 100, perSecond: 3 }, () => now);
    const begun = (address: string): boolean => {
      const end = clients.begin(address);
      end?.();
      return end !== undefined;
    };
    const burst = (address: string): number =>
      Array.from({ length: 20 }, () => begun(address)).filter(Boolean).length;
    expect([burst("192.0.2.1"), burst("192.0.2.2"), burst("192.0.2.1")]).to.deep.equal([6, 6, 0]);
    now += 1000;
    expect(burst("192.0.2.1")).to.equal(3);
    now += 1_000_000;
    expect(burst("192.0.2.1")).to.equal(6);
    const first = clients.connect("2001:db8::1");
    expect(clients.connect("2001:db8::2")).not.to.equal(undefined);
    expect(clients.connect("2001:db8::3")).to.equal(undefined);
    first?.();
    first?.();
    expect(clients.connect("2001:db8::3")).not.to.equal(undefined);
    expect(clients.connect("2001:db8::4")).to.equal(undefined);
    expect(clientOf("::ffff:192.0.2.1")).to.equal(clientOf("192.0.2.1"));
    expect(clientOf("2001:db8:0:1::1")).not.to.equal(clientOf("2001:db8:0:2::1"));
  });

  it("closes connections beyond a client's share", async () => {
    const server = await serve({ client: { connections: 2, concurrent: 9, perSecond: 100 } });
    const kept = [open(server), open(server)];
    await Promise.all(kept.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
    await closed(open(server));
    expect(kept.map((socket) => socket.destroyed)).to.deep.equal([false, false]);
  });

  it("cuts off who sends slowly, nothing, or no HTTP", async () => {
    const server = await serve({ idleMs: 300 });
    const silent = open(server);
    const slow = open(server);
    slow.write("GET /health HTTP/1.1\r\n");
    const timer = setInterval(() => slow.write("a: b\r\n"), 50);
    const garbage = open(server);
    garbage.write("\0\0\0 nonsense\r\n\r\n");
    await Promise.all([closed(silent), closed(slow), closed(garbage)]);
    clearInterval(timer);
  });

  it("cuts off readers that do not read, however large the answer, and serves the others", async () => {
    let cutOff = (): void => undefined;
    const cut = new Promise<void>((resolve) => (cutOff = resolve));
    const endless: Routes = (app) => {
      app.get("/endless", (_request, reply) => {
        reply.raw.once("close", cutOff);
        return reply.send(
          Readable.from(
            (function* (): Generator<Buffer> {
              for (;;) yield Buffer.alloc(65_536);
            })(),
            { objectMode: false },
          ),
        );
      });
    };
    const server = await serve({ readerMs: 2000, readerBytes: 1000 }, [endless]);
    const socket = open(server);
    socket.write("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n");
    // One byte now and then is no reading.
    socket.pause();
    const drip = setInterval(() => void socket.read(1), 50);
    await cut;
    clearInterval(drip);
    const response = await fetch(`${server.url}/endless`);
    let bytes = 0;
    const body: AsyncIterable<Uint8Array> | null = response.body;
    for await (const chunk of body ?? []) {
      bytes += chunk.length;
      if (bytes > 50_000_000) break;
    }
    expect(bytes).to.be.at.least(50_000_000);
  });

  it("says nothing of what went wrong inside, and goes on", async () => {
    const broken: Routes = (app) => {
      app.get("/broken", () => {
        throw new Error("a secret path");
      });
    };
    const { url } = await serve({}, [broken]);
    const response = await fetch(`${url}/broken`);
    expect([response.status, await response.json()]).to.deep.equal([500, { error: "internal error" }]);
    expect((await fetch(`${url}/health`)).status).to.equal(200);
  });

  it("finishes answers that are under way when it closes, and waits for no others", async () => {
    let finish = (): void => undefined;
    const slow: Routes = (app) => {
      app.get("/slow", () => new Promise((resolve) => (finish = () => resolve("done"))));
      app.get("/never", () => new Promise(() => undefined));
    };
    const server = await serve({}, [slow]);
    servers.pop();
    const answer = fetch(`${server.url}/slow`);
    const never = fetch(`${server.url}/never`).then(
      () => "answered",
      () => "broken off",
    );
    open(server);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const done = server.close();
    finish();
    expect(await (await answer).text()).to.equal("done");
    await done;
    expect(await never).to.equal("broken off");
    expect(await codeOf(fetch(server.url))).to.match(/^other/);
  });

  it("says which address it cannot have", async () => {
    const { port } = await serve();
    const again = serveHttp({ host: "127.0.0.1", port, log: testLog, health: () => ({ ready }), routes: [] });
    expect(await codeOf(again)).to.equal("BAD_CONFIG");
  });
});
