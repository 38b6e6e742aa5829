// The generated types of the contracts name each other as a compiler's output would be named; they are run as they are.
import { registerHooks } from "node:module";

const generated = "/types/ethers-contracts/";

registerHooks({
  resolve(specifier, context, next) {
    const isGenerated =
      specifier.startsWith(".") && new URL(specifier, context.parentURL).pathname.includes(generated);
    return next(isGenerated ? specifier.replace(/\.js$/, ".ts") : specifier, context);
  },
});
