/** The package's door. Inside the repository, import from the defining file. */
export * from "./answer.ts";
export * from "./contracts.ts";
export * from "./deployment.ts";
export * from "./error.ts";
export * from "./events.ts";
export * from "./ids.ts";
export * from "./logs.ts";
export * from "./offer.ts";
export * from "./parameters.ts";
export * from "./refusal.ts";
export * from "./request.ts";
export * from "./revert.ts";
export * from "./spans.ts";
export * from "./structs.ts";
export * from "./tensor.ts";
