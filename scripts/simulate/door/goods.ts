/** What the exact interpreter says of receipts. */
import { inputOfReceipt, outputOfReceipt } from "../../../sdk/src/infer/check.ts";
import type { ReceiptFile } from "../../../sdk/src/infer/wire.ts";
import { readRelease } from "../../../sdk/src/release.ts";
import { sameHex, type Release } from "../../../sdk/src/structs.ts";
import { exactOutput } from "../../../verifier/src/compute/exact.ts";
import { firstWrongOutput } from "../../../verifier/src/judge/judge.ts";
import type { ModelDescription } from "../../../verifier/src/releases/describe.ts";
import type { Models } from "../models.ts";
import { MODELS } from "../rules.ts";
import type { Stage } from "../stage.ts";

export interface Good {
  readonly model: ModelDescription;
  readonly release: Release;
}

export interface Goods {
  of(file: ReceiptFile): Good;
  isRight(file: ReceiptFile): boolean;
}

export async function createGoods({ contracts, provider, releases }: Stage, models: Models): Promise<Goods> {
  const goods = await Promise.all(
    MODELS.map(async (name) => ({
      model: models[name],
      releaseId: releases[name],
      release: (await readRelease(contracts, provider, releases[name])).release,
    })),
  );
  function of({ receipt }: ReceiptFile): Good {
    const found = goods.find(({ releaseId }) => sameHex(releaseId, receipt.releaseId));
    if (found === undefined) throw new Error(`unknown release ${receipt.releaseId}`);
    return found;
  }
  return {
    of,
    isRight(file) {
      const { model, release } = of(file);
      const exact = exactOutput(model, inputOfReceipt(file));
      return firstWrongOutput(model.program, exact, outputOfReceipt(file), release) === undefined;
    },
  };
}
