/** The package's door for what takes a file system or processes. */
export * from "./deploymentFile.ts";
export * from "./verify.ts";
