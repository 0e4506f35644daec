import path from "node:path";
import { pathToFileURL } from "node:url";
import { GENERATIONS } from "../../demo/session.ts";
import { CommandFailure } from "../../local/failure.ts";
import { countCalls } from "./count-calls.ts";
import { measureRounds, type Plan, type Stand, WHOLE_PLAN } from "./measure.ts";
import { printGeneration, printTable } from "./report.ts";
import { COUNTED, GUARDED, type Variant } from "./variants.ts";

/** Fewer rounds, and a longer load before the work that it leaves is waited for: CPU time is what is compared. */
const PLAN: Plan = { ...WHOLE_PLAN, rounds: 3, drainLoadMs: 3_000 };

/** Calls that are counted of each checkout. */
const CALLS = 256;

/** How one checkout of Gatehouse builds and starts a variant of its own. */
export interface Checkout {
  build(variant: Variant): Promise<string>;
  runtime: Pick<typeof import("./runtime.ts"), "startBare" | "startGateway">;
}

/** The bench of another checkout. Throws when there is none in the folder. */
export async function openCheckout(folder: string): Promise<Checkout> {
  const load = async (file: string): Promise<unknown> =>
    await import(pathToFileURL(path.resolve(folder, "scripts/bench/calls", file)).href);
  try {
    const { buildVariant } = (await load("build.ts")) as typeof import("./build.ts");
    const runtime = (await load("runtime.ts")) as typeof import("./runtime.ts");
    return { build: async (variant) => (await buildVariant(variant)).script, runtime };
  } catch (failure) {
    throw new CommandFailure(`${folder} is no checkout with its packages installed.`, String(failure));
  }
}

/**
 * Measures the guarded call of another checkout and of this one in turn, with the bare servers, and counts what each does.
 *
 * @param start - starts a variant, of the other checkout when it is named so
 */
export async function compareCheckouts(
  bare: readonly Variant[],
  start: (variant: Variant, isOther: boolean) => Promise<Stand>,
  say: (what: string) => void,
): Promise<void> {
  const other = (variant: Variant): Variant => ({ ...variant, name: `${variant.name}, the other checkout` });
  const stands: Stand[] = [];
  for (const variant of bare) stands.push(await start(variant, false));
  stands.push(await start(other(GUARDED), true), await start(GUARDED, false));
  const measured = await measureRounds(stands, Number.POSITIVE_INFINITY, say, PLAN);
  say("counting");
  const counted = await Promise.all(
    [await start(other(COUNTED), true), await start(COUNTED, false)].map(
      async (stand) => (await countCalls(stand, "stateless", { calls: CALLS })).counts,
    ),
  );
  for (const generation of GENERATIONS) printGeneration(measured, generation, stands[0]?.storage ?? "disk");
  console.log("\nstateless: counted for each call");
  const names = [...new Set(counted.flatMap((counts) => Object.keys(counts)))].sort();
  const cells = (name: string) => counted.map((counts) => (counts[name] ?? 0).toFixed(2));
  printTable([["", "the other checkout", "this one"], ...names.map((name) => [name, ...cells(name)])]);
}
