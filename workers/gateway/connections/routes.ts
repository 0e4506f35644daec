import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import { ADMINISTRATION } from "../../../shared/audit/record.ts";
import { storeDefinitions } from "../../../shared/connections/definition-store.ts";
import { parsePart } from "../../../shared/connections/definitions.ts";
import { connectionEntry, connectionName } from "../../../shared/connections/entry.ts";
import { connectionGate } from "../../../shared/objects/connection-gate.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import { writeSecret } from "../../connections/vault.ts";
import { describeTrust } from "./describe-trust.ts";
import { newAddress, reviewCommands } from "./review-commands.ts";
import { findElsewhere, publishedWith } from "./secret-address.ts";
import { sessionFor } from "./session-for.ts";
import { readStates } from "./states.ts";
import { takeTicket } from "./ticket.ts";

/** Most bytes of a command: an entry with its named queries, or a part of definitions. */
const MAX_BODY = 2 * 1024 * 1024;

/** Longest secret: a password, or a private key as text. */
const SECRET_LENGTH = 16_384;

/** Objects of a connection that are asked at most; an entry allows no more. */
const MOST_SHARDS = 16;

const command = z.discriminatedUnion("command", [
  z.strictObject({
    command: z.literal("test"),
    connection: connectionName,
    entry: connectionEntry,
    /** Used for this test alone; `null` for the one of the vault. */
    secret: z.string().max(SECRET_LENGTH).nullable(),
    /** User id or e-mail address: for a connection with tokens of persons, whose token is used. */
    person: z.string().max(200).optional(),
    new_address: newAddress,
  }),
  z.strictObject({
    command: z.literal("secret"),
    name: z.string().regex(/^[a-z][a-z0-9-]{0,47}$/),
    /** Connections of the file that use it: their sockets are closed, and those of published ones that do. */
    connections: z.array(connectionName).max(200),
    /** `null` removes it. */
    secret: z.string().min(1).max(SECRET_LENGTH).nullable(),
    /** When the other system ends it, in milliseconds since the epoch. */
    expires_at: z.int().min(0).nullable().default(null),
    by: z.string().min(1).max(200),
  }),
  z.strictObject({ command: z.literal("status") }),
  z.strictObject({
    command: z.literal("definitions"),
    /** A part as `packDefinitions` makes it. */
    document: z.string().max(MAX_BODY),
  }),
  ...reviewCommands,
]);

/** What the command of connections asks of the Worker: it holds the keys, the drivers and the sockets. */
export const connectionRoutes = new Hono<{ Bindings: Env }>();

connectionRoutes.post(
  "/connections/commands",
  bodyLimit({ maxSize: MAX_BODY, onError: (c) => c.json({ error: "too_large" }, 413) }),
  async (c) => {
    const isAllowed = await takeTicket(c.env.PLATFORM_DB, c.req.header("authorization"), Date.now());
    if (!isAllowed) return c.json({ error: "forbidden" }, 403);
    const read = command.safeParse(await c.req.json().catch(() => null));
    if (!read.success) return c.json({ error: "invalid_request" }, 400);
    return c.json(await runCommand(c.env, read.data));
  },
);

type Command = z.output<typeof command>;

async function runCommand(env: Env, asked: Command): Promise<object> {
  switch (asked.command) {
    case "test": {
      const refused =
        asked.secret === null && !asked.new_address
          ? await findElsewhere(env, asked.connection, asked.entry)
          : null;
      if (refused !== null) return { ok: false, failure: refused };
      const own = await sessionFor(env, asked.entry, asked.person);
      const target = { name: asked.connection, revision: "", entry: asked.entry, ...own };
      const gate = connectionGate(env, asked.connection, own.session ?? 0, asked.entry.location);
      const answer = await gate.probe(target, asked.secret);
      return { ...answer, ...(await describeTrust(env, asked.entry)) };
    }
    case "secret":
      return await changeSecret(env, asked);
    case "status":
      return { connections: await readStates(env) };
    case "definitions":
      return { digests: await storeDefinitions(env.PLATFORM_DB, parsePart(asked.document), Date.now()) };
    case "review":
      return await (await import("./review.ts")).review(env, asked);
    case "approve":
      return await (await import("./review.ts")).approve(env, asked);
    case "refuse":
      return await (await import("./review.ts")).refuse(env, asked);
    case "withdraw":
      return await (await import("./review.ts")).withdraw(env, asked);
    case "prepare":
      return await (await import("./review.ts")).prepare(env, asked);
  }
}

async function changeSecret(
  env: Env,
  { name, connections, secret, expires_at, by }: Extract<Command, { command: "secret" }>,
): Promise<object> {
  const version = await writeSecret(env, name, secret, Date.now(), expires_at);
  const event = { type: "connection_secret" as const, by, secret: name, version, removed: secret === null };
  await principalGate(env, ADMINISTRATION).recordOnce(ADMINISTRATION, `secret ${name} ${version}`, event);
  // Sockets that were opened with the old password end before the next call, those of connections that the file of the command
  // does not name, too.
  const published = await publishedWith(env, { vault: name });
  const places = new Map(published.map((one) => [one.name, one.entry.location] as const));
  const users = new Set([...connections, ...places.keys()]);
  await Promise.all(
    [...users].flatMap((connection) =>
      Array.from({ length: MOST_SHARDS }, (_, shard) =>
        connectionGate(env, connection, shard, places.get(connection)).closeSessions(),
      ),
    ),
  );
  return { version };
}
