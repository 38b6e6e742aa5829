/** A wallet for tests: announces itself to the page by EIP-6963 and lets the chain's own unlocked account sign. */

export interface TestWallet {
  readonly url: string;
  /** Unlocked at the endpoint. */
  readonly account: string;
  /** Its owner declines every transaction. */
  readonly declines?: boolean;
  /** It is on another chain, and stays there. */
  readonly elsewhere?: boolean;
}

/** A script for the page. */
export function walletScript({ url, account, declines = false, elsewhere = false }: TestWallet): string {
  return `(() => {
  const fail = (code, message) => { throw Object.assign(new Error(message), { code }); };
  const provider = {
    async request({ method, params = [] }) {
      if (method === "eth_requestAccounts" || method === "eth_accounts") return [${JSON.stringify(account)}];
      if (${String(declines)} && method === "eth_sendTransaction") fail(4001, "the user said no");
      if (${String(elsewhere)} && method === "eth_chainId") return "0x1";
      if (method === "wallet_switchEthereumChain") fail(4902, "unknown chain");
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      const response = await fetch(${JSON.stringify(url)}, { method: "POST", headers: { "content-type": "application/json" }, body });
      const { result, error } = await response.json();
      if (error) throw Object.assign(new Error(error.message), error);
      return result;
    },
    on() {},
    removeListener() {},
  };
  const icon = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>";
  const info = Object.freeze({ uuid: crypto.randomUUID?.() ?? "test", name: "Test wallet", icon, rdns: "test.wallet" });
  const announce = () =>
    window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();`;
}
