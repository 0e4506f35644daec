import { type Context, Hono } from "hono";
import { isVisible } from "../../../shared/guard/decide.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { masksOf } from "../../../shared/policy/masks.ts";
import { openCatalogueOf } from "../../catalogues.ts";
import { storeStream, TooLarge } from "../../connections/files/store-stream.ts";
import {
  findFile,
  keyOfFile,
  MOST_OF_FILE,
  moveFile,
  type TicketFile,
} from "../../connections/files/tickets.ts";
import { findPerson } from "../people.ts";
import { recordEvent } from "../record-event.ts";
import { personOfFile } from "./person-of-file.ts";

type GatewayContext = Context<{ Bindings: Env }>;

/** `/files/<ticket>`: files on their way between a person and a connected system. */
export const fileRoutes = new Hono<{ Bindings: Env }>();

/** Who has the ticket fills it, once: its contents count for calls of its person alone. */
fileRoutes.put("/files/:ticket", async (c) => {
  const { PLATFORM_DB, MEDIA } = c.env;
  const file = await findFile(PLATFORM_DB, c.req.param("ticket"), "in", "open");
  const { body, headers } = c.req.raw;
  if (file === null) return answerNone(c);
  if (Number(headers.get("content-length") ?? 0) > MOST_OF_FILE) return answerTooLarge(c);
  if (body === null) return c.json({ error: "empty", message: "Send the file as the body." }, 400);
  if (!(await moveFile(PLATFORM_DB, file.id, "open", "storing"))) return answerNone(c);
  let bytes: number;
  try {
    bytes = await storeStream(MEDIA, keyOfFile(file.id), body, MOST_OF_FILE);
  } catch (failure) {
    await moveFile(PLATFORM_DB, file.id, "storing", "used");
    if (failure instanceof TooLarge) return answerTooLarge(c);
    throw failure;
  }
  const announced = headers.get("content-length");
  if (announced !== null && Number(announced) !== bytes) {
    // The sender left in the middle: a part of a file is no file.
    await moveFile(PLATFORM_DB, file.id, "storing", "used");
    await MEDIA.delete(keyOfFile(file.id));
    const message = "Fewer bytes came than were announced. Ask for another ticket.";
    return c.json({ error: "incomplete", message }, 400);
  }
  const { userId, connection } = file;
  await recordEvent(c, userId, { type: "file_transfer", connection, direction: "in", bytes });
  if (!(await moveFile(PLATFORM_DB, file.id, "storing", "stored", bytes))) {
    // The person was erased meanwhile.
    await MEDIA.delete(keyOfFile(file.id));
    return answerNone(c);
  }
  return c.json({ bytes }, 201);
});

/** Its person takes a file, once. */
fileRoutes.on(["GET", "HEAD"], "/files/:ticket", async (c) => {
  // A program that looks at a link first must not use it up.
  if (c.req.method !== "GET") return c.body(null, 405, { Allow: "GET, PUT" });
  const { PLATFORM_DB, MEDIA } = c.env;
  const file = await findFile(PLATFORM_DB, c.req.param("ticket"), "out", "stored");
  if (file === null) return answerNone(c);
  const person = await personOfFile(c.env, c.req.raw, file.connection);
  if (person === null) {
    const isProgram =
      c.req.header("authorization") !== undefined || !c.req.header("accept")?.includes("text/html");
    if (!isProgram) return c.redirect(`/sign-in?next=${encodeURIComponent(c.req.path)}`, 303);
    const message =
      "Send the access token of the app as Authorization: Bearer, or open the address in a browser.";
    return c.json({ error: "unauthorized", message }, 401, { "WWW-Authenticate": "Bearer" });
  }
  // Of another person it does not exist.
  if (person !== file.userId) return answerNone(c);
  if (!(await mayTake(c, file))) return answerNone(c);
  if (!(await moveFile(PLATFORM_DB, file.id, "stored", "used"))) return answerNone(c);
  const { connection, bytes, name } = file;
  await recordEvent(c, person, { type: "file_transfer", connection, direction: "out", bytes });
  const stored = await MEDIA.get(keyOfFile(file.id));
  if (stored === null) return answerNone(c);
  return c.body(stored.body, 200, {
    // Another system's contents are never shown by this origin, whatever it calls them.
    "Content-Type": "application/octet-stream",
    "Content-Disposition": `attachment; filename="${asciiOf(name)}"; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, percent)}`,
    "Content-Length": String(stored.size),
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
  });
});

/** The role of the person may use the tool that gave the file still, and is masked no more than then. */
async function mayTake({ env, req }: GatewayContext, file: TicketFile): Promise<boolean> {
  const [policy, person, stored] = await Promise.all([
    policyInForce(env),
    findPerson(env.PLATFORM_DB, file.userId),
    env.MEDIA.head(keyOfFile(file.id)),
  ]);
  const { tool = "", masks = "" } = stored?.customMetadata ?? {};
  const entry = (await openCatalogueOf("").at(env, policy.revisions)).tools.get(tool);
  if (person === null || entry === undefined) return false;
  if (!masksOf(policy, person.role).text.every((kind) => masks.split(" ").includes(kind))) return false;
  const { cf } = req.raw as Request<unknown, IncomingRequestCfProperties>;
  const caller = {
    role: person.role,
    scopes: [entry.subject.scope],
    ip: req.header("cf-connecting-ip") ?? null,
    country: cf?.country ?? null,
    mfaAt: null,
  };
  return isVisible(policy, caller, entry.subject);
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function asciiOf(name: string): string {
  return name.replace(/[^\x20-\x7e]|["\\%]/g, "_");
}

/** Unknown, used, ended and another person's tickets read alike. */
function answerNone(c: GatewayContext): Response {
  const message = "There is no such file, its time is over, or it was used. Ask for it again.";
  return c.json({ error: "not_found", message }, 404);
}

function answerTooLarge(c: GatewayContext): Response {
  const message = `A file has at most ${MOST_OF_FILE} bytes.`;
  return c.json({ error: "too_large", message }, 413);
}
