/** At every answer of those that are asked for at once, and again: what the others are at then is never the same. */
import { describeOrders } from "./killOrders.ts";

describeOrders(Array.from({ length: 24 }, (_, i) => i % 8));
