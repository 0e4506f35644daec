import { env, exports } from "cloudflare:workers";
import type { ConnectionAttempt } from "../../../shared/audit/record.ts";
import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import { writeRevision } from "../../../shared/connections/revision.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { storeCatalogues } from "../../../shared/policy/changes/publications.ts";
import { allEventsOf } from "../../audit/trail.ts";
import { publishCatalogues, readState } from "../../support/publish.ts";

/** Host of the servers outside of the runtime. */
export const HOST = (env as unknown as { MCP_HOST: string }).MCP_HOST;

/** An entry for one of the servers, with changes. */
export function mcpEntryOf(path: string, more: Record<string, unknown> = {}): ConnectionEntry {
  return connectionEntry.parse({
    kind: "mcp",
    title: "Things",
    description: "Things of another system.",
    owner: "team@people.example",
    reach: { url: `http://${HOST}${path}` },
    asks: { person: true, model: true },
    limits: { seconds: 5 },
    ...more,
  });
}

/** Sends a command as `npm run connections` does. */
export async function command<Answer = ReturnType<typeof JSON.parse>>(asked: object): Promise<Answer> {
  const ticket = (crypto.randomUUID() + crypto.randomUUID()).replaceAll("-", "");
  await env.PLATFORM_DB.prepare("INSERT INTO connection_ticket (digest, expires_at) VALUES (?, ?)")
    .bind(digestText(ticket), Date.now() + 60_000)
    .run();
  const answer = await exports.default.fetch(new URL("/connections/commands", env.PUBLIC_URL), {
    method: "POST",
    headers: { authorization: `Bearer ${ticket}`, "content-type": "application/json" },
    body: JSON.stringify(asked),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return await answer.json<Answer>();
}

/** An item of a review. */
export interface Reviewed {
  type: string;
  name: string;
  offeredAs: string;
  digest: string;
  status: string;
  formerly?: string;
  refusal: string | null;
  findings: { rule: string; path: string }[];
  changes: { path: string }[];
}

/** Looks at what a server offers. */
export async function review(connection: string, entry: ConnectionEntry): Promise<Reviewed[]> {
  const answer = await command<{ ok: boolean; items: Reviewed[]; failure?: object }>({
    command: "review",
    connection,
    entry,
  });
  if (!answer.ok) throw new Error(JSON.stringify(answer.failure));
  return answer.items;
}

/** Approves everything that a server offers, or what `choose` says. */
export async function approve(
  connection: string,
  entry: ConnectionEntry,
  choose: (item: Reviewed) => boolean = () => true,
): Promise<void> {
  const items = (await review(connection, entry)).filter(({ status }) => status !== "gone").filter(choose);
  const digests = items.map(({ digest }) => digest);
  await command({ command: "approve", connection, digests, by: "tests" });
}

/** Publishes these connections, and no others, with what is approved of them. */
export async function publishEntries(entries: Record<string, ConnectionEntry>): Promise<void> {
  const documents = await Promise.all(
    Object.entries(entries).map(async ([name, entry]) => {
      const { definitions } = await command<{ definitions: string[] }>({
        command: "prepare",
        connection: name,
        entry,
      });
      return [name, writeRevision(name, entry, definitions)] as const;
    }),
  );
  await publishCatalogues(storeCatalogues(Object.fromEntries(documents), Date.now()));
  await takeChanges();
}

/** Has the Worker take what was published. */
export async function takeChanges(): Promise<void> {
  const { publication } = await readState();
  const body = JSON.stringify({ publication });
  const answer = await exports.default.fetch(new URL("/policy/changes", env.PUBLIC_URL), {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": String(body.length) },
    body,
  });
  if (!answer.ok) throw new Error(`The publication was not taken: ${answer.status}`);
}

/** What another system tried and was refused, in a chain, oldest first. */
export async function attemptsIn(chain: string): Promise<ConnectionAttempt[]> {
  return (await allEventsOf(chain)).flatMap((event) =>
    event.type === "connection_refusal" ? [event.attempt] : [],
  );
}
