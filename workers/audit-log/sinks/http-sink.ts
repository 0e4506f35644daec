import type { Link } from "../../../shared/audit/chain.ts";
import { fetchOutside } from "../../../shared/upstream/outside-fetch.ts";
import { type RefusedRecord, RefusedRecords, readRetryAfter, TryLater } from "./refusals.ts";
import type { AuditSink } from "./sink.ts";

/** Milliseconds that a receiver has for one answer, and that a window has for all of its requests. */
const ANSWER_MS = 10_000;
const WINDOW_MS = 25_000;

/** Requests, besides the first ones, with which the invalid records of one window are looked for. */
const MOST_REQUESTS = 64;

/** Parts of {@link HttpForm.divide} in one window: with 3 seconds for each answer there is time for all of them. */
const MOST_PARTS = 8;

/** Statuses that call what was sent invalid. Every other failure may be over at the next try. */
const INVALID: ReadonlySet<number> = new Set([400, 413, 422]);

/** Characters of an answer that are read: a bulk of 500 records is answered in less than a tenth. */
const LONGEST_ANSWER = 500_000;

/** Milliseconds to wait after a 429 or 503 that does not say how long. */
const USUAL_WAIT_MS = 60_000;

/** The settings of a deployment, as texts; one that is not set is empty. */
export type Setting = (name: string) => string;

/** How the records of a window become requests to one kind of receiver. */
export interface HttpForm {
  /** Name of the sink. Its place in the trail is kept under it, so it never changes. */
  name: string;
  /** Name of the setting with the address. The sink is on where it is set. */
  address: string;
  /** Settings without which nothing is sent: the receiver could not trust it. */
  needs: readonly string[];
  /**
   * Makes the request that writes these records.
   *
   * @param part - names these records among all that the receiver gets: the window, or the window and its part
   */
  write(address: string, read: Setting, links: readonly Link[], part: string): Promise<Request> | Request;
  /** The records that need a request of their own, such as those of one hour. */
  divide?(links: readonly Link[]): Link[][];
  /** Whether an answer with a status of {@link INVALID} is about the settings and not about the records. */
  blamesSettings?(body: string): boolean;
  /**
   * What an answer with 2xx says of single records: the refused ones, or `some` when it does not say which. Throws when
   * some of them are to come again.
   */
  readAnswer?(body: string, links: readonly Link[]): RefusedRecord[] | "some";
}

/**
 * A sink over HTTP. It asks public addresses over https and follows no redirect. When the receiver calls a request
 * invalid or too large, its records go in halves, so that one bad record does not hold the others; {@link RefusedRecords}
 * names those that are left. Parts have the same names at every try.
 *
 * @param ask - sends a request, as `fetchOutside` does
 */
export function httpSink(form: HttpForm, ask: typeof fetchOutside = fetchOutside): AuditSink {
  const settingsOf =
    (env: Env): Setting =>
    (name) =>
      String((env as unknown as Record<string, unknown>)[name] ?? "").trim();
  return {
    name: form.name,
    isConfigured: (env) => settingsOf(env)(form.address) !== "",
    countFirst: (links) => countFirst(form, links),
    async write(env, links, window = "") {
      const read = settingsOf(env);
      const missing = form.needs.filter((name) => read(name) === "");
      if (missing.length > 0) throw new TypeError(`${missing.join(" and ")} is not set.`);
      const run = { left: MOST_REQUESTS, until: Date.now() + WINDOW_MS };
      const refused: RefusedRecord[] = [];
      for (const own of form.divide?.(links) ?? [[...links]]) {
        if (Date.now() > run.until) throw new Error("The receiver is too slow for the whole window.");
        refused.push(...(await send(form, ask, read, own, window, run)));
      }
      if (refused.length > 0) throw new RefusedRecords(refused, refused.length === links.length);
    },
  };
}

/** The records, from the first on, that are in the first {@link MOST_PARTS} parts and come before every other part. */
function countFirst({ divide }: HttpForm, links: readonly Link[]): number {
  const later = divide?.(links).slice(MOST_PARTS).flat() ?? [];
  return later.length === 0 ? links.length : links.indexOf(later[0] as Link);
}

/** Sends records, in halves where they are refused together. Returns those that are refused by themselves. */
async function send(
  form: HttpForm,
  ask: typeof fetchOutside,
  read: Setting,
  links: readonly Link[],
  part: string,
  run: { left: number; until: number },
): Promise<RefusedRecord[]> {
  const request = await form.write(read(form.address), read, links, part);
  const refused = await readRefusals(
    form,
    await ask(request, { signal: AbortSignal.timeout(ANSWER_MS) }),
    links,
  );
  if (typeof refused !== "string") return refused;
  if (links.length === 1) return refuse(links, refused);
  const middle = Math.ceil(links.length / 2);
  return [
    ...(await sendHalf(form, ask, read, links.slice(0, middle), `${part}.1`, run)),
    ...(await sendHalf(form, ask, read, links.slice(middle), `${part}.2`, run)),
  ];
}

/** {@link send} within what is left for the search of invalid records. What is refused here is tried again by itself. */
async function sendHalf(...given: Parameters<typeof send>): Promise<RefusedRecord[]> {
  const [, , , links, , run] = given;
  if (run.left <= 0) return refuse(links, "not looked at by itself: too many records were refused");
  if (Date.now() > run.until) return refuse(links, "not looked at by itself: the receiver is too slow");
  run.left -= 1;
  return await send(...given);
}

/** The records that an answer refuses, or the reason for which it refuses them together. Throws to try again. */
async function readRefusals(
  form: HttpForm,
  answer: Response,
  links: readonly Link[],
): Promise<RefusedRecord[] | string> {
  const { status } = answer;
  const text = await readText(answer);
  if (answer.ok) {
    const refused = form.readAnswer?.(text, links) ?? [];
    return refused === "some" ? "The receiver rejected it." : refused;
  }
  const failure = `The receiver answered ${status}.`;
  if (status === 429 || status === 503)
    throw new TryLater(failure, readRetryAfter(answer.headers, Date.now()) ?? USUAL_WAIT_MS);
  if (!INVALID.has(status) || form.blamesSettings?.(text)) throw new Error(failure);
  return failure;
}

/** The text of an answer. One that is too long is cut: nothing in it is relied on then but its status. */
async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > LONGEST_ANSWER) break;
  }
  return text;
}

/** All of these records, refused for one reason. */
function refuse(links: readonly Link[], reason: string): RefusedRecord[] {
  return links.map((link) => ({ link, reason }));
}

/** The name by which receivers tell records apart: `<chain>/<sequence>`. */
export function nameOf({ chain, sequence }: Link): string {
  return `${chain}/${sequence}`;
}
