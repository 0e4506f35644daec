import { env, exports } from "cloudflare:workers";
import type { ConnectionEntry } from "../../shared/connections/entry.ts";
import { writeRevision } from "../../shared/connections/revision.ts";
import { storeCatalogues } from "../../shared/policy/changes/publications.ts";
import { writeSecret } from "../../workers/connections/vault.ts";
import { publish, publishCatalogues, readState } from "./publish.ts";

/** Password of the accounts that tests make. */
export const PASSWORD = "only-reads-4711";

/** Publishes these connections, and no others, and tells the Worker, as the command does. */
export async function publishConnections(
  connections: Record<string, ConnectionEntry>,
  password = PASSWORD,
): Promise<void> {
  for (const name of Object.keys(connections)) await writeSecret(env, name, password, Date.now());
  const documents = Object.entries(connections).map(([name, entry]) => [name, writeRevision(name, entry)]);
  await publishCatalogues(storeCatalogues(Object.fromEntries(documents), Date.now()));
  await announce();
}

/** Publishes a policy in which viewers, who may not see personal data, use a connection. */
export async function openToViewers(...names: string[]): Promise<void> {
  await publish(({ roles }) => {
    const viewer = roles.viewer as NonNullable<typeof roles.viewer>;
    roles.viewer = {
      ...viewer,
      scopes: [...viewer.scopes, ...names.map((name) => `${name}:read`)],
      allowed_tools: [...viewer.allowed_tools, ...names.map((name) => `${name}_*`)],
    };
  });
  await announce();
}

async function announce(): Promise<void> {
  const { publication } = await readState();
  const body = JSON.stringify({ publication });
  const answer = await exports.default.fetch(new URL("/policy/changes", env.PUBLIC_URL), {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": String(body.length) },
    body,
  });
  if (!answer.ok) throw new Error(`The publication was not taken: ${answer.status}`);
}
