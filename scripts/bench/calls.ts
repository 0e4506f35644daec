import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { GENERATIONS, type Generation } from "../demo/session.ts";
import { reportFailure } from "../local/failure.ts";
import { pickPort } from "../local/port.ts";
import { parseWholeNumber } from "../local/whole-number.ts";
import { type Checkout, compareCheckouts, openCheckout } from "./calls/against.ts";
import { type BuiltModule, buildVariant } from "./calls/build.ts";
import { countCalls } from "./calls/count-calls.ts";
import type { Counts } from "./calls/counts.ts";
import { measureRounds, SHORT_PLAN, type Stand, type Storage, WHOLE_PLAN } from "./calls/measure.ts";
import { measureOthers } from "./calls/other-work.ts";
import { signPeopleIn } from "./calls/people.ts";
import { profileSteps, type StepShares } from "./calls/profile.ts";
import { printReport } from "./calls/report.ts";
import { startBare, startGateway } from "./calls/runtime.ts";
import { compareSpaced, GAPS } from "./calls/spaced.ts";
import { timeDecisions } from "./calls/time-decisions.ts";
import { BARE, COUNTED, COUNTED_IN_TIME, GUARDED, NOTING, PLAIN, type Variant } from "./calls/variants.ts";
import { readBench } from "./options.ts";

const HELP = `Measures the cost of a guarded call compared to a bare one, in both generations, the variants in turn.

  npm run bench -- calls [--quick | --short | --spaced | --against <folder>] [--people 8] [--work <ms>]

Storage lies on the disk and, where the system has one, in memory (tmpfs). «drained» is the CPU time of a call with all
that is done after it.

--people   so many, with an app each
--work     milliseconds that the tool waits before it answers
--quick    without storage in memory, drained times, the profile that tells each step's share, and some rounds
--spaced   calls of one person in a row, every 12 s and every 30 s: what each counts and costs, six minutes
--against  compares with the guarded call of another checkout, whose packages are installed, in memory where there is such storage
--short    only sees whether everything builds, starts and answers, and counts a few calls: its times say nothing

Targets that are missed are said so and are no failure; a call that fails is.
`;

/** Variants built in parallel. */
const BUILDERS = 3;

/**
 * Milliseconds after which no further round begins, so that a full run takes five minutes, a quick one 90 s.
 */
const WHOLE_MS = 190_000;
const QUICK_MS = 45_000;

/** Where Linux has memory that looks like a disk. */
const TMPFS = "/dev/shm";

/** Share of the machine that other programs may use before the figures are said to be doubtful. */
const MOST_OTHERS = 0.1;

/** Reduced amounts for --short. */
const SHORT = { variants: [BARE, GUARDED, COUNTED], people: 1, counted: 32, profileMs: 100 };

/** Milliseconds of load from which the shares of the steps are read, for each generation. */
const PROFILE_MS = 5_000;

process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

const began = performance.now();
const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-bench-"));
const inMemory = existsSync(TMPFS) ? await mkdtemp(path.join(TMPFS, "gatehouse-bench-")) : null;
const stops: (() => Promise<void>)[] = [];
try {
  const { values } = readBench("calls");
  if (values.help) console.log(HELP);
  else {
    const form = values.short ? "short" : values.quick ? "quick" : "whole";
    const workMs = values.work === undefined ? 0 : parseWholeNumber("work", values.work, 1_000);
    if (values.spaced) await runSpaced();
    else if (values.against !== undefined) await runAgainst(values.against);
    else await run(form, parseWholeNumber("people", values.people, 1_000), workMs);
  }
} catch (failure) {
  process.exitCode = reportFailure(failure);
} finally {
  await Promise.all(stops.map((stop) => stop()));
  for (const own of [folder, inMemory]) if (own !== null) await rm(own, { recursive: true, force: true });
}

async function run(form: "whole" | "quick" | "short", people: number, workMs: number): Promise<void> {
  const short = form === "short";
  const others = await measureOthers();
  if (others > MOST_OTHERS)
    say(
      `other programs use ${Math.round(others * 100)} % of the machine: compare no figure with those of another run`,
    );
  const variants = short ? SHORT.variants : [BARE, NOTING, PLAIN, GUARDED, COUNTED];
  say(`building ${variants.length} Workers`);
  const modules = await buildAll(variants);
  const moduleOf = ({ name }: Variant) => modules.get(name) ?? { script: "", sourceMap: "" };

  say("signing people in");
  const seed = path.join(folder, "seed");
  const { publicUrl, tokens } = await seedPeople(
    moduleOf(GUARDED).script,
    seed,
    short ? SHORT.people : people,
  );

  say("starting");
  const stands: Stand[] = [];
  const stand = async (
    variant: Variant,
    { storage = "disk", inspectorPort }: { storage?: Storage; inspectorPort?: number } = {},
  ): Promise<Stand> => {
    const own = path.join((storage === "tmpfs" && inMemory) || folder, `state-${stops.length}`);
    const { script } = moduleOf(variant);
    const inspected = inspectorPort !== undefined && { inspectorPort };
    const options = { script, folder: own, publicUrl, port: 0, ...inspected };
    if (variant.bare === undefined) await cp(seed, own, { recursive: true });
    const worker = await (variant.bare !== undefined ? startBare(options) : startGateway(options));
    stops.push(worker.stop);
    return { variant, worker, publicUrl, tokens, storage, ...(workMs > 0 && { workMs }) };
  };
  for (const variant of variants) {
    if (variant === COUNTED) continue;
    stands.push(await stand(variant));
    if (form === "whole" && inMemory !== null) stands.push(await stand(variant, { storage: "tmpfs" }));
  }

  const until = began + (form === "whole" ? WHOLE_MS : QUICK_MS);
  const measured = await measureRounds(
    stands,
    until,
    say,
    short ? SHORT_PLAN : form === "quick" ? { ...WHOLE_PLAN, drainLoadMs: 0 } : WHOLE_PLAN,
  );

  let shares: StepShares | null = null;
  if (form !== "quick") {
    say("profiling");
    // An inspector slows its runtime down: this one is measured for nothing else.
    const inspected = await stand(GUARDED, { inspectorPort: await pickPort() });
    const milliseconds = short ? SHORT.profileMs : PROFILE_MS;
    shares = await profileSteps(inspected, moduleOf(GUARDED).sourceMap, milliseconds);
  }

  say("counting");
  const counted = await stand(COUNTED);
  const counts = new Map<Generation, Counts>();
  for (const generation of short ? (["stateless"] as const) : GENERATIONS) {
    const counting = await countCalls(counted, generation, short ? { calls: SHORT.counted } : {});
    counts.set(generation, counting.counts);
  }
  printReport(measured, counts, shares, timeDecisions());
  say("done");
}

/** Calls with pauses, compared to calls in a row. */
async function runSpaced(): Promise<void> {
  const { script } = await buildVariant(COUNTED_IN_TIME);
  const seed = path.join(folder, "seed");
  const { publicUrl, tokens } = await seedPeople(script, seed, 1);
  const stands: Stand[] = [];
  for (const gap of GAPS) {
    const own = path.join(folder, `state-${gap}`);
    await cp(seed, own, { recursive: true });
    const worker = await startGateway({ script, folder: own, publicUrl, port: 0 });
    stops.push(worker.stop);
    stands.push({ variant: COUNTED_IN_TIME, worker, publicUrl, tokens, storage: "disk" });
  }
  say("calling");
  await compareSpaced(stands);
}

/** The guarded call of another checkout and of this one, in turn. */
async function runAgainst(other: string): Promise<void> {
  const root = inMemory ?? folder;
  const here: Checkout = {
    build: async (variant) => (await buildVariant(variant)).script,
    runtime: { startBare, startGateway },
  };
  const seedOf = async (name: string, { build, runtime }: Checkout) => {
    say(`signing people in, ${name}`);
    const seed = path.join(root, name);
    return { seed, ...(await seedPeople(await build(GUARDED), seed, 8, runtime.startGateway)) };
  };
  const there = await openCheckout(other);
  const checkouts = [
    { ...here, ...(await seedOf("this checkout", here)) },
    { ...there, ...(await seedOf("the other one", there)) },
  ] as const;
  const start = async (variant: Variant, isOther: boolean): Promise<Stand> => {
    const { build, runtime, seed, publicUrl, tokens } = checkouts[isOther ? 1 : 0];
    const own = path.join(root, `state-${stops.length}`);
    const options = { script: await build(variant), folder: own, publicUrl, port: 0 };
    if (variant.bare === undefined) await cp(seed, own, { recursive: true });
    const worker = await runtime[variant.bare === undefined ? "startGateway" : "startBare"](options);
    stops.push(worker.stop);
    return { variant, worker, publicUrl, tokens, storage: inMemory === null ? "disk" : "tmpfs" };
  };
  await compareCheckouts([BARE, NOTING, PLAIN], start, say);
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
  people: number,
  begin: typeof startGateway = startGateway,
): Promise<{ publicUrl: string; tokens: string[] }> {
  const port = await pickPort();
  const publicUrl = `http://localhost:${port}`;
  const worker = await begin({ script, folder: state, publicUrl, port });
  try {
    return { publicUrl, tokens: await signPeopleIn(await worker.migrate(), `${publicUrl}/mcp`, people) };
  } finally {
    await worker.stop();
  }
}

function say(what: string): void {
  console.log(`[${((performance.now() - began) / 1000).toFixed(0).padStart(3)} s] ${what}`);
}
