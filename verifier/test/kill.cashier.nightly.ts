/** Takes half an hour. */
import { cashier } from "./killCashier.ts";
import { describeKills } from "./kills.ts";

describeKills(cashier(2));
