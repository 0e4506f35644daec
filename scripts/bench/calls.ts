import { cp, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { GENERATIONS, type Generation } from "../demo/session.ts";
import { reportFailure } from "../local/failure.ts";
import { pickPort } from "../local/port.ts";
import { type BuiltModule, buildVariant } from "./calls/build.ts";
import { countCalls } from "./calls/count-calls.ts";
import type { Counts } from "./calls/counts.ts";
import { measureRounds, SHORT_PLAN, type Stand, WHOLE_PLAN } from "./calls/measure.ts";
import { signPeopleIn } from "./calls/people.ts";
import { profileSteps, type StepShares } from "./calls/profile.ts";
import { printReport } from "./calls/report.ts";
import { startBare, startGateway } from "./calls/runtime.ts";
import { timeDecisions } from "./calls/time-decisions.ts";
import { BARE, COUNTED, GUARDED, NOTING, type Variant } from "./calls/variants.ts";
import { readBench } from "./options.ts";

const HELP = `Measures the cost of a guarded call compared to a bare one, in both generations, the variants in turn.

  npm run bench -- calls [--quick | --short]

--quick leaves out the profile that tells each step's share, and some rounds. --short only sees whether everything builds,
starts and answers, and counts a few calls: its times say nothing. Targets that are missed are said so and are
no failure; a call that fails is.
`;

/** Variants built in parallel. */
const BUILDERS = 3;

/**
 * Milliseconds after which no further round begins, so that a full run takes five minutes, a quick one 90 s.
 */
const WHOLE_MS = 215_000;
const QUICK_MS = 45_000;

/** Reduced amounts for --short. */
const SHORT = { variants: [BARE, GUARDED, COUNTED], people: 1, counted: 32, profileMs: 100 };

/** Milliseconds of load from which the shares of the steps are read, for each generation. */
const PROFILE_MS = 5_000;

process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

const began = performance.now();
const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-bench-"));
const stops: (() => Promise<void>)[] = [];
try {
  const { values } = readBench("calls");
  if (values.help) console.log(HELP);
  else await run(values.short ? "short" : values.quick ? "quick" : "whole");
} catch (failure) {
  process.exitCode = reportFailure(failure);
} finally {
  await Promise.all(stops.map((stop) => stop()));
  await rm(folder, { recursive: true, force: true });
}

async function run(form: "whole" | "quick" | "short"): Promise<void> {
  const short = form === "short";
  const variants = short ? SHORT.variants : [BARE, NOTING, GUARDED, COUNTED];
  say(`building ${variants.length} Workers`);
  const modules = await buildAll(variants);
  const moduleOf = ({ name }: Variant) => modules.get(name) ?? { script: "", sourceMap: "" };

  say("signing people in");
  const seed = path.join(folder, "seed");
  const { publicUrl, tokens } = await seedPeople(
    moduleOf(GUARDED).script,
    seed,
    short ? SHORT.people : undefined,
  );

  say("starting");
  const stands: Stand[] = [];
  const stand = async (variant: Variant, inspectorPort?: number): Promise<Stand> => {
    const own = path.join(folder, `state-${stops.length}`);
    const { script } = moduleOf(variant);
    const inspected = inspectorPort !== undefined && { inspectorPort };
    const options = { script, folder: own, publicUrl, port: 0, ...inspected };
    if (variant.bare === undefined) await cp(seed, own, { recursive: true });
    const worker = await (variant.bare !== undefined ? startBare(options) : startGateway(options));
    stops.push(worker.stop);
    return { variant, worker, publicUrl, tokens };
  };
  for (const variant of variants) if (variant !== COUNTED) stands.push(await stand(variant));

  const until = began + (form === "whole" ? WHOLE_MS : QUICK_MS);
  const measured = await measureRounds(stands, until, say, short ? SHORT_PLAN : WHOLE_PLAN);

  let shares: StepShares | null = null;
  if (form !== "quick") {
    say("profiling");
    // An inspector slows its runtime down: this one is measured for nothing else.
    const inspected = await stand(GUARDED, await pickPort());
    const milliseconds = short ? SHORT.profileMs : PROFILE_MS;
    shares = await profileSteps(inspected, moduleOf(GUARDED).sourceMap, milliseconds);
  }

  say("counting");
  const counted = await stand(COUNTED);
  const counts = new Map<Generation, Counts>();
  for (const generation of short ? (["stateless"] as const) : GENERATIONS) {
    counts.set(generation, await countCalls(counted, generation, short ? SHORT.counted : undefined));
  }
  printReport(measured, counts, shares, timeDecisions());
  say("done");
}

async function buildAll(variants: readonly Variant[]): Promise<ReadonlyMap<string, BuiltModule>> {
  const modules = new Map<string, BuiltModule>();
  const waiting = [...variants];
  const build = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      modules.set(next.name, await buildVariant(next));
    }
  };
  await Promise.all(Array.from({ length: BUILDERS }, build));
  return modules;
}

/** Fills storage with signed-in users; every variant gets a copy of it. */
async function seedPeople(
  script: string,
  state: string,
  people?: number,
): Promise<{ publicUrl: string; tokens: string[] }> {
  const port = await pickPort();
  const publicUrl = `http://localhost:${port}`;
  const worker = await startGateway({ script, folder: state, publicUrl, port });
  try {
    return { publicUrl, tokens: await signPeopleIn(await worker.migrate(), `${publicUrl}/mcp`, people) };
  } finally {
    await worker.stop();
  }
}

function say(what: string): void {
  console.log(`[${((performance.now() - began) / 1000).toFixed(0).padStart(3)} s] ${what}`);
}
