import {
  ClientCredentialsProvider,
  Client as ModernClient,
  type OAuthClientProvider as ModernProvider,
  StreamableHTTPClientTransport as ModernTransport,
  PrivateKeyJwtProvider,
} from "@modelcontextprotocol/client";
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import {
  ClientCredentialsProvider as OldClientCredentialsProvider,
  PrivateKeyJwtProvider as OldPrivateKeyJwtProvider,
} from "@modelcontextprotocol/sdk/client/auth-extensions.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { exportPKCS8, exportSPKI, generateKeyPair } from "jose";
import { DEMO_PEOPLE } from "../../scripts/seed/people.ts";
import { createKeyId, createSecret } from "../../shared/auth/access-key.ts";
import { readPublicKey } from "../../shared/auth/public-key.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { addKey } from "../../shared/people/keys.ts";

const APP = { name: "test", version: "1" };

/** Two accounts of the demonstration's administrator: one with a secret, one with a key pair. */
export interface ServiceAccounts {
  secret: { clientId: string; clientSecret: string };
  signed: { clientId: string; privateKey: string; algorithm: string };
}

/** Adds both accounts to a platform database. */
export async function addServiceAccounts(database: D1Database): Promise<ServiceAccounts> {
  const pair = await generateKeyPair("ES256", { extractable: true });
  const publicKey = await readPublicKey(await exportSPKI(pair.publicKey));
  if (typeof publicKey === "string") throw new Error(publicKey);
  const secret = createSecret();
  const common = {
    owner: DEMO_PEOPLE.find(({ role }) => role === "admin")?.email ?? "",
    scopes: ["analytics:read", "crm:read", "knowledge:read"],
    resources: ["/mcp"],
    tools: [],
    networks: [],
    certificates: [],
    days: 90,
    at: Date.now(),
    by: "test",
  };
  const [bySecret, bySignature] = [createKeyId(), createKeyId()];
  const digests = { digest: secret.digest, hint: secret.hint, mfaAt: Date.now() };
  const other = createSecret();
  const statements = [
    addKey({ ...common, id: bySecret, name: "Secret", proof: "secret", secret: digests }),
    addKey({
      ...common,
      id: bySignature,
      name: "Signed",
      proof: "public_key",
      secret: { digest: other.digest, hint: other.hint, mfaAt: Date.now(), publicKey },
    }),
  ];
  await database.batch(splitStatements(statements.join("\n")).map((sql) => database.prepare(sql)));
  return {
    secret: { clientId: bySecret, clientSecret: secret.text },
    signed: { clientId: bySignature, privateKey: await exportPKCS8(pair.privateKey), algorithm: "ES256" },
  };
}

/** Each SDK with each of its providers, connected; `expectedIssuer` is what the newer one binds credentials to. */
export function listConnections(
  url: string,
  { secret, signed }: ServiceAccounts,
): { name: string; open(): Promise<Pick<Client | ModernClient, "listTools" | "close">> }[] {
  const expectedIssuer = new URL(url).origin;
  const modern = (authProvider: ModernProvider) => async () => {
    const client = new ModernClient(APP, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
    await client.connect(new ModernTransport(new URL(url), { authProvider }));
    return client;
  };
  const old = (authProvider: OAuthClientProvider) => async () => {
    const client = new Client(APP);
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }) as Transport);
    return client;
  };
  return [
    { name: "v2, secret", open: modern(new ClientCredentialsProvider({ ...secret, expectedIssuer })) },
    { name: "v2, signature", open: modern(new PrivateKeyJwtProvider({ ...signed, expectedIssuer })) },
    { name: "v1, secret", open: old(new OldClientCredentialsProvider(secret)) },
    { name: "v1, signature", open: old(new OldPrivateKeyJwtProvider(signed)) },
  ];
}
