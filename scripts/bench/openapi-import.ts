import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { packDefinitions } from "../../shared/connections/definitions.ts";
import { openapiEntry } from "../../shared/connections/kinds/openapi.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { compileDocument } from "../connections/openapi/compile-document.ts";
import { parseDocument } from "../connections/openapi/read-document.ts";
import { publishConnections } from "../connections/published.ts";
import { pickPort } from "../local/port.ts";
import { platformDatabase } from "../platform/database.ts";
import { buildVariant } from "./calls/build.ts";
import { connectClient } from "./calls/client.ts";
import { signPeopleIn } from "./calls/people.ts";
import { startGateway } from "./calls/runtime.ts";
import { CONNECTED } from "./calls/variants.ts";
import { readDescription } from "./openapi/descriptions.ts";

/** Milliseconds that one step of the Worker may take. */
const MOST_MS = 2_000;

process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

/**
 * Imports GitHub's own description into a running Gatehouse, and prints how long each request of the import took: the
 * Worker's own time and that of its databases. The first question opens the catalogue and its index. Ends with status 1
 * if a step took more than two seconds.
 */
await measure();

async function measure(): Promise<void> {
  const name = "github";
  const entry = openapiEntry.parse({
    kind: "openapi",
    title: "GitHub",
    description: "Repositories, issues and builds.",
    owner: "bench",
    document: "github.json",
    reach: { url: "https://api.github.com" },
  });
  const startedAt = performance.now();
  const document = parseDocument(name, await readDescription(name));
  const { operations, refused } = compileDocument(name, document, entry);
  const parts = packDefinitions(operations);
  console.log(
    `${operations.length + refused.length} operations, ${operations.length} tools, ${parts.length} parts; the command took ${(performance.now() - startedAt).toFixed(0)} ms, and no time of the Worker`,
  );
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-import-"));
  const port = await pickPort();
  const publicUrl = `http://localhost:${port}`;
  const { script, wasm } = await buildVariant(CONNECTED);
  const worker = await startGateway({ script, wasm, folder, publicUrl, port });
  const steps: { what: string; ms: number }[] = [];
  const step = async <Value>(what: string, work: () => Promise<Value>): Promise<Value> => {
    const begun = performance.now();
    const value = await work();
    steps.push({ what, ms: performance.now() - begun });
    return value;
  };
  try {
    const database = await worker.migrate();
    const command = async (asked: object) => {
      const ticket = randomBytes(32).toString("hex");
      await database
        .prepare("INSERT INTO connection_ticket (digest, expires_at) VALUES (?, ?)")
        .bind(digestText(ticket), Date.now() + 60_000)
        .run();
      const answer = await fetch(`${publicUrl}/connections/commands`, {
        method: "POST",
        headers: { authorization: `Bearer ${ticket}`, "content-type": "application/json" },
        body: JSON.stringify(asked),
      });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    };
    // The first request of a process also compiles the Worker.
    await command({ command: "status" });
    for (const [at, { document: part }] of parts.entries())
      await step(`part ${at + 1}`, () => command({ command: "definitions", document: part }));
    const definitions = parts.map(({ digest }) => digest);
    await publishConnections(
      platformDatabase(database),
      { [name]: { entry, definitions } },
      {
        place: { env: "local", state: folder },
        note: "bench",
      },
    );
    const [token = ""] = await signPeopleIn(database, `${publicUrl}/mcp`, 1);
    const client = await connectClient("stateless", {
      ...{ port, host: `localhost:${port}`, path: "/mcp", token },
      ...{ tool: "tools_find", arguments: { query: "open issues of a repository" } },
    });
    await step("first question", () => client.call());
    await step("second question", () => client.call());
    client.close();
  } finally {
    await worker.stop();
    await rm(folder, { recursive: true, force: true });
  }
  const stored = steps.filter(({ what }) => what.startsWith("part "));
  const sum = stored.reduce((total, { ms }) => total + ms, 0);
  const longest = Math.max(...stored.map(({ ms }) => ms));
  console.log(
    `${stored.length} steps that store a part: ${sum.toFixed(0)} ms together, ${longest.toFixed(0)} ms the longest`,
  );
  for (const { what, ms } of steps.slice(stored.length)) console.log(`${what}: ${ms.toFixed(0)} ms`);
  const slow = steps.filter(({ ms }) => ms > MOST_MS);
  console.log(
    slow.length === 0 ? "every step is below 2 s" : `above 2 s: ${slow.map(({ what }) => what).join(", ")}`,
  );
  process.exit(slow.length === 0 ? 0 : 1);
}
