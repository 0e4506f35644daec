import { type Context, Hono } from "hono";
import { policyInForce } from "../../../shared/policy/current.ts";
import { listCallsOfApp } from "../account/recent-calls.ts";
import { offerScopes } from "../authorize/offer.ts";
import { refuse } from "../failures.tsx";
import { listResources } from "../oauth/resources.ts";
import { readForm } from "../read-form.ts";
import { recordEvent } from "../record-event.ts";
import { pathToFactor } from "../second-factor/requirement.ts";
import { requirePerson, type SignedIn } from "../sign-in/require-person.ts";
import { findOwner, type KeyOwner, listOwnTeams } from "../teams/own-teams.ts";
import { whomToAsk } from "../whom-to-ask.ts";
import { missingForKey, refusePassword } from "./confirm-owner.ts";
import { issueKeyId, readKeyId, takeKeyId } from "./form-key-id.ts";
import { KeyPage, KeysPage, type Notice, pathOf } from "./keys-page.tsx";
import { NewKeyPage } from "./new-key-page.tsx";
import {
  countOwnKeys,
  createOwnKey,
  findOwnKey,
  listOwnKeys,
  MOST_KEYS,
  type OwnKey,
  revokeOwnKey,
  rotateOwnKey,
} from "./own-keys.ts";
import {
  checkTyped,
  emptyKey,
  readOverlap,
  readTyped,
  readTypedKey,
  type TypedKey,
} from "./read-key-form.ts";
import { ShownKeyPage } from "./shown-key-page.tsx";

type GatewayContext = Context<SignedIn>;

const LIST = "/account/keys";
const NEW = `${LIST}/new`;
/** What a redirect to the list may announce; anything else in the address is ignored. */
const DONE: Readonly<Record<string, string>> = {
  revoked: "The key is revoked: its next call is refused.",
};
const OTHER_PERSON = "Another person signed in on this browser in the meantime. Look again, then decide.";

/** `/account/keys`: API keys of a person and of their teams. Every key is looked up under the signed-in person's id. */
export const keyRoutes = new Hono<SignedIn>();

keyRoutes.get(LIST, requirePerson(), async (c) => {
  const { person } = c.var.signIn;
  const list = await listOwnKeys(c.env.PLATFORM_DB, person.id, (c.req.query("after") ?? "").slice(0, 64));
  const done = c.req.query("done") ?? "";
  const text = Object.hasOwn(DONE, done) ? DONE[done] : undefined;
  const teams = await listOwnTeams(c.env.PLATFORM_DB, person.id);
  const notice: Notice | undefined = text === undefined ? undefined : { tone: "good", text };
  return c.html(<KeysPage {...list} teams={teams} notice={notice} />);
});

keyRoutes.get(NEW, requirePerson(), async (c) => {
  const owner = await findOwner(c.env.PLATFORM_DB, c.var.signIn.person, c.req.query("team") ?? "");
  if (owner === null) return await refuseTeam(c);
  const missing = await missingForKey(c.env, c.var.signIn);
  const here = owner.team === null ? NEW : `${NEW}?team=${encodeURIComponent(owner.id)}`;
  if (missing !== null && missing !== "password") return c.redirect(pathToFactor(missing, here), 303);
  return await showForm(c, owner, emptyKey(await listResources(c.env)));
});

keyRoutes.post(LIST, requirePerson(NEW), async (c) => {
  const form = await readForm(c.req.raw);
  const { signIn } = c.var;
  const { person, mfaAt } = signIn;
  const typed = readTyped(form);
  const isOther = form.get("subject") !== person.id;
  const owner = await findOwner(c.env.PLATFORM_DB, person, isOther ? "" : (form.get("team") ?? ""));
  if (owner === null) return await refuseTeam(c);
  const again = (status: 409 | 422 | 429, text: string) =>
    showForm(c, owner, typed, { tone: "danger", text }, status);
  if (isOther) return await again(409, OTHER_PERSON);
  const missing = await missingForKey(c.env, signIn);
  if (missing !== null && missing !== "password") return c.redirect(pathToFactor(missing, NEW), 303);
  const resources = await listResources(c.env);
  const request = checkTyped(typed, resources, await policyInForce(c.env), owner.role);
  if (typeof request === "string") return await again(422, request);
  const given = await readTypedKey(request.proof, typed.publicKey);
  if (typeof given === "string") return await again(422, given);
  const id = await readKeyId(c.env, form.get("key") ?? "", signIn);
  if (id === null) return await again(422, "Send the form of this page.");
  if ((await countOwnKeys(c.env.PLATFORM_DB, owner.id)) >= MOST_KEYS) {
    return await again(422, `There are ${MOST_KEYS} keys already. Remove one first.`);
  }
  if (missing === "password") {
    const refused = await refusePassword(c, signIn, form.get("password") ?? "");
    if (refused !== null) return await again(refused.status, refused.text);
  }
  const maker = { owner: owner.id, by: person.id, mfaAt, publicKey: given.publicKey };
  const isFirst = await takeKeyId(c.env, id);
  const text = isFirst ? await createOwnKey(c.env, request, { id, ...maker }) : null;
  if (text === null) return await again(409, "This form was sent before, and its key was shown then.");
  await recordEvent(c, person.id, { type: "key_change", change: "created", keyId: id });
  return await showMade(c, { ...request, id }, text, false);
});

keyRoutes.get(`${LIST}/:id`, requirePerson(), async (c) => {
  const owned = await findOwn(c);
  return owned === null ? await refuseUnknown(c) : await showKey(c, owned);
});

keyRoutes.post(`${LIST}/:id/rotate`, requirePerson(LIST), async (c) => {
  const form = await readForm(c.req.raw);
  const { signIn } = c.var;
  const { person, mfaAt } = signIn;
  const owned = await findOwn(c);
  if (owned === null) return await refuseUnknown(c);
  const again = (status: 409 | 422 | 429, text: string) =>
    showKey(c, owned, { tone: "danger", text }, status);
  if (form.get("subject") !== person.id) return await again(409, OTHER_PERSON);
  if (form.get("hint") !== owned.hint) {
    return await again(409, "This key was rotated meanwhile, and its secret was shown then.");
  }
  if (owned.ends.getTime() <= Date.now()) return await again(422, "This key has ended. Make another one.");
  const overlapMs = readOverlap(form);
  if (overlapMs === null) return await again(422, "Choose how long the secret before works.");
  const given = await readTypedKey(owned.proof, form.get("public_key") ?? "");
  if (typeof given === "string") return await again(422, given);
  const missing = await missingForKey(c.env, signIn);
  if (missing !== null && missing !== "password")
    return c.redirect(pathToFactor(missing, pathOf(owned)), 303);
  if (missing === "password") {
    const refused = await refusePassword(c, signIn, form.get("password") ?? "");
    if (refused !== null) return await again(refused.status, refused.text);
  }
  const maker = { by: person.id, mfaAt, publicKey: given.publicKey };
  const text = await rotateOwnKey(c.env, owned, { ...maker, overlapMs });
  await recordEvent(c, person.id, { type: "key_change", change: "rotated", keyId: owned.id });
  return await showMade(c, owned, text, true);
});

keyRoutes.post(`${LIST}/:id/revoke`, requirePerson(LIST), async (c) => {
  const form = await readForm(c.req.raw);
  const { person } = c.var.signIn;
  const owned = await findOwn(c);
  if (owned === null) return await refuseUnknown(c);
  if (form.get("subject") !== person.id) {
    return await showKey(c, owned, { tone: "danger", text: OTHER_PERSON }, 409);
  }
  await revokeOwnKey(c.env, owned);
  await recordEvent(c, person.id, { type: "key_change", change: "revoked", keyId: owned.id });
  return c.redirect(`${LIST}?done=revoked`, 303);
});

async function showMade(
  c: GatewayContext,
  made: Pick<OwnKey, "id" | "name" | "proof" | "resources">,
  text: string,
  rotated: boolean,
): Promise<Response> {
  const { PUBLIC_URL: publicUrl } = c.env;
  const { id, name, proof, resources } = made;
  const where = { path: pathOf(made), url: `${publicUrl}${resources[0]}`, publicUrl };
  const contact = await whomToAsk(c.env);
  return c.html(<ShownKeyPage {...{ id, name, proof, text, rotated, contact, ...where }} />);
}

function findOwn(c: GatewayContext): Promise<OwnKey | null> {
  return findOwnKey(c.env.PLATFORM_DB, c.var.signIn.person.id, c.req.param("id") ?? "");
}

async function showForm(
  c: GatewayContext,
  owner: KeyOwner,
  typed: TypedKey,
  notice?: Notice,
  status: 200 | 409 | 422 | 429 = 200,
): Promise<Response> {
  const { signIn } = c.var;
  const { id: subject } = signIn.person;
  const resources = await listResources(c.env);
  const everything = resources.find(({ server }) => server === null);
  const offers = everything ? offerScopes(await policyInForce(c.env), everything, owner.role, []) : [];
  const asksPassword = (await missingForKey(c.env, signIn)) === "password";
  const issued = await issueKeyId(c.env, signIn);
  const contact = await whomToAsk(c.env);
  const props = { typed, resources, offers, owner, subject, issued, asksPassword, contact, notice };
  return c.html(<NewKeyPage {...props} />, status);
}

async function showKey(
  c: GatewayContext,
  owned: OwnKey,
  notice?: Notice,
  status: 200 | 409 | 422 | 429 = 200,
): Promise<Response> {
  const asksPassword = (await missingForKey(c.env, c.var.signIn)) === "password";
  const subject = c.var.signIn.person.id;
  const recent = await listCallsOfApp(c.env.PLATFORM_DB, owned.owner, owned.id);
  const props = { owned, recent, subject, asksPassword, publicUrl: c.env.PUBLIC_URL, notice };
  return c.html(<KeyPage {...props} />, status);
}

function refuseTeam(c: GatewayContext): Response | Promise<Response> {
  return refuse(c, {
    status: 404,
    code: "not_found",
    title: "This team is not here",
    message: "You are in no team with this address. You may have left it.",
    action: "Look for the teams that you are in.",
    link: { href: LIST, label: "API keys" },
  });
}

function refuseUnknown(c: GatewayContext): Response | Promise<Response> {
  return refuse(c, {
    status: 404,
    code: "not_found",
    title: "This key is not here",
    message: "You have no key with this address. It may have been revoked.",
    action: "Look for it in your list.",
    link: { href: LIST, label: "Your keys" },
  });
}
