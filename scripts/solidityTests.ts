/**
 * How Solidity tests are compiled. Hardhat asks for the code of every file that a test imports, with one setting for all tests: two and a
 * half times what the contracts themselves take. Here only the code of tests is asked for, and most of it is not optimised.
 */
import type { SolidityHooks } from "hardhat/types/hooks";
import type { CompilerInput, CompilerOutput } from "hardhat/types/solidity";

/** The same sources; the code of some of them. */
function codeOf(input: CompilerInput, names: readonly string[], optimised: boolean): CompilerInput {
  const { optimizer, outputSelection, ...settings } = input.settings;
  return {
    ...input,
    settings: {
      ...settings,
      optimizer: optimised ? optimizer : { enabled: false },
      outputSelection: Object.fromEntries(names.map((name) => [name, outputSelection["*"] ?? {}])),
    },
  };
}

/** @param outputs by the names of sources */
function merge<Output>(outputs: readonly Readonly<Record<string, Output>>[]): Record<string, Output> {
  return Object.fromEntries(outputs.flatMap(Object.entries<Output>));
}

const invokeSolc: SolidityHooks["invokeSolc"] = async (context, compiler, input, config, next) => {
  const tests = Object.keys(input.sources).filter((name) => name.endsWith(".t.sol"));
  if (tests.length === 0) return next(context, compiler, input, config);
  // These take what they test from its artifact; the others have it in their own code, which has to be the code that is deployed.
  const takesArtifacts = (name: string): boolean =>
    input.sources[name]?.content.includes("Fixture.sol") ?? false;
  const outputs = await Promise.all(
    [false, true].map(async (plain): Promise<CompilerOutput> => {
      const names = tests.filter((name) => takesArtifacts(name) === plain);
      const output = await next(context, compiler, codeOf(input, names, !plain), config);
      // Hardhat takes a source that is named in the output for one whose code is there.
      const sources = Object.entries(output.sources).filter(([name]) => names.includes(name));
      return { ...output, sources: Object.fromEntries(sources) };
    }),
  );
  const errors = outputs.flatMap((output) => output.errors ?? []);
  return {
    errors: [...new Map(errors.map((error) => [error.formattedMessage, error])).values()],
    sources: merge(outputs.map((output) => output.sources)),
    contracts: merge(outputs.map((output) => output.contracts ?? {})),
  };
};

export const hooks = (): Promise<Partial<SolidityHooks>> => Promise.resolve({ invokeSolc });
