import { describe, expect, it, vi } from "vitest";
import { askForExchange } from "../../scripts/connections/add-http.ts";
import { showTrust } from "../../scripts/connections/commands.ts";
import { readConnections } from "../../scripts/connections/files.ts";

const ENDPOINT = "token_endpoint: https://idp.example/token";

/** The mistakes of an entry with this authentication, each with its line and the end of its field. */
const mistakesOf = (auth: string, kind = "mcp", more = "") => {
  const text = `connections:
  tracker:
    kind: ${kind}
    title: Tracker
    description: Issues.
    owner: team
    reach: { url: https://mcp.example/mcp }
    ${more}
    auth: { ${auth} }
`;
  return readConnections("connections.yaml", text).mistakes.map(
    ({ line, field, message }) => `${line} ${field.replace("connections.tracker.", "")}: ${message}`,
  );
};

describe("an entry with token exchange", () => {
  it.each([
    ["mcp", ""],
    ["openapi", "document: tracker.yaml"],
  ])("of kind %s needs a token endpoint and nothing else", (kind, more) => {
    expect(mistakesOf(`type: token_exchange, ${ENDPOINT}`, kind, more)).toEqual([]);
    expect(mistakesOf("type: token_exchange", kind, more)).toEqual(["9 auth.token_endpoint: is missing"]);
  });

  it.each([
    [
      "a misspelt type",
      `type: token_exchang, ${ENDPOINT}`,
      'type: "token_exchang" is no authentication of this kind. Did you mean "token_exchange"?',
    ],
    [
      "a misspelt field",
      `type: token_exchange, ${ENDPOINT}, audiance: x`,
      'audiance: is not a field that a connection has here. Did you mean "audience"?',
    ],
    [
      "a claim that is not there",
      `type: token_exchange, ${ENDPOINT}, claims: [mail]`,
      'claims[0]: must be one of email, name, role. Did you mean "email"?',
    ],
    ["one claim as a text", `type: token_exchange, ${ENDPOINT}, claims: email`, "claims: must be a list"],
    [
      "a method without a client",
      `type: token_exchange, ${ENDPOINT}, token_endpoint_auth_method: none`,
      "token_endpoint_auth_method: needs a `client_id`",
    ],
    [
      "an unknown method",
      `type: token_exchange, ${ENDPOINT}, client_id: g, token_endpoint_auth_method: tls`,
      "token_endpoint_auth_method: must be one of private_key_jwt, client_secret_basic, client_secret_post, none",
    ],
    [
      "a password in an address",
      'type: token_exchange, token_endpoint: "https://u:p@idp.example/token"',
      "token_endpoint: must be an https address without user and password",
    ],
    [
      "a type that is no URI",
      `type: token_exchange, ${ENDPOINT}, subject_token_type: jwt`,
      "subject_token_type: must be a URI",
    ],
  ])("names line, field and remedy of %s", (_what, auth, expected) => {
    expect(mistakesOf(auth)).toContain(`9 auth.${expected}`);
  });
});

describe("the command", () => {
  it("asks for what an authorization server is, and leaves empty answers out", async () => {
    const ask = vi.fn(async (_question: string, usual?: string) => usual ?? "https://idp.example/token");
    const flags = { file: "", audience: "tracker" };
    expect(await askForExchange(flags, ask)).toEqual({
      type: "token_exchange",
      token_endpoint: "https://idp.example/token",
      audience: "tracker",
    });
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it("shows what the other side has to trust, a line each", () => {
    const shown = showTrust("tracker", {
      issuer: "https://gatehouse.example",
      keys: "https://gatehouse.example/.well-known/jwks.json",
      key_ids: ["one", "two"],
      algorithm: "ES256",
      audience: "https://idp.example",
      claims: ["sub", "email"],
      token_endpoint: "https://idp.example/token",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      client: null,
    });
    expect(shown.split("\n")).toEqual([
      "What the authorization server of tracker has to trust:",
      "    token endpoint  https://idp.example/token",
      "    issuer          https://gatehouse.example",
      "    key set         https://gatehouse.example/.well-known/jwks.json",
      "    keys            ES256, one, two",
      "    audience        https://idp.example",
      "    claims          sub, email; sub is the id of a user, or of an API key (key_…)",
      "    token type      urn:ietf:params:oauth:token-type:jwt",
      "    client          none",
    ]);
  });
});
