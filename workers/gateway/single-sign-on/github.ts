import * as oauth from "oauth4webapi";
import { z } from "zod";
import { issuerOf, type ProviderDocument } from "../../../shared/policy/sign-in/sign-in.ts";
import { askIssuer, waitForIssuer } from "./ask-issuer.ts";
import type { Attempt } from "./attempt.ts";
import { type FederatedIdentity, type Provider, SignInEnded } from "./identity.ts";
import { readEmail, readName } from "./read-claims.ts";

type GithubProvider = Provider<Extract<ProviderDocument, { kind: "github" }>>;

/** Most pages of 100 organizations or teams that are read. */
const PAGES = 10;

const account = z.object({ id: z.int(), login: z.string(), name: z.string().nullish() });
const addresses = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));
const memberships = z.array(z.object({ state: z.string(), organization: z.object({ login: z.string() }) }));
const teams = z.array(z.object({ slug: z.string(), organization: z.object({ login: z.string() }) }));

/** The address at GitHub where the person signs in. GitHub has its own flow of OAuth 2, without ID tokens. */
export async function startGithub(
  { document }: GithubProvider,
  { state, verifier, fresh }: Attempt,
  redirectUri: string,
): Promise<string> {
  const url = new URL(serverOf(document).authorization_endpoint);
  const parameters = {
    response_type: "code",
    client_id: document.client_id,
    redirect_uri: redirectUri,
    scope: asksOrganizations(document) ? "read:user user:email read:org" : "read:user user:email",
    state,
    allow_signup: "false",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...(fresh && { prompt: "select_account" }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Turns GitHub's answer into an identity. Its claims: `login`, `orgs` (active memberships) and `teams`
 * (`organization/team`). The access token is used here and not kept.
 */
export async function finishGithub(
  { document }: GithubProvider,
  { state, verifier }: Attempt,
  callback: URL,
  { redirectUri, secret }: { redirectUri: string; secret: string | null },
): Promise<FederatedIdentity> {
  const server = serverOf(document);
  const client: oauth.Client = { client_id: document.client_id };
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.ClientSecretPost(secret ?? ""),
    oauth.validateAuthResponse(server, client, callback, state),
    redirectUri,
    verifier,
    {
      [oauth.customFetch]: askIssuer,
      [oauth.allowInsecureRequests]: server.issuer.startsWith("http:"),
      signal: waitForIssuer,
    },
  );
  const { access_token: token } = await oauth.processAuthorizationCodeResponse(server, client, response);
  const read = <Answer>(path: string, schema: z.ZodType<Answer>) => readApi(document, token, path, schema);
  const person = await read("/user", account);
  const primary = (await read("/user/emails?per_page=100", addresses)).find((one) => one.primary);
  const inOrganizations = asksOrganizations(document);
  const orgs = inOrganizations
    ? await readPages(read, "/user/memberships/orgs?state=active", memberships)
    : [];
  const ownTeams = inOrganizations ? await readPages(read, "/user/teams?", teams) : [];
  return {
    issuer: server.issuer,
    subject: String(person.id),
    email: readEmail(primary?.email),
    emailVerified: primary?.verified === true,
    name: readName(person.name) ?? readName(person.login),
    claims: {
      login: person.login,
      orgs: orgs.filter((one) => one.state === "active").map(({ organization }) => organization.login),
      teams: ownTeams.map(({ slug, organization }) => `${organization.login}/${slug}`),
    },
    provenAt: null,
    mfaAt: null,
  };
}

type Read = <Answer>(path: string, schema: z.ZodType<Answer>) => Promise<Answer>;

async function readPages<Item>(read: Read, path: string, schema: z.ZodType<Item[]>): Promise<Item[]> {
  const all: Item[] = [];
  for (let page = 1; page <= PAGES; page += 1) {
    const items = await read(`${path}&per_page=100&page=${page}`, schema);
    all.push(...items);
    if (items.length < 100) break;
  }
  return all;
}

async function readApi<Answer>(
  document: GithubProvider["document"],
  token: string,
  path: string,
  schema: z.ZodType<Answer>,
): Promise<Answer> {
  const base = document.url === undefined ? "https://api.github.com" : `${document.url}/api/v3`;
  const response = await askIssuer(`${base}${path}`, {
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${token}`,
      "user-agent": "Gatehouse",
      "x-github-api-version": "2022-11-28",
    },
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new SignInEnded("away", `GitHub does not answer as it should right now (${response.status}).`);
  }
  return schema.parse(await response.json());
}

function asksOrganizations({ roles }: GithubProvider["document"]): boolean {
  return roles.some(({ when }) => Object.hasOwn(when, "orgs") || Object.hasOwn(when, "teams"));
}

function serverOf(document: GithubProvider["document"]) {
  const issuer = issuerOf(document);
  return {
    issuer,
    authorization_endpoint: `${issuer}/login/oauth/authorize`,
    token_endpoint: `${issuer}/login/oauth/access_token`,
  };
}
