import { type Context, Hono } from "hono";
import type { ConnectionAttempt } from "../../../shared/audit/record.ts";
import { accountGate } from "../../../shared/objects/account-gate.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import { CLIENT_DOCUMENT, describeClient } from "../../connections/oauth/addresses.ts";
import { readForm } from "../read-form.ts";
import { recordEvent } from "../record-event.ts";
import { CONSENT_POLICY } from "../security-headers.ts";
import { requirePerson, type SignedIn } from "../sign-in/require-person.ts";
import { ConnectionsPage } from "./connections-page.tsx";
import { findOwn, listOwn, listPersonal } from "./list-own.ts";

type GatewayContext = Context<SignedIn>;

const PAGE = "/connections";

/** What a redirect to the page may announce; anything else in the address is ignored. */
const DONE: Readonly<Record<string, string>> = {
  connected: "The account is connected. You can go back to your app.",
  disconnected: "The account is disconnected, and its access was ended at the other system.",
  forgotten:
    "The account is disconnected here. The other system did not say that it ended the access: end it there too.",
};

/** `/connections`: a person's accounts at other systems. Every account is looked up under the signed-in person's id. */
export const ownConnectionRoutes = new Hono<SignedIn>();

// A metadata document of this deployment as an OAuth client. Public: authorization servers read it.
ownConnectionRoutes.get(CLIENT_DOCUMENT, async (c) => {
  const names = (await listPersonal(c.env)).map(({ name }) => name);
  const document = {
    client_id: `${c.env.PUBLIC_URL}${CLIENT_DOCUMENT}`,
    ...describeClient(c.env.PUBLIC_URL, names),
  };
  return c.json(document, 200, { "Cache-Control": "public, max-age=300" });
});

ownConnectionRoutes.get(PAGE, requirePerson(), async (c) => {
  const done = c.req.query("done") ?? "";
  const text = Object.hasOwn(DONE, done) ? DONE[done] : undefined;
  return await showAll(c, text === undefined ? undefined : { tone: "good", text });
});

ownConnectionRoutes.get(`${PAGE}/:name`, requirePerson(), async (c) => {
  const found = await findOwn(c.env, c.var.signIn.person, c.req.param("name"));
  if (found === null)
    return await showAll(c, { tone: "danger", text: "There is no such connection for you." }, 404);
  c.header("Content-Security-Policy", CONSENT_POLICY);
  return c.html(<ConnectionsPage connections={[found]} only />);
});

ownConnectionRoutes.post(`${PAGE}/:name/connect`, requirePerson(PAGE), async (c) => {
  await readForm(c.req.raw);
  const { person } = c.var.signIn;
  const found = await findOwn(c.env, person, c.req.param("name"));
  if (found === null)
    return await showAll(c, { tone: "danger", text: "There is no such connection for you." }, 404);
  const target = { connection: found.name, person: person.id, entry: found.entry };
  const begun = await accountGate(c.env, found.name, person.id).begin(target);
  if (begun.ok) return c.redirect(begun.url, 303);
  await recordAttempt(c, found.name, begun.attempt);
  return await showAll(c, { tone: "danger", text: `${found.entry.title}: ${begun.message}` }, 502);
});

ownConnectionRoutes.get(`${PAGE}/:name/callback`, requirePerson(PAGE), async (c) => {
  const { person } = c.var.signIn;
  const found = await findOwn(c.env, person, c.req.param("name"));
  if (found === null)
    return await showAll(c, { tone: "danger", text: "There is no such connection for you." }, 404);
  const target = { connection: found.name, person: person.id, entry: found.entry };
  const ended = await accountGate(c.env, found.name, person.id).finish(target, c.req.url);
  if (!ended.ok) {
    await recordAttempt(c, found.name, ended.attempt);
    return await showAll(c, { tone: "danger", text: `${found.entry.title}: ${ended.message}` }, 400);
  }
  const event = { type: "account_connection", connection: found.name, change: "connected" } as const;
  await recordEvent(c, person.id, event);
  return c.redirect(`${PAGE}?done=connected`, 303);
});

ownConnectionRoutes.post(`${PAGE}/:name/disconnect`, requirePerson(PAGE), async (c) => {
  await readForm(c.req.raw);
  const { person } = c.var.signIn;
  const connection = c.req.param("name");
  // A connection that is not published any more can be disconnected too.
  if (!/^[a-z][a-z0-9]{1,23}$/.test(connection)) return c.redirect(PAGE, 303);
  const { revoked } = await accountGate(c.env, connection, person.id).disconnect({
    connection,
    person: person.id,
  });
  await recordEvent(c, person.id, { type: "account_connection", connection, change: "disconnected" });
  return c.redirect(`${PAGE}?done=${revoked ? "disconnected" : "forgotten"}`, 303);
});

/** Records what the other side tried, in the person's chain. */
async function recordAttempt(
  c: GatewayContext,
  connection: string,
  attempt: ConnectionAttempt | undefined,
): Promise<void> {
  if (attempt === undefined) return;
  const { id } = c.var.signIn.person;
  const event = { type: "connection_refusal", connection, attempt, traceId: null } as const;
  await principalGate(c.env, id).record(id, event);
}

async function showAll(
  c: GatewayContext,
  notice: { tone: "good" | "danger"; text: string } | undefined,
  status: 200 | 400 | 404 | 502 = 200,
): Promise<Response> {
  // Connecting redirects the form to the other system.
  c.header("Content-Security-Policy", CONSENT_POLICY);
  const connections = await listOwn(c.env, c.var.signIn.person);
  return await c.html(<ConnectionsPage connections={connections} notice={notice} />, status);
}
