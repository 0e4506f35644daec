import type { ConnectionEntry } from "../../shared/connections/entry.ts";
import { writeRevision } from "../../shared/connections/revision.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { putInForce, READ_STATE, storeCatalogues } from "../../shared/policy/changes/publications.ts";

/** A running Gatehouse, for a test in Node that sets it up as the commands do. */
export interface CommandedGateway {
  url: string;
  database: D1Database;
}

/** Sends a command as `npm run connections` does. Throws when it is not carried out. */
export async function sendCommand<Answer>(
  { url, database }: CommandedGateway,
  asked: object,
): Promise<Answer> {
  const ticket = (crypto.randomUUID() + crypto.randomUUID()).replaceAll("-", "");
  await database
    .prepare("INSERT INTO connection_ticket (digest, expires_at) VALUES (?, ?)")
    .bind(digestText(ticket), Date.now() + 60_000)
    .run();
  const answer = await fetch(new URL("/connections/commands", url), {
    method: "POST",
    headers: { authorization: `Bearer ${ticket}`, "content-type": "application/json" },
    body: JSON.stringify(asked),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

/** Approves everything that a server offers, with the account of a person where the connection has those. */
export async function approveAll(
  gateway: CommandedGateway,
  connection: string,
  entry: ConnectionEntry,
  person?: string,
): Promise<void> {
  const { items, failure } = await sendCommand<{
    items?: { digest: string; status: string; refusal: string | null; name: string }[];
    failure?: object;
  }>(gateway, { command: "review", connection, entry, ...(person !== undefined && { person }) });
  if (items === undefined) throw new Error(JSON.stringify(failure));
  const digests = items.filter(({ status }) => status !== "gone").map(({ digest }) => digest);
  await sendCommand(gateway, { command: "approve", connection, digests, by: "tests" });
}

/** Publishes one connection, and no other, with what is approved of it. */
export async function publishOne(
  gateway: CommandedGateway,
  connection: string,
  entry: ConnectionEntry,
): Promise<void> {
  const { definitions } = await sendCommand<{ definitions: string[] }>(gateway, {
    command: "prepare",
    connection,
    entry,
  });
  await publishDocuments(gateway, { [connection]: writeRevision(connection, entry, definitions) });
}

/** Publishes these documents of connections, and no others. */
export async function publishDocuments(
  { url, database }: CommandedGateway,
  documents: Readonly<Record<string, string>>,
): Promise<void> {
  const catalogues = storeCatalogues(documents, Date.now());
  const state = await database.prepare(READ_STATE).first<{
    publication: number;
    version: number;
    digest: string | null;
  }>();
  const { publication = 0, version = 1, digest = null } = state ?? {};
  const publishing = {
    ...{ after: publication, replaced: version, version, digest },
    ...{ at: Date.now(), by: "tests", note: "tests", catalogues: { digest: catalogues.digest } },
  };
  const statements = `${catalogues.sql}\n${putInForce(publishing)}`.split(";\n");
  await database.batch(statements.map((text) => database.prepare(text.replace(/;$/, ""))));
  const answer = await fetch(new URL("/policy/changes", url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ publication: publication + 1 }),
  });
  if (!answer.ok) throw new Error(`The publication was not taken: ${answer.status}`);
}
