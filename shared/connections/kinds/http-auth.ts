import { z } from "zod";
import { line } from "./common.ts";

/** Headers that the protocol, the platform or the authentication sets: an operation never has them as parameters. */
export const OWN_HEADERS =
  /^(?:host|authorization|cookie2?|set-cookie|connection|keep-alive|te|trailers?|transfer-encoding|upgrade|expect|via|forwarded|origin|referer|date|accept|accept-encoding|content-.*|proxy-.*|sec-.*|cf-.*|x-forwarded-.*|x-real-ip|x-http-method.*|x-method-override|traceparent|tracestate|x-amz-date|x-amz-security-token|x-amz-content-sha256)$/i;

/** Name of a header (RFC 9110 §5.6.2), without what no API uses. */
export const headerName = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,60}$/, "must be the name of a header");

/** An address of another system: http(s), without user, password and fragment. */
export const httpAddress = z
  .string()
  .max(500)
  .refine((text) => {
    const parsed = URL.parse(text);
    return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username + parsed.password === "";
  }, "must be an https address without user and password")
  .refine((text) => URL.parse(text)?.hash === "", "must be without a fragment");

/** Parameters of an authorization request that Gatehouse sets. */
const OWN_PARAMETERS =
  /^(?:response_type|response_mode|client_id|client_secret|redirect_uri|state|nonce|scope|code_challenge.*|request.*)$/;

/** Scopes that are asked for. */
export const scopes = z.array(z.string().regex(/^[\x21-\x7e]{1,200}$/)).max(50);

/** How Gatehouse identifies itself at a system that is asked over HTTP. The secret is in the vault. */
export const httpAuth = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("none") }),
  z.strictObject({ type: z.literal("bearer") }).describe("The vault's secret as `Authorization: Bearer`."),
  z
    .strictObject({
      type: z.literal("header"),
      name: headerName,
      prefix: z.string().max(40).optional().describe("Stands before the secret, such as `Token token=`."),
    })
    .describe("The vault's secret in a header of this name."),
  z
    .strictObject({ type: z.literal("headers"), names: z.array(headerName).min(2).max(4) })
    .describe(
      "Several secrets, one a header: the vault's secret has them in this sequence, with a space between.",
    ),
  z
    .strictObject({ type: z.literal("query"), name: z.string().regex(/^[A-Za-z0-9_.-]{1,60}$/) })
    .describe("The vault's secret as a parameter of the query."),
  z
    .strictObject({ type: z.literal("basic"), user: line(200) })
    .describe("HTTP Basic: this user with the vault's secret as password."),
  z
    .strictObject({
      type: z.literal("client_credentials"),
      token_url: httpAddress,
      client_id: line(300),
      scopes: scopes.optional(),
      audience: line(300).optional(),
      credentials_in: z.enum(["header", "body"]).default("header"),
    })
    .describe("OAuth 2.0 client credentials: the vault's secret is the client's."),
  z
    .strictObject({
      type: z.literal("jwt_bearer"),
      token_url: httpAddress,
      issuer: line(300).optional().describe("Default: `client_email` of a Google key file in the vault."),
      subject: line(300).optional().describe("The user on whose behalf Gatehouse works."),
      audience: line(300).optional().describe("Default: the address of the token."),
      scopes: scopes.optional(),
      key_id: line(200).optional(),
    })
    .describe(
      "A signed assertion (RFC 7523): the vault's secret is the private key (PEM), or a Google key file.",
    ),
  z
    .strictObject({
      type: z.literal("aws"),
      access_key_id: z.string().regex(/^[A-Z0-9]{16,128}$/, "must be an access key id"),
      region: z.string().regex(/^[a-z0-9-]{2,40}$/),
      service: z.string().regex(/^[a-z0-9-]{2,40}$/),
    })
    .describe("AWS signature version 4: the vault's secret is the secret access key."),
]);

/** An account of each person, at an authorization server that the entry names: HTTP APIs do not say which is theirs. */
export const personalAuth = z
  .strictObject({
    type: z.literal("per_person"),
    issuer: httpAddress
      .optional()
      .describe("Its metadata (RFC 8414, OpenID Connect) name the endpoints that are not given here."),
    authorization_endpoint: httpAddress.optional(),
    token_endpoint: httpAddress.optional(),
    revocation_endpoint: httpAddress.optional(),
    client_id: line(300).describe("Gatehouse as registered by hand; its secret, if any, is in the vault."),
    scopes: scopes.optional(),
    credentials_in: z.enum(["header", "body"]).default("header"),
    parameters: z
      .record(z.string().regex(/^[a-z_]{1,40}$/), line(300))
      .default({})
      .refine(
        (given) => Object.keys(given).every((name) => !OWN_PARAMETERS.test(name)),
        "must not have parameters that Gatehouse sets itself",
      )
      .describe("Further parameters of the page that asks the person, such as `access_type: offline`."),
  })
  .refine(
    (auth) =>
      auth.issuer !== undefined ||
      (auth.authorization_endpoint !== undefined && auth.token_endpoint !== undefined),
    "must have `issuer`, or `authorization_endpoint` and `token_endpoint`",
  )
  .describe("Each person connects an account of their own with OAuth, on their page Connections.");

/** {@link httpAuth}, parsed. */
export type HttpAuth = z.output<typeof httpAuth>;

/** {@link personalAuth}, parsed. */
export type PersonalAuth = z.output<typeof personalAuth>;
