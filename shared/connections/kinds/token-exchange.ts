import { z } from "zod";
import { line } from "./common.ts";
import { httpAddress, scopes } from "./http-auth.ts";

/** What of the caller an assertion may say; see {@link exchangedAuth}. */
const claim = z.enum(["email", "name", "role"]);

/** How Gatehouse identifies itself at the token endpoint; names of OAuth (RFC 8414 §2). */
const clientMethod = z.enum(["private_key_jwt", "client_secret_basic", "client_secret_post", "none"]);

/** A token of each caller, given for an assertion of Gatehouse by an authorization server that trusts it (RFC 8693). */
export const exchangedAuth = z
  .strictObject({
    type: z.literal("token_exchange"),
    token_endpoint: httpAddress.describe(
      "Where assertions are exchanged, and the only address that gets them.",
    ),
    issuer: httpAddress
      .optional()
      .describe(
        "Issuer of that authorization server: the audience of assertions. Default: `token_endpoint`.",
      ),
    audience: line(300)
      .optional()
      .describe("Name of the other system there; a token for another is refused."),
    resource: httpAddress
      .optional()
      .describe("Address that the token is for (RFC 8707). Default for MCP servers: `reach.url`."),
    scopes: scopes.optional(),
    claims: z
      .array(claim)
      .default([])
      .describe(
        "What an assertion says of a person in addition to `sub`. Of an API key it never has `email` and `name`.",
      ),
    subject_token_type: z
      .string()
      .max(200)
      .regex(/^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i, "must be a URI")
      .default("urn:ietf:params:oauth:token-type:jwt")
      .describe("What the other side calls the assertion."),
    client_id: line(300)
      .optional()
      .describe("Gatehouse as registered there. Without it the assertion is enough."),
    token_endpoint_auth_method: clientMethod
      .optional()
      .describe(
        "`private_key_jwt`, the default with `client_id`, signs with the key of the assertions; a client secret is in the vault.",
      ),
  })
  .refine((auth) => auth.client_id !== undefined || auth.token_endpoint_auth_method === undefined, {
    message: "needs a `client_id`",
    path: ["token_endpoint_auth_method"],
  })
  .describe(
    "Each caller gets a token of their own for an assertion that Gatehouse signs, without a page (RFC 8693).",
  );

/** {@link exchangedAuth}, parsed. */
export type ExchangedAuth = z.output<typeof exchangedAuth>;

/** How Gatehouse identifies itself at the token endpoint; `null` for not at all. */
export function clientMethodOf(auth: ExchangedAuth): z.output<typeof clientMethod> | null {
  return auth.client_id === undefined ? null : (auth.token_endpoint_auth_method ?? "private_key_jwt");
}

/** Whether the vault has a secret for it. */
export function hasClientSecret(auth: ExchangedAuth): boolean {
  return clientMethodOf(auth)?.startsWith("client_secret") === true;
}
