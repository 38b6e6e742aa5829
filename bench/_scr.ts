import { measureScreening } from "/tmp/wt/compute/bench/screening.ts";
console.log(await measureScreening());
