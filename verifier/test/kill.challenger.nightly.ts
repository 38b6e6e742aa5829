/** Apart from the other side: each takes half an hour. */
import { describeKills } from "./kills.ts";

describeKills("challenger");
