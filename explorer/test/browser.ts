/** The real browser of the explorer's tests. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { chromium, type Browser, type Page } from "playwright-core";

/** Where systems keep it; CHROMIUM names another. */
const PLACES = [
  ...["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const BROWSER: string | undefined = process.env["CHROMIUM"] ?? PLACES.find((place) => existsSync(place));
if (BROWSER === undefined)
  console.error("No Chromium: what needs one is skipped. Install it, or name one with CHROMIUM=PATH.");

/** `describe` where there is one. */
export const describeInBrowser = BROWSER === undefined ? describe.skip : describe;

/** @throws Error if there is none. */
export async function startBrowser(): Promise<Browser> {
  if (BROWSER === undefined) throw new Error("no Chromium");
  const args = [
    ...["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
    ...["--disable-component-update", "--disable-sync"],
  ];
  return chromium.launch({ executablePath: BROWSER, args, timeout: 120_000 });
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** @param rules of axe-core, or tags of them @returns What it finds that is serious, as lines. */
export async function seriousFindings(page: Page, rules: readonly string[] = STANDARDS): Promise<string[]> {
  // The page's policy lets no inline script run; the debugger may.
  await page.evaluate(axe);
  const { violations } = await page.evaluate<AxeResults>(
    `axe.run(document, { runOnly: ${JSON.stringify(rules)} })`,
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`,
    );
}

/** Pixels by which a page is wider than its window. */
export async function overhang(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}
