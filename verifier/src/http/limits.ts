/** What one client may take of the server: connections, requests at once, requests a second. Kept in memory, a little for each client. */
import ipaddr from "ipaddr.js";

export interface ClientLimits {
  readonly connections: number;
  /** Requests that are being answered. */
  readonly concurrent: number;
  readonly perSecond: number;
}

export interface Clients {
  /** @returns what to call when the connection closes; undefined: one too many. */
  connect(address: string): (() => void) | undefined;
  /** @returns what to call when the request is answered; undefined: one too many. */
  begin(address: string): (() => void) | undefined;
}

interface Client {
  connections: number;
  concurrent: number;
  /** Requests that may begin at once, refilled by the second up to two seconds' worth. */
  tokens: number;
  refilledAt: number;
}

const MAX_REMEMBERED = 10_000;

/** Whoever has one IPv6 address has all of its /64. */
export function clientOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv4
    ? parsed.toString()
    : ipaddr.fromByteArray([...parsed.toByteArray().slice(0, 8), 0, 0, 0, 0, 0, 0, 0, 0]).toString();
}

export function createClients(limits: ClientLimits, now: () => number = () => performance.now()): Clients {
  const clients = new Map<string, Client>();
  const burst = 2 * limits.perSecond;

  function clientAt(address: string): Client {
    const key = clientOf(address);
    const known = clients.get(key);
    if (known !== undefined) return known;
    for (const [old, { connections, concurrent }] of clients) {
      if (clients.size < MAX_REMEMBERED) break;
      if (connections === 0 && concurrent === 0) clients.delete(old);
    }
    const fresh = { connections: 0, concurrent: 0, tokens: burst, refilledAt: now() };
    clients.set(key, fresh);
    return fresh;
  }

  function once(run: () => void): () => void {
    let done = false;
    return () => {
      if (!done) run();
      done = true;
    };
  }

  return {
    connect(address) {
      const client = clientAt(address);
      if (client.connections >= limits.connections) return undefined;
      client.connections++;
      return once(() => client.connections--);
    },
    begin(address) {
      const client = clientAt(address);
      const time = now();
      client.tokens = Math.min(burst, client.tokens + ((time - client.refilledAt) / 1000) * limits.perSecond);
      client.refilledAt = time;
      if (client.tokens < 1 || client.concurrent >= limits.concurrent) return undefined;
      client.tokens--;
      client.concurrent++;
      return once(() => client.concurrent--);
    },
  };
}
