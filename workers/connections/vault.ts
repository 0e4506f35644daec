import { openKeyring } from "../../shared/auth/keyring.ts";
import { openSealedText, sealText } from "../../shared/auth/seal-text.ts";

/**
 * Secrets of connections, sealed in the platform database. A sealed text belongs to one name and version: a
 * row copied to another place does not open.
 */

/** The newest version of a secret. */
export interface StoredSecret {
  version: number;
  text: string;
}

/** The secret with this name; `null` if there is none. Throws if it cannot be opened with any key. */
export async function readSecret(env: Env, name: string): Promise<StoredSecret | null> {
  const row = await env.PLATFORM_DB.prepare(
    "SELECT version, sealed FROM connection_secret WHERE name = ? ORDER BY version DESC LIMIT 1",
  )
    .bind(name)
    .first<{ version: number; sealed: string | null }>();
  // A removed secret leaves its version, so that the next one does not reuse it.
  if (row === null || row.sealed === null) return null;
  const keyring = openKeyring(env, "CONNECTION_SECRETS_KEY");
  const text = await openSealedText(keyring, aboutOf(name, row.version), row.sealed);
  if (text === null) {
    throw new Error(`The secret "${name}" cannot be opened with the present keys: set it again.`);
  }
  return { version: row.version, text };
}

/** The version of a secret, also that of its removal; 0 for one that was never set. */
export async function readSecretVersion(env: Env, name: string): Promise<number> {
  const row = await env.PLATFORM_DB.prepare(
    "SELECT max(version) AS version FROM connection_secret WHERE name = ?",
  )
    .bind(name)
    .first<{ version: number | null }>();
  return row?.version ?? 0;
}

/**
 * Stores a new version of a secret, or removes it (`null`). Earlier versions are deleted. Returns its version.
 *
 * @param expiresAt - when the other system ends it, in milliseconds since the epoch; `null` if no end is known
 */
export async function writeSecret(
  env: Env,
  name: string,
  text: string | null,
  now: number,
  expiresAt: number | null = null,
): Promise<number> {
  const version = (await readSecretVersion(env, name)) + 1;
  const keyring = openKeyring(env, "CONNECTION_SECRETS_KEY");
  const sealed = text === null ? null : await sealText(keyring, aboutOf(name, version), text);
  // The primary key makes one of two writers at the same moment fail.
  await env.PLATFORM_DB.batch([
    env.PLATFORM_DB.prepare(
      "INSERT INTO connection_secret (name, version, sealed, changed_at, expires_at) VALUES (?, ?, ?, ?, ?)",
    ).bind(name, version, sealed, now, expiresAt),
    env.PLATFORM_DB.prepare("DELETE FROM connection_secret WHERE name = ? AND version < ?").bind(
      name,
      version,
    ),
  ]);
  return version;
}

/** Seals every secret with the first key; returns how many were sealed with another one. For a rotation of keys. */
export async function resealSecrets(env: Env): Promise<number> {
  const keyring = openKeyring(env, "CONNECTION_SECRETS_KEY");
  const { results } = await env.PLATFORM_DB.prepare(
    "SELECT name, version, sealed FROM connection_secret WHERE sealed IS NOT NULL AND sealed NOT LIKE ?",
  )
    .bind(`${keyring[0].version}.%`)
    .all<{ name: string; version: number; sealed: string }>();
  for (const { name, version, sealed } of results) {
    const text = await openSealedText(keyring, aboutOf(name, version), sealed);
    if (text === null) continue;
    const renewed = await sealText(keyring, aboutOf(name, version), text);
    await env.PLATFORM_DB.prepare(
      "UPDATE connection_secret SET sealed = ? WHERE name = ? AND version = ? AND sealed = ?",
    )
      .bind(renewed, name, version, sealed)
      .run();
  }
  return results.length;
}

function aboutOf(name: string, version: number): string[] {
  return ["connection secret", name, String(version)];
}
