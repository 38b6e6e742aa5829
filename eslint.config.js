import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  {
    ignores: [
      "artifacts",
      "cache",
      "types",
      "coverage",
      "program/src/onnx/gen",
      "program/assembly",
      "program/build",
      "explorer/dist",
      "sdk/dist",
    ],
  },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: "./tsconfig.json" } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": "off",
      // Child processes run the sources as they are, with nothing but types taken away.
      "@typescript-eslint/parameter-properties": ["error", { prefer: "class-property" }],
      "@typescript-eslint/no-unused-expressions": "off",
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "Use named exports." },
      ],
      "no-restricted-imports": [
        "error",
        { name: "onnxruntime-node", message: "It sends telemetry: use program/src/onnx/onnxruntime.ts." },
      ],
    },
  },
  {
    files: ["program/src/onnx/onnxruntime.ts"],
    rules: { "no-restricted-imports": "off" },
  },
  {
    files: ["explorer/src/**/*.{ts,tsx}"],
    languageOptions: { parserOptions: { project: "./explorer/tsconfig.json" } },
  },
  {
    files: ["examples/sdk-browser/*.ts"],
    languageOptions: { parserOptions: { project: "./examples/sdk-browser/tsconfig.json" } },
  },
  {
    files: ["sdk/test/page/*.ts"],
    languageOptions: { parserOptions: { project: "./sdk/test/page/tsconfig.json" } },
  },
  {
    files: ["sdk/src/browser.ts", "sdk/src/infer/browserStore.ts"],
    languageOptions: { parserOptions: { project: "./sdk/tsconfig.json" } },
  },
  {
    files: ["hardhat.config.ts", "explorer/vite.config.ts", "ignition/**/*.ts"],
    rules: { "no-restricted-syntax": "off" },
  },
  {
    files: ["**/*.{mjs,cjs,js}"],
    languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly" } },
  },
);
