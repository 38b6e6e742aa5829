/** kill.test.ts, of what clients pay for answers over HTTP. */
import { sendPoint } from "./kill.ts";
import { cashier } from "./killCashier.ts";
import { describeOrders } from "./killOrders.ts";
import { describeSample } from "./kills.ts";

describeSample(cashier(1), [sendPoint(2, "after")]);
describeOrders([3]);
