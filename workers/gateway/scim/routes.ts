import { type Context, Hono } from "hono";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { admitAttempt } from "../limits/attempts.ts";
import { countedAddress } from "../limits/counted-address.ts";
import { readSecret } from "../optional-secrets.ts";
import { describeProvider, listResourceTypes, listSchemas } from "./describe.ts";
import {
  createGroup,
  findGroup,
  GROUP_FILTERS,
  listGroups,
  patchGroup,
  removeGroup,
  replaceGroup,
  toGroup,
} from "./groups.ts";
import {
  groupBody,
  parse,
  patchBody,
  readFilter,
  readPage,
  readSelection,
  ScimError,
  type Selection,
  select,
  toList,
  URN,
  userBody,
} from "./messages.ts";
import {
  createUser,
  findUser,
  listUsers,
  patchUser,
  removeUser,
  replaceUser,
  toUser,
  USER_FILTERS,
} from "./users.ts";

type ScimContext = Context<{ Bindings: Env }>;

/** Most bytes of a request: a group of 50,000 members has two megabytes. */
const MOST_BYTES = 4 * 1024 * 1024;
/** Wrong credentials from one address within the window. */
const WRONG = { limit: 20, windowMs: 15 * 60_000 };
/** Shortest credential. */
const LENGTH = 32;

/** Below `/scim/v2`: SCIM 2.0 (RFC 7644) for users and groups. Answers 404 while no credential is set. */
export const scim = new Hono<{ Bindings: Env }>().basePath("/scim/v2");

scim.onError((failure, c) => {
  if (failure instanceof ScimError) return refuse(c, failure);
  throw failure;
});

scim.use(async (c, next) => {
  await requireCredential(c);
  await next();
  if (c.res.headers.get("content-type")?.startsWith("application/json")) {
    c.res.headers.set("content-type", "application/scim+json");
  }
});

scim.get("/ServiceProviderConfig", (c) => c.json(describeProvider(c.env.PUBLIC_URL)));
scim.get("/ResourceTypes/:id?", (c) => describe(c, listResourceTypes(c.env.PUBLIC_URL)));
scim.get("/Schemas/:id?", (c) => describe(c, listSchemas(c.env.PUBLIC_URL)));

scim.get("/Users", async (c) => {
  const page = readPage(c.req.query("startIndex"), c.req.query("count"));
  const filter = readFilter(c.req.query("filter"), USER_FILTERS);
  const { users, total } = await listUsers(c.env.PLATFORM_DB, filter, page);
  const selection = selectionOf(c);
  const shown = users.map((user) => select(toUser(c.env, user), selection));
  return c.json(toList(shown, total, page.start));
});
scim.post("/Users", async (c) => {
  const user = toUser(c.env, await createUser(c.env, parse(userBody, await readBody(c))));
  c.header("Location", user.meta.location);
  return c.json(select(user, selectionOf(c)), 201);
});
scim.get("/Users/:id", async (c) => {
  const user = await findUser(c.env.PLATFORM_DB, c.req.param("id"));
  return c.json(select(toUser(c.env, user), selectionOf(c)));
});
scim.put("/Users/:id", async (c) => {
  const user = await findUser(c.env.PLATFORM_DB, c.req.param("id"));
  const replaced = await replaceUser(c.env, user, parse(userBody, await readBody(c)));
  return c.json(select(toUser(c.env, replaced), selectionOf(c)));
});
scim.patch("/Users/:id", async (c) => {
  const user = await findUser(c.env.PLATFORM_DB, c.req.param("id"));
  const patched = await patchUser(c.env, user, parse(patchBody, await readBody(c)).Operations);
  return c.json(select(toUser(c.env, patched), selectionOf(c)));
});
scim.delete("/Users/:id", async (c) => {
  await removeUser(c.env, await findUser(c.env.PLATFORM_DB, c.req.param("id")));
  return c.body(null, 204);
});

scim.get("/Groups", async (c) => {
  const page = readPage(c.req.query("startIndex"), c.req.query("count"));
  const filter = readFilter(c.req.query("filter"), GROUP_FILTERS);
  const { groups, total } = await listGroups(c.env.PLATFORM_DB, filter, page);
  const selection = selectionOf(c);
  const shown = await Promise.all(groups.map((group) => toGroup(c.env, group, selection)));
  return c.json(toList(shown, total, page.start));
});
scim.post("/Groups", async (c) => {
  const group = await createGroup(c.env, parse(groupBody, await readBody(c)));
  c.header("Location", `${c.env.PUBLIC_URL}/scim/v2/Groups/${group.id}`);
  return c.json(await toGroup(c.env, group, selectionOf(c)), 201);
});
scim.get("/Groups/:id", async (c) => {
  const group = await findGroup(c.env.PLATFORM_DB, c.req.param("id"));
  return c.json(await toGroup(c.env, group, selectionOf(c)));
});
scim.put("/Groups/:id", async (c) => {
  const group = await findGroup(c.env.PLATFORM_DB, c.req.param("id"));
  const replaced = await replaceGroup(c.env, group, parse(groupBody, await readBody(c)));
  return c.json(await toGroup(c.env, replaced, selectionOf(c)));
});
scim.patch("/Groups/:id", async (c) => {
  const group = await findGroup(c.env.PLATFORM_DB, c.req.param("id"));
  const patched = await patchGroup(c.env, group, parse(patchBody, await readBody(c)).Operations);
  return c.json(await toGroup(c.env, patched, selectionOf(c)));
});
scim.delete("/Groups/:id", async (c) => {
  await removeGroup(c.env, await findGroup(c.env.PLATFORM_DB, c.req.param("id")));
  return c.body(null, 204);
});

// RFC 7644 §3.12: what the protocol has and this server does not.
for (const path of ["/Me", "/Bulk", "/.search", "/Users/.search", "/Groups/.search"]) {
  scim.all(path, () => {
    throw new ScimError(501, "This server does not have this part of the protocol.");
  });
}
for (const path of [
  "/ServiceProviderConfig",
  "/ResourceTypes/:id?",
  "/Schemas/:id?",
  "/Users/:id?",
  "/Groups/:id?",
]) {
  scim.all(path, () => {
    throw new ScimError(405, "This resource does not take this method.");
  });
}
scim.all("*", () => {
  throw new ScimError(404, "There is no such resource.");
});

/** A list of descriptions, or the one with the id of the address. */
function describe(c: ScimContext, all: readonly { id: string }[]): Response {
  const id = c.req.param("id");
  if (id === undefined) return c.json(toList(all, all.length, 1));
  const found = all.find((one) => one.id === id);
  if (found === undefined) throw new ScimError(404, "There is no such resource.");
  return c.json(found);
}

function selectionOf(c: ScimContext): Selection {
  return readSelection(c.req.query("attributes"), c.req.query("excludedAttributes"));
}

/**
 * The bearer is the Worker secret SCIM_TOKEN, or one of several in it, separated by commas while one replaces another.
 * Digests are compared, so that time tells nothing about the secret.
 */
async function requireCredential(c: ScimContext): Promise<void> {
  const tokens = (readSecret(c.env, "SCIM_TOKEN") ?? "").split(",").map((one) => one.trim());
  const known = tokens.filter((one) => one.length >= LENGTH).map(digestText);
  if (known.length === 0)
    throw new ScimError(404, "Provisioning is not set up: SCIM_TOKEN has no 32 characters.");
  const [, given = ""] = /^Bearer ([\x21-\x7e]{1,500})$/i.exec(c.req.header("Authorization") ?? "") ?? [];
  if (known.includes(digestText(given))) return;
  const subject = `scim|${countedAddress(c.req.raw.headers)}`;
  const admission = await admitAttempt(c.env, [{ subject, ...WRONG }], Date.now());
  if (!admission.admitted) throw new ScimError(429, "Too many wrong credentials. Try again later.");
  throw new ScimError(401, "The credential is wrong.");
}

async function readBody(c: ScimContext): Promise<unknown> {
  const type = c.req.header("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/scim+json" && type !== "application/json") {
    throw new ScimError(415, "Send application/scim+json.");
  }
  let [text, bytes] = ["", 0];
  const decoder = new TextDecoder();
  for await (const chunk of c.req.raw.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw new ScimError(413, "The request is larger than 4 MB.");
    text += decoder.decode(chunk, { stream: true });
  }
  try {
    return JSON.parse(text + decoder.decode());
  } catch {
    throw new ScimError(400, "The body is no JSON.", "invalidSyntax");
  }
}

function refuse(c: ScimContext, { status, message, scimType }: ScimError): Response {
  if (status === 401) c.header("WWW-Authenticate", 'Bearer realm="SCIM"');
  const body = {
    schemas: [URN.error],
    status: String(status),
    detail: message,
    ...(scimType && { scimType }),
  };
  return c.body(JSON.stringify(body), status, { "Content-Type": "application/scim+json" });
}
