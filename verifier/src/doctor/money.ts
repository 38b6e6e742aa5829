/** Wallet and stake against what answers and disputes take. Pure. */
import { formatEther } from "ethers";
import { ether } from "../economics/ether.ts";
import { DISPUTES_KEPT, reserveWei } from "../economics/reserve.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** Selects of one dispute, whose deposits are locked until it is settled. */
const SELECTS = 4n;

export interface MoneyFacts {
  readonly operator: boolean;
  readonly verifier: boolean;
  readonly walletWei: bigint;
  readonly freeWei: bigint;
  readonly lockedWei: bigint;
  /** Free in the receipts' vault. */
  readonly receiptsWei: bigint;
  /** Wei per gas to count on. */
  readonly gasPrice: bigint;
  /** Worst dispute of the releases that are served or verified, gas. */
  readonly disputeGas: bigint;
  /** Highest least bond of an answer to one of them. */
  readonly bondFloorWei: bigint;
  /** Bond of a game opened now, and deposit of a select. */
  readonly challengeWei: bigint;
  readonly depositWei: bigint;
}

export function judgeWallet({ walletWei, gasPrice, disputeGas }: MoneyFacts): Finding {
  const oneWei = disputeGas * gasPrice;
  const disputes = oneWei === 0n ? DISPUTES_KEPT : walletWei / oneWei;
  const found = `${ether(walletWei)}: the gas of ${disputes} disputes at ${ether(oneWei)} each`;
  const remedy = `send ${ether(reserveWei(disputeGas, gasPrice))} at least to the account`;
  if (disputes < 1n) return fail("wallet", found, `${remedy}: a node without gas loses every dispute`);
  return disputes < DISPUTES_KEPT ? warn("wallet", found, remedy) : ok("wallet", found);
}

function judgeOperator({ freeWei, lockedWei, bondFloorWei }: MoneyFacts): Finding {
  const check = "stake of the operator";
  const found = `${ether(freeWei)} free, ${ether(lockedWei)} locked; an answer's bond is ${ether(bondFloorWei)} at least`;
  if (freeWei + lockedWei < bondFloorWei)
    return fail(check, found, `assay stake ${formatEther(bondFloorWei)} or more`);
  if (freeWei < bondFloorWei)
    return warn(
      check,
      found,
      "no answer can be given until something is unlocked: stake more to answer more at a time",
    );
  const answers = bondFloorWei === 0n ? "any number of" : (freeWei / bondFloorWei).toString();
  return ok(check, `${found}: enough for ${answers} answers at a time`);
}

function judgeVerifier({ freeWei, lockedWei, challengeWei, depositWei }: MoneyFacts): Finding {
  const check = "stake of the verifier";
  const wholeWei = challengeWei + SELECTS * depositWei;
  const found = `${ether(freeWei)} free, ${ether(lockedWei)} locked; a dispute locks up to ${ether(wholeWei)}`;
  if (freeWei + lockedWei < challengeWei)
    return fail(
      check,
      found,
      `assay stake ${formatEther(wholeWei)} or more: without it nothing can be challenged`,
    );
  if (freeWei < wholeWei)
    return warn(check, found, "a challenge could get stuck for want of a deposit: stake more");
  return ok(check, `${found}: enough for ${freeWei / (wholeWei === 0n ? 1n : wholeWei)} at a time`);
}

/** Only whoever is handed receipts needs it. */
function judgeReceipts({ receiptsWei, challengeWei, depositWei }: MoneyFacts): Finding {
  const check = "stake for receipts";
  const wholeWei = challengeWei + SELECTS * depositWei;
  const found = `${ether(receiptsWei)} free in the receipts' vault; a dispute locks up to ${ether(wholeWei)}`;
  if (receiptsWei >= wholeWei) return ok(check, found);
  return warn(
    check,
    found,
    `receipts that others hand in are judged, but wrong ones cannot be challenged: assay stake ${formatEther(wholeWei)} --receipts, or leave it if nobody hands you any`,
  );
}

export function judgeStake(facts: MoneyFacts): Finding[] {
  return [
    ...(facts.operator ? [judgeOperator(facts)] : []),
    ...(facts.verifier ? [judgeVerifier(facts), judgeReceipts(facts)] : []),
  ];
}
