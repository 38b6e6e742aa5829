// What `npm run TASK` runs, once the set-up that run.mjs does first is there.
/** What needs no types of contracts, and runs while those are made. */
export const early = {
  check: [
    ["prettier", "--check", "--log-level", "warn", "."],
    ["solhint", "--disc", "--max-warnings", "0", "contracts/**/*.sol"],
  ],
};

/** Each task is a list of commands; further arguments go to the last one. */
export const tasks = {
  setup: [],
  demo: [["tsx", "scripts/demo/main.ts"]],
  test: [["tsx", "scripts/test.ts"]],
  "test:nightly": [["tsx", "scripts/test.ts", "--nightly"]],
  check: [
    ["eslint", "."],
    ["hardhat", "build", "--quiet", "--no-contracts"],
    ["tsc", "--noEmit"],
    ["tsc", "--noEmit", "-p", "explorer"],
    ["tsc", "--noEmit", "-p", "sdk"],
    ["tsc", "--noEmit", "-p", "sdk/test/page"],
    ["tsc", "--noEmit", "-p", "examples/sdk-browser"],
  ],
  format: [["prettier", "--write", "--log-level", "warn", "."]],
  chain: [["anvil", "--block-time", "1", "--hardfork", "prague"]],
  deploy: [["hardhat", "deploy"]],
  "publish:sources": [["hardhat", "publish-sources"]],
  rehearse: [["tsx", "scripts/rehearse/main.ts"]],
  explorer: [["vite", "build", "explorer"]],
  "build:sdk": [["tsc", "-p", "sdk"]],
  bench: [["tsx", "bench/main.ts"]],
  conformance: [["tsx", "scripts/conformance/main.ts"]],
  networks: [["tsx", "scripts/networks/main.ts"]],
  simulate: [["tsx", "scripts/simulate/main.ts"]],
  "generate:onnx": [
    ["buf", "generate", "--template", "program/src/onnx/buf.gen.yaml", "program/src/onnx/schema"],
  ],
};
