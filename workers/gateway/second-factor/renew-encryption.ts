import { parseEnvelope, symmetricDecrypt, symmetricEncrypt } from "better-auth/crypto";
import { openAuth } from "../sign-in/auth.ts";

interface Row {
  id: string;
  secret: string;
  backupCodes: string;
}

/**
 * Re-encrypts second factors that an older key of `BETTER_AUTH_SECRET` encrypted, at most `limit`, so that
 * the old key can be removed. Returns their number. One that no key decrypts is left: its user cannot use it
 * any more.
 */
export async function renewEncryption(env: Env, limit: number): Promise<number> {
  const { secretConfig } = await openAuth(env).$context;
  if (typeof secretConfig === "string") return 0;
  const newest = secretConfig.currentVersion;
  const { results } = await env.PLATFORM_DB.prepare(
    `SELECT "id", "secret", "backupCodes" FROM "twoFactor"
      WHERE "secret" NOT LIKE ?1 OR "backupCodes" NOT LIKE ?1 LIMIT ?2`,
  )
    .bind(`$ba$${newest}$%`, limit)
    .all<Row>();
  const renew = async (data: string) =>
    parseEnvelope(data)?.version === newest
      ? data
      : await symmetricEncrypt({
          key: secretConfig,
          data: await symmetricDecrypt({ key: secretConfig, data }),
        });
  const renewed = await Promise.all(
    results.map((row) =>
      Promise.all([renew(row.secret), renew(row.backupCodes)]).then(
        ([secret, backupCodes]) =>
          env.PLATFORM_DB.prepare(
            // A code that was used meanwhile stays used.
            `UPDATE "twoFactor" SET "secret" = ?, "backupCodes" = ? WHERE "id" = ? AND "backupCodes" = ?`,
          ).bind(secret, backupCodes, row.id, row.backupCodes),
        () => null,
      ),
    ),
  );
  const statements = renewed.filter((statement) => statement !== null);
  if (statements.length > 0) await env.PLATFORM_DB.batch(statements);
  return statements.length;
}
