import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { addClient, createClient, listClients, removeClient } from "../../scripts/apps/statements.ts";
import { callMcp, connect, createPerson, REDIRECT_URI, requestToken } from "../support/oauth.ts";

/** Registers as the command does: with its SQL, in this database. */
async function register(confidential: boolean) {
  const made = createClient("Our agent's app", [REDIRECT_URI], confidential, Date.now());
  await env.PLATFORM_DB.prepare(addClient(made.client, "npm run apps (test)", Date.now())).run();
  return made;
}

describe("an app that an administrator has registered", () => {
  it("connects with its id alone, and is refused once it is removed", async () => {
    const { client } = await register(false);
    const { clientId } = client;
    const { accessToken, refreshToken } = await connect(await createPerson("viewer"), {
      resource: "/mcp/crm",
      clientId,
    });
    expect((await callMcp("/mcp/crm", accessToken)).status).toBe(200);
    const fields = { grant_type: "refresh_token", refresh_token: refreshToken, client_id: clientId };
    const { status, body } = await requestToken(fields);
    expect(status).toBe(200);
    await env.PLATFORM_DB.prepare(removeClient(clientId)).run();
    const refused = await requestToken({ ...fields, refresh_token: body.refresh_token });
    expect([refused.status, refused.body.error]).toEqual([401, "invalid_client"]);
  });

  it("with a secret gets no token without it", async () => {
    const { client, secret } = await register(true);
    const fields = { grant_type: "authorization_code", code: "u:g:s", client_id: client.clientId };
    expect((await requestToken(fields)).body.error).toBe("invalid_client");
    expect((await requestToken({ ...fields, client_secret: "wrong" })).body.error).toBe("invalid_client");
    const known = await requestToken({ ...fields, client_secret: secret ?? "" });
    expect(known.body.error).not.toBe("invalid_client");
    const { results } = await env.PLATFORM_DB.prepare(listClients(client.clientId)).all<{ record: string }>();
    expect(results).toHaveLength(1);
    expect(results[0]?.record).not.toContain(secret);
  });

  it("with an invented id is unknown", async () => {
    const fields = { grant_type: "refresh_token", refresh_token: "u:g:s", client_id: "app_invented" };
    expect((await requestToken(fields)).body.error).toBe("invalid_client");
  });
});
