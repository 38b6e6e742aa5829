/** Every few milliseconds of an answer. */
import { describeOrders } from "./killOrders.ts";

describeOrders(Array.from({ length: 25 }, (_, i) => 2 * i));
