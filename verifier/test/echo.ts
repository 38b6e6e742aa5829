/** Calls to a contract that says what it was called with. */
import { encodeBytes32String } from "ethers";
import type { Hex } from "../../sdk/src/structs.ts";
import type { Intent } from "../src/chain/outbox/intent.ts";

/** Emits a log with the first word of its calldata as topic; reverts instead while its first slot is not zero. */
export const ECHO: Hex = "0x00000000000000000000000000000000000ec400";
export const ECHO_CODE = "0x5f54600b575f355f5fa1005b5f5ffd";

export function keyTopic(key: string): Hex {
  return `0x${encodeBytes32String(key).slice(2)}`;
}

export function echoCall(key: string, extra: Partial<Intent> = {}): Intent {
  return { key, label: "echo", to: ECHO, data: keyTopic(key), ...extra };
}
