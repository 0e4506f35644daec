import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { parse } from "yaml";
import { resolveCommand, runNode, startNode } from "../../scripts/local/process.ts";
import type { FixtureGateway } from "./fixture-gateway.ts";
import { readResults, type ScenarioResult } from "./results.ts";

const PACKAGE = "@modelcontextprotocol/conformance";

/** The parts of the official suite, in the order in which they run. */
export const PARTS = ["2025-06-18", "2025-11-25", "2026-07-28", "authorization-server"] as const;

/** One of {@link PARTS}: a protocol revision, or the authorization server. */
export type Part = (typeof PARTS)[number];

/** Result of one part. */
export interface PartResult {
  part: Part;
  /** What a server of this revision must pass. */
  required: ScenarioResult[];
  /** Scenarios that the suite runs without scoring: extensions, and later scenarios. */
  unscored: ScenarioResult[];
}

/** Runs one part of the official suite against the fixture, in one process of its own. */
export async function runPart(gateway: FixtureGateway, part: Part): Promise<PartResult> {
  if (part !== "authorization-server") return await runRevision(gateway.fixtureUrl, part);
  const scenarios = ["authorization-server-metadata-endpoint", "authorization-code-grant"];
  const required = await inFolder(async (folder) => {
    await runAuthorization(gateway, ["--output-dir", folder]);
    return readResults(folder, part, scenarios);
  });
  return { part, required, unscored: [] };
}

/** Runs what the suite has for a server of one revision, against any URL. */
export async function runRevision(
  url: string,
  part: Exclude<Part, "authorization-server">,
): Promise<PartResult> {
  const wanted = await listScenarios(part);
  const results = await inFolder(async (folder) => {
    const output = ["--output-dir", folder];
    if (part === "2025-06-18") {
      // The suite has no fixed list for this revision: everything that applies to it is required.
      await run(["server", "--url", url, ...output, "--suite", "all", "--spec-version", part]);
    } else await run(["server", "--url", url, ...output, "--requirements", part]);
    return readResults(folder, "server", wanted && [...wanted.required, ...wanted.unscored]);
  });
  const unscored = results.filter(({ scenario }) => wanted?.unscored.includes(scenario));
  return { part, required: results.filter((result) => !unscored.includes(result)), unscored };
}

/** Runs one scenario in the wire form of a revision, whether it applies there or not. */
export async function runScenario(
  url: string,
  revision: Part,
  scenario: string,
): Promise<ScenarioResult | undefined> {
  const [result] = await inFolder(async (folder) => {
    const selection = ["--scenario", scenario, "--spec-version", revision, "--force"];
    await run(["server", "--url", url, "--output-dir", folder, ...selection]);
    return readResults(folder, "server", [scenario]);
  });
  return result;
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-conformance-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(args: readonly string[]) {
  return runNode(resolveCommand(PACKAGE, "conformance"), args);
}

/** The scenarios of a part if the suite lists them, so that a crashed one is detected as missing. */
async function listScenarios(part: Part): Promise<{ required: string[]; unscored: string[] } | undefined> {
  if (part === "2025-06-18") return undefined;
  const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  const file = path.join(path.dirname(manifest), "requirements", `${part}.yaml`);
  const { server, not_scored } = parse(await readFile(file, "utf8")) as {
    server: string[];
    not_scored: { scenario: string; leg: string }[];
  };
  const unscored = not_scored.filter(({ leg }) => leg === "server").map(({ scenario }) => scenario);
  return { required: server, unscored };
}

/**
 * The suite prints the URL for sign-in and consent, and waits for the code. This function acts as the user.
 */
async function runAuthorization(gateway: FixtureGateway, output: readonly string[]): Promise<void> {
  const { port, clientId } = gateway.app;
  const child = startNode(resolveCommand(PACKAGE, "conformance"), [
    ...["authorization", "--url", gateway.url, "--client-id", clientId, "--port", String(port)],
    ...["--resource", gateway.fixtureUrl, ...output],
  ]);
  const ended = new Promise((resolve) => child.once("close", resolve));
  let printed = "";
  for await (const text of child.stdout?.setEncoding("utf8") ?? []) {
    const before = printed;
    printed += text;
    const link = /^http\S+[?&]code_challenge=\S+$/m;
    const found = link.exec(printed)?.[0];
    if (found !== undefined && !link.test(before)) await gateway.signIn(found);
  }
  await ended;
}
