import { packDefinitions } from "../../shared/connections/definitions.ts";
import { openapiEntry } from "../../shared/connections/kinds/openapi.ts";
import { addressOfDocument } from "../connections/openapi/address-of-document.ts";
import { compileDocument } from "../connections/openapi/compile-document.ts";
import { parseDocument } from "../connections/openapi/read-document.ts";
import { compileProfile } from "../connections/profiles/compile-profile.ts";
import { loadProfile } from "../connections/profiles/load-profile.ts";
import { CommandFailure } from "../local/failure.ts";
import { answerFromMock } from "./openapi/answer-from-mock.ts";
import { DESCRIPTIONS, readDescription } from "./openapi/descriptions.ts";
import { mockApi } from "./openapi/mock-api.ts";
import { readBench } from "./options.ts";

const only = readBench("openapi").words;
const unknown = only.find((name) => !Object.hasOwn(DESCRIPTIONS, name));
if (unknown !== undefined)
  throw new CommandFailure(
    `There is no description "${unknown}".`,
    `There are: ${Object.keys(DESCRIPTIONS).join(", ")}.`,
  );
/**
 * Imports vendors' own descriptions and calls each of their operations once against a mock that is generated from the
 * same description. `answered` counts calls whose arguments were valid, whose request the mock took, and whose answer was
 * read. The vendors' systems themselves are not asked.
 */
const columns = ["operations", "tools", "refused", "answered", "import ms", "MB", "largest KB"];
console.log(`${"description".padEnd(18)} ${columns.map((name) => name.padStart(10)).join(" ")}`);

const totals = [0, 0, 0, 0];
const reasons = new Map<string, number>();
const missed = new Map<string, number>();
for (const name of Object.keys(DESCRIPTIONS).filter((one) => only.length === 0 || only.includes(one))) {
  const text = await readDescription(name);
  const startedAt = performance.now();
  const document = parseDocument(name, text);
  const url = addressOfDocument(document, name) ?? "https://api.example.com";
  const entry = openapiEntry.parse({
    kind: "openapi",
    title: name,
    description: name,
    owner: "bench",
    document: name,
    reach: { url },
  });
  const { operations, refused } = compileDocument(name, document, entry);
  const parts = packDefinitions(operations);
  const spent = performance.now() - startedAt;
  const mock = mockApi(document, new URL(url).pathname.replace(/\/+$/, ""));
  let answered = 0;
  for (const operation of operations) {
    const outcome = await answerFromMock(operation, entry, mock);
    if (outcome.ok) answered += 1;
    else missed.set(outcome.step, (missed.get(outcome.step) ?? 0) + 1);
  }
  for (const { reason } of refused) {
    const kind = reason.replace(/\(.*|[A-Z]+ \/\S+.*/, "").trim();
    reasons.set(kind, (reasons.get(kind) ?? 0) + 1);
  }
  const size = parts.reduce((sum, part) => sum + part.document.length, 0);
  const largest = Math.max(0, ...operations.map((one) => JSON.stringify(one).length));
  const row = [operations.length + refused.length, operations.length, refused.length, answered];
  for (const [at, value] of row.entries()) totals[at] = (totals[at] ?? 0) + value;
  const figures = [...row.map(String), spent.toFixed(0), (size / 1e6).toFixed(2), (largest / 1e3).toFixed(0)];
  console.log(`${name.padEnd(18)} ${figures.map((figure) => figure.padStart(10)).join(" ")}`);
}
console.log(`${"all".padEnd(18)} ${totals.map((total) => String(total).padStart(10)).join(" ")}`);
console.log("\nwhy operations are refused:");
for (const [reason, count] of [...reasons].sort((one, other) => other[1] - one[1]))
  console.log(`  ${String(count).padStart(5)}  ${reason}`);
console.log(
  `\nnot answered, by step: ${[...missed].map(([step, count]) => `${step} ${count}`).join(", ") || "none"}`,
);

console.log("\nprofiles against a mock that is generated from the vendor's own description:");
for (const name of [
  "github",
  "jira",
  "stripe",
  "slack",
  "google-drive",
  "google-calendar",
  "google-sheets",
  "twilio",
  "microsoft-graph",
]) {
  const profile = await loadProfile(name);
  const document = parseDocument(name, await readDescription(name));
  const url = (addressOfDocument(document, name) ?? profile.address).replace(/\{\w+\}/g, "example");
  const address = profile.address.replace(/\{\w+\}/g, "example");
  const auth = { type: "none" } as const;
  const entry = openapiEntry.parse({
    kind: "openapi",
    title: name,
    description: name,
    owner: "bench",
    profile: name,
    auth,
    reach: { url: address },
  });
  const mock = mockApi(document, new URL(url).pathname.replace(/\/+$/, ""));
  const { operations } = compileProfile(profile, entry);
  const outcomes = await Promise.all(
    operations.map(async (operation) => ({
      operation,
      outcome: await answerFromMock(operation, entry, mock),
    })),
  );
  const failed = outcomes.flatMap(({ operation, outcome }) =>
    outcome.ok ? [] : [`${operation.tool} (${outcome.why.slice(0, 60)})`],
  );
  console.log(
    `  ${name.padEnd(16)} ${operations.length - failed.length} of ${operations.length} answered${failed.length > 0 ? `; not: ${failed.join(", ")}` : ""}`,
  );
}
