/** What is asked of a person at a terminal. Prompts go to stderr: stdout is for data. */
import { AssayError } from "../../../sdk/src/error.ts";

/** Whether somebody can answer. */
export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

const context = { output: process.stderr };

/** Loaded when a person is there to be asked: most runs never need it. */
async function prompts(): Promise<typeof import("@inquirer/prompts")> {
  return import("@inquirer/prompts");
}

/** Whatever a person gives up with Ctrl-C ends the command without a stack. */
async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && error.name === "ExitPromptError")
      throw new AssayError("BAD_CONFIG", "given up: nothing was written", { cause: error });
    throw error;
  }
}

export type Validate = (text: string) => boolean | string | Promise<boolean | string>;

export async function askText(message: string, standard?: string, validate?: Validate): Promise<string> {
  const { input } = await prompts();
  return asked(
    input(
      {
        message,
        ...(standard === undefined ? {} : { default: standard }),
        ...(validate === undefined ? {} : { validate }),
      },
      context,
    ),
  );
}

export interface Choice<T> {
  readonly value: T;
  readonly name: string;
}

export async function askChoice<T>(message: string, choices: readonly Choice<T>[]): Promise<T> {
  const { select } = await prompts();
  return asked(select({ message, choices: [...choices] }, context));
}

export async function askYes(message: string, standard = true): Promise<boolean> {
  const { confirm } = await prompts();
  return asked(confirm({ message, default: standard }, context));
}

/** Masked. @throws {AssayError} BAD_CONFIG where nobody can be asked. */
export async function askPassword(message: string): Promise<string> {
  if (!isInteractive())
    throw new AssayError(
      "BAD_CONFIG",
      "nobody is at a terminal to be asked for a password: give --password-file",
    );
  const { password } = await prompts();
  return asked(password({ message, mask: "*" }, context));
}

/** Twice, until both are the same. */
export async function askNewPassword(): Promise<string> {
  for (;;) {
    const first = await askPassword("Password for the new key file:");
    if (first.length === 0) process.stderr.write("An empty password protects nothing.\n");
    else if (first === (await askPassword("The same again:"))) return first;
    else process.stderr.write("Those two differ: once more.\n");
  }
}
