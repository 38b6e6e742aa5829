/** The package's door for what takes a file system or processes. */
export * from "./deploymentFile.ts";
export { fileStore } from "./infer/fileStore.ts";
export * from "./verify.ts";
