import { randomBytes } from "node:crypto";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { CommandFailure } from "../local/failure.ts";
import { type EnvironmentName, readEnvironment } from "../local/project.ts";
import { findServer } from "../local/running-server.ts";
import { openPlatformDatabase } from "../platform/database.ts";

/** Milliseconds for which a ticket is valid. */
const TICKET_MS = 60_000;

/** Milliseconds for an answer: a test opens a session, and a database may take its time limit. */
const PATIENCE_MS = 90_000;

/** Where a command works. */
export interface WorkerPlace {
  env: EnvironmentName;
  state?: string | undefined;
  url?: string | undefined;
  /** Whether the operator says that a secret may go to an address that no published connection has. */
  newAddress?: boolean;
}

/**
 * Asks the running Worker to carry out a command: it holds keys, drivers and sockets. A ticket in the platform
 * database shows that the command may write there. Throws {@link CommandFailure} if no Worker answers.
 */
export async function askWorker<Answer>(
  place: WorkerPlace,
  command: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const base = place.url ?? addressOf(place);
  const ticket = randomBytes(32).toString("hex");
  const expires = Date.now() + TICKET_MS;
  await openPlatformDatabase(place.env, place.state).change(
    `INSERT INTO connection_ticket (digest, expires_at) VALUES ('${digestText(ticket)}', ${expires});`,
  );
  const response = await fetch(new URL("/connections/commands", base), {
    method: "POST",
    headers: { authorization: `Bearer ${ticket}`, "content-type": "application/json" },
    body: JSON.stringify(command),
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch((cause: unknown) => {
    throw new CommandFailure(
      `Gatehouse does not answer at ${base}.`,
      "Start it, or name it with --url.",
      cause,
    );
  });
  if (response.ok) return (await response.json()) as Answer;
  throw new CommandFailure(
    `Gatehouse at ${base} did not carry the command out (status ${response.status}).`,
    response.status === 403
      ? "It uses another database than this command: check --env, --state and --url."
      : "Deploy the release of this folder first.",
  );
}

function addressOf({ env, state }: WorkerPlace): string {
  if (env !== "local") return String(readEnvironment(env).vars.PUBLIC_URL);
  const found = findServer(state);
  if (found !== null) return found;
  throw new CommandFailure(
    "No Gatehouse runs on this storage, and it is Gatehouse that connects to the other system.",
    "Start it in another terminal: npm start",
  );
}
