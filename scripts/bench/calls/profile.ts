import { SourceMap } from "node:module";
import { GENERATIONS, type Generation } from "../../demo/session.ts";
import { connectClient } from "./client.ts";
import { runLoad } from "./load.ts";
import { countClients, type Stand, targetOf } from "./measure.ts";
import { type CallFrame, type CpuProfile, shareSteps } from "./steps.ts";

/** Microseconds between two samples. */
const INTERVAL_US = 200;

/** Shares of the steps in the Worker's CPU time, by generation. */
export type StepShares = ReadonlyMap<Generation, ReadonlyMap<string, number>>;

/**
 * Profiles a Worker under the load of the throughput measurement and divides its CPU time into the steps of the guard.
 * The Worker must have an inspector.
 *
 * @param sourceMap - of the Worker's module (ECMA-426)
 * @param milliseconds - of load, for each generation
 */
export async function profileSteps(
  stand: Stand,
  sourceMap: string,
  milliseconds: number,
): Promise<StepShares> {
  const sourceOf = readSources(sourceMap);
  const shares = new Map<Generation, ReadonlyMap<string, number>>();
  const inspector = await stand.worker.openInspector();
  try {
    await inspector.askAwake("Profiler.enable");
    await inspector.askAwake("Profiler.setSamplingInterval", { interval: INTERVAL_US });
    for (const generation of GENERATIONS) {
      const clients = await Promise.all(
        Array.from({ length: countClients(stand.tokens.length) }, (_, index) => {
          const token = stand.tokens[index % stand.tokens.length] ?? "";
          return connectClient(generation, targetOf(stand, generation, token));
        }),
      );
      await runLoad(clients, milliseconds / 2);
      await inspector.askAwake("Profiler.start");
      await runLoad(clients, milliseconds);
      const { profile } = (await inspector.askAwake("Profiler.stop")) as { profile: CpuProfile };
      for (const client of clients) client.close();
      shares.set(generation, shareSteps(profile, sourceOf));
    }
  } finally {
    inspector.close();
  }
  return shares;
}

/** Finds the project's source file of a frame of the uploaded module. */
function readSources(sourceMap: string): (frame: CallFrame) => string | null {
  const map = new SourceMap(JSON.parse(sourceMap));
  return ({ lineNumber, columnNumber }) => {
    if (lineNumber < 0) return null;
    const entry = map.findEntry(lineNumber, columnNumber);
    const source = "originalSource" in entry ? entry.originalSource : undefined;
    if (source === undefined || source.includes("node_modules/")) return null;
    return /(?:^|\/)((?:workers|shared)\/.*)$/.exec(source)?.[1] ?? null;
  };
}
