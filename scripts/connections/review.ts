import os from "node:os";
import type { ConnectionEntry, ConnectionsDocument } from "../../shared/connections/entry.ts";
import { flowOf } from "../../shared/connections/flow.ts";
import type { ConnectionFailure } from "../../shared/objects/connection-gate.ts";
import { effectOfHints, takesAddress } from "../../workers/connections/mcp/definitions.ts";
import { CommandFailure } from "../local/failure.ts";
import { askWorker, type WorkerPlace } from "./ask-worker.ts";
import { findEntry } from "./commands.ts";
import { visible } from "./visible.ts";

/** An item of a review, as the Worker describes it. */
interface Item {
  type: string;
  name: string;
  offeredAs: string;
  digest: string;
  status: "new" | "changed" | "renamed" | "approved" | "refused" | "gone";
  formerly?: string;
  title?: string;
  description?: string;
  annotations?: Record<string, boolean>;
  arguments: string[];
  changes: { path: string; before: unknown; after: unknown }[];
  findings: { path: string; rule: string; excerpt: string }[];
  refusal: string | null;
}

type Review =
  | { ok: true; items: Item[]; leftOut: { type: string; name: string; reason: string }[] }
  | { ok: false; failure: ConnectionFailure };

const MARKS = { new: "+", changed: "~", renamed: "→", approved: "✓", refused: "✗", gone: "-" } as const;

/** Shows what a connected system offers now, and how it differs from what was approved. */
export async function showReview(
  { connections }: ConnectionsDocument,
  name: string,
  { person, verbose }: { person?: string | undefined; verbose: boolean },
  place: WorkerPlace,
): Promise<void> {
  const entry = findEntry(connections, name);
  const { items, leftOut } = await look(name, entry, person, place);
  const counts = Object.keys(MARKS).map(
    (status) => `${items.filter((item) => item.status === status).length} ${status}`,
  );
  console.log(`${name}: ${counts.join(", ")}`);
  for (const item of items) {
    if ((item.status === "approved" || item.status === "refused") && !verbose) continue;
    for (const line of describe(item, entry)) console.log(line);
  }
  for (const { type, name: own, reason } of leftOut)
    console.log(`x ${type} ${visible(own)} ${reason}; it is left out.`);
  const waiting = items.filter(isWaiting);
  if (waiting.length > 0)
    console.log(`\nApprove: npm run connections -- approve ${name} <names…>   or --all`);
  else console.log("\nEverything that it offers is approved.");
}

/** Approves waiting definitions: those that are named, or all of them. */
export async function approve(
  { connections }: ConnectionsDocument,
  name: string,
  names: readonly string[],
  { all, person }: { all: boolean; person?: string | undefined },
  place: WorkerPlace,
): Promise<void> {
  const { items } = await look(name, findEntry(connections, name), person, place);
  // By name, what was refused earlier can be approved after all.
  const chosen = all
    ? items.filter(isWaiting)
    : choose(
        name,
        items.filter((item) => isWaiting(item) || item.status === "refused"),
        names,
      );
  if (chosen.length === 0) {
    throw new CommandFailure(
      "Nothing was chosen.",
      `Name tools, or take all that wait: approve ${name} --all`,
    );
  }
  const digests = chosen.map(({ digest }) => digest);
  const answer = await askWorker<{
    approved: { type: string; name: string }[];
    refused: { type: string; name: string; refusal: string }[];
  }>(place, { command: "approve", connection: name, digests, all, by: whoAsks() });
  console.log(`✓ ${answer.approved.length} approved.`);
  for (const { type, name: own, refusal } of answer.refused)
    console.log(`✗ ${type} ${visible(own)}: ${refusal}`);
  console.log(`  Next: npm run connections -- publish --note "Approve ${name}"`);
}

/** Decides against waiting definitions: they wait no more, unless the other side changes them. */
export async function refuse(
  { connections }: ConnectionsDocument,
  name: string,
  names: readonly string[],
  { person }: { person?: string | undefined },
  place: WorkerPlace,
): Promise<void> {
  const { items } = await look(name, findEntry(connections, name), person, place);
  const chosen = choose(name, items.filter(isWaiting), names);
  if (chosen.length === 0)
    throw new CommandFailure("Name what to refuse.", "See: npm run connections -- --help");
  const digests = chosen.map(({ digest }) => digest);
  const asked = { command: "refuse", connection: name, digests, by: whoAsks() };
  const { refused } = await askWorker<{ refused: object[] }>(place, asked);
  console.log(`✓ ${refused.length} refused. They wait again if the other side changes them.`);
}

/** The items with these names. Throws if one is missing. */
function choose(connection: string, items: readonly Item[], names: readonly string[]): Item[] {
  const chosen = items.filter((item) => names.includes(item.name) || names.includes(item.offeredAs));
  const unknown = names.filter((own) => !chosen.some((item) => item.name === own || item.offeredAs === own));
  if (unknown.length === 0) return chosen;
  throw new CommandFailure(
    `Nothing with this name waits: ${unknown.join(", ")}.`,
    `Look: npm run connections -- review ${connection}`,
  );
}

function isWaiting({ status }: Item): boolean {
  return status === "new" || status === "changed" || status === "renamed";
}

function whoAsks(): string {
  return `npm run connections (${os.userInfo().username})`;
}

/** Takes approvals back. */
export async function withdraw(name: string, names: readonly string[], place: WorkerPlace): Promise<void> {
  if (names.length === 0)
    throw new CommandFailure("Name what to withdraw.", "See: npm run connections -- --help");
  const both = names.flatMap((own) =>
    ["tool", "prompt", "resource", "template"].map((type) => ({ type, name: own })),
  );
  await askWorker(place, { command: "withdraw", connection: name, names: both, by: whoAsks() });
  console.log("✓ Withdrawn. It is out of force with the next publication: npm run connections -- publish");
}

/** Has the approved definitions stored for a publication. */
export function prepareDefinitions(
  connection: string,
  entry: ConnectionEntry,
  place: WorkerPlace,
): Promise<{ definitions: string[]; approved: number; waiting: number }> {
  return askWorker(place, { command: "prepare", connection, entry });
}

async function look(
  connection: string,
  entry: ConnectionEntry,
  person: string | undefined,
  place: WorkerPlace,
) {
  const new_address = place.newAddress ?? false;
  const asked = {
    command: "review",
    connection,
    entry,
    new_address,
    ...(person !== undefined && { person }),
  };
  const answer = await askWorker<Review>(place, asked);
  if (answer.ok) return answer;
  throw new CommandFailure(answer.failure.message, answer.failure.action ?? "Check address and secret.");
}

function describe(item: Item, entry: ConnectionEntry): string[] {
  const former = item.formerly === undefined ? "" : `, formerly ${visible(item.formerly)}`;
  const hints = Object.entries(item.annotations ?? {}).map(([hint, value]) => `${hint}=${value}`);
  return [
    `${MARKS[item.status]} ${item.type} ${visible(item.name)} (${item.status}${former}), offered as ${visible(item.offeredAs)}`,
    ...(item.status === "changed"
      ? item.changes.flatMap(({ path, before, after }) => [
          `    ${visible(path)}`,
          `      - ${visible(JSON.stringify(before))}`,
          `      + ${visible(JSON.stringify(after))}`,
        ])
      : [`    ${visible(item.description ?? "")}`]),
    ...(item.arguments.length > 0 ? [`    takes ${item.arguments.map(visible).join(", ")}`] : []),
    ...(hints.length > 0 ? [`    says of itself: ${hints.join(", ")}`] : []),
    ...(item.type === "tool" ? [`    ${describeFlow(item, entry)}`] : []),
    ...item.findings.map(
      ({ path, rule, excerpt }) => `    ! ${rule}: “${visible(excerpt)}” in ${visible(path)}`,
    ),
    ...(item.refusal === null ? [] : [`    ✗ ${item.refusal}`]),
  ];
}

/** The labels that a tool would get; `flow` under `tools` of the entry changes them. */
function describeFlow({ name, annotations = {}, arguments: names }: Item, entry: ConnectionEntry): string {
  const own = entry.kind === "mcp" ? entry.tools[name] : undefined;
  const effect = own?.effect ?? effectOfHints(annotations);
  const { reads, sends } = flowOf(entry, effect, own?.flow, takesAddress(names));
  const what = reads.length > 0 ? `reads ${reads.join(" and ")}` : "reads nothing that is labelled";
  return `${what}; sends ${sends}`;
}
