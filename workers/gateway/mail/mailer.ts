import { fetchOutside } from "../../../shared/upstream/outside-fetch.ts";
import { readSecret } from "../optional-secrets.ts";

/** Name of the binding to Cloudflare Email Service. */
export const EMAIL_BINDING = "EMAIL";

/** Milliseconds that a provider has for its answer. */
const TIMEOUT_MS = 10_000;
/** Milliseconds to wait after a limit of a provider that names none: limits of a rate are mostly those of a second. */
const PAUSE_MS = 1_500;
/** Fewest milliseconds to wait, whatever a provider names: it may name 0, or a moment by a clock of its own. */
const LEAST_WAIT_MS = 1_000;

/** One message. */
export interface Mail {
  to: readonly string[];
  subject: string;
  text: string;
  /** A page of the same content, for programs that show one. */
  html?: string;
  /** The same at every try, so that a provider can leave out what it has. */
  key?: string;
}

/** What sends a message: a request to a provider, or a binding that is called. */
export type Letter = Request | (() => Promise<void>);

/** Makes of a message what sends it. */
export type Mailer = (mail: Mail) => Letter;

/** Sends a request; throws unless it is taken. */
export type Post = (request: Request) => Promise<void>;

/** Why a message was not taken. */
export interface MailFault {
  /**
   * What it speaks of: this one message, which is never taken; the provider, which may take it later; or the settings of this
   * deployment, with which none is taken.
   */
  of: "message" | "provider" | "settings";
  /** Milliseconds to wait: those that the provider asks for, or a pause after a limit of which it names none; else `null`. */
  waitMs: number | null;
  /** Whether it is certain that the message was not taken. */
  certain: boolean;
}

/** A message that was not taken. Its sentence is ours, and holds nothing of the message or of the answer. */
export class MailError extends Error {
  override readonly name = "MailError";
  readonly fault: MailFault;
  constructor(message: string, fault: Partial<MailFault> = {}) {
    super(message);
    this.fault = { of: "message", waitMs: null, certain: true, ...fault };
  }
}

/** Codes of Cloudflare Email Service that speak of a limit of a rate, of any limit or failure of its own, and of the sender. */
const [RATE, LATER, SENDER] = [
  /^E_RATE_LIMIT/,
  /^E_(RATE_LIMIT|DAILY_LIMIT|DELIVERY_FAILED|INTERNAL)/,
  /^E_(SENDER|FROM)_/,
] as const;
/** Statuses of a provider that speak of the key, the sender or the address of the provider. */
const OF_SETTINGS = new Set([401, 403, 404, 405]);

/** The settings of one sender. */
interface Sender {
  /** Where a provider takes messages as JSON; `null` for the binding. */
  url: string | null;
  key: string;
  /** `ops@example.com` or `Gatehouse <ops@example.com>`. */
  from: string;
  /** Whose JSON the provider reads. */
  format: string;
}

/**
 * What sends this deployment's e-mail: the provider at `EMAIL_URL`, or without one the binding `EMAIL`. `null` where neither
 * is there, or no sender is named.
 */
export function readMailer(env: Env): Mailer | null {
  const from = readSecret(env, "EMAIL_FROM");
  if (from === null) return null;
  const [key, format] = [readSecret(env, "EMAIL_KEY") ?? "", readSecret(env, "EMAIL_FORMAT") ?? "resend"];
  return openMailer(env, { url: readSecret(env, "EMAIL_URL"), key, from, format });
}

/** What sends messages of one sender. `null` for a sender without an address where no binding is. */
export function openMailer(env: Env, { url, key, from, format }: Sender): Mailer | null {
  if (url !== null) {
    const write = format === "postmark" ? writePostmark : writeResend;
    return (mail) => write(url, key, from, mail);
  }
  const binding = (env as unknown as Record<string, SendEmail | undefined>)[EMAIL_BINDING];
  if (binding === undefined) return null;
  return (mail) => () => sendByBinding(binding, from, mail);
}

/** Sends a message. Throws {@link MailError} when it is not taken, or the provider does not answer. */
export async function sendMail(mailer: Mailer, mail: Mail, post: Post = postMail): Promise<void> {
  await dispatch(mailer(mail), post);
}

/** Carries a letter: a request by `post`, another one by itself. */
export async function dispatch(letter: Letter, post: Post): Promise<void> {
  await (letter instanceof Request ? post(letter) : letter());
}

/** Posts to a public https address, without following redirects. Throws {@link MailError} unless the answer is 2xx. */
export async function postMail(request: Request, ask?: typeof fetch): Promise<void> {
  const init = { signal: AbortSignal.timeout(TIMEOUT_MS) };
  const answer = await fetchOutside(request, init, ask).catch(() => null);
  if (answer === null)
    throw new MailError("The provider of e-mail did not answer", { of: "provider", certain: false });
  await answer.body?.cancel();
  const { ok, status, headers } = answer;
  if (ok) return;
  const of = status === 429 || status >= 500 ? "provider" : OF_SETTINGS.has(status) ? "settings" : "message";
  throw new MailError(`The provider of e-mail answered ${status}`, {
    of,
    waitMs: readWait(headers.get("Retry-After")) ?? (status === 429 ? PAUSE_MS : null),
  });
}

/** `Retry-After` (RFC 9110 §10.2.3), seconds or a date, as milliseconds, at least {@link LEAST_WAIT_MS}; `null` for none. */
function readWait(value: string | null): number | null {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value.trim())) return Math.max(LEAST_WAIT_MS, Number(value) * 1000);
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(LEAST_WAIT_MS, at - Date.now());
}

/** JSON as Resend takes it: `POST /emails`. */
function writeResend(
  url: string,
  key: string,
  from: string,
  { to, subject, text, html, key: once }: Mail,
): Request {
  const body = { from, to, subject, text, ...(html !== undefined && { html }) };
  return post(url, body, {
    Authorization: `Bearer ${key}`,
    ...(once !== undefined && { "Idempotency-Key": once.slice(0, 256) }),
  });
}

/** JSON as Postmark takes it: `POST /email`. */
function writePostmark(url: string, key: string, from: string, { to, subject, text, html }: Mail): Request {
  const body = {
    ...{ From: from, To: to.join(", "), Subject: subject, TextBody: text },
    ...(html !== undefined && { HtmlBody: html }),
  };
  return post(url, body, { Accept: "application/json", "X-Postmark-Server-Token": key });
}

/** Cloudflare Email Service. Its errors have a code such as `E_RECIPIENT_SUPPRESSED`; their text may hold an address. */
async function sendByBinding(binding: SendEmail, from: string, mail: Mail): Promise<void> {
  const { to, subject, text, html } = mail;
  const [, name = "", email = from] = /^\s*"?([^"<>]*?)"?\s*<([^<>]+)>\s*$/.exec(from) ?? [];
  const sender = name === "" ? email : { name, email };
  const message = { from: sender, to: [...to], subject, text, ...(html !== undefined && { html }) };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const silent = new MailError("Cloudflare Email Service did not answer", {
      of: "provider",
      certain: false,
    });
    timer = setTimeout(() => reject(silent), TIMEOUT_MS);
  });
  try {
    await Promise.race([binding.send(message), late]);
  } catch (failure) {
    if (failure instanceof MailError) throw failure;
    const code = String((failure as { code?: unknown } | null)?.code ?? "");
    const known = /^E_[A-Z_]{1,60}$/.test(code);
    const of = !known || LATER.test(code) ? "provider" : SENDER.test(code) ? "settings" : "message";
    const said = known ? ` (${code})` : "";
    throw new MailError(`Cloudflare Email Service did not take the message${said}`, {
      ...{ of, certain: known },
      waitMs: RATE.test(code) ? PAUSE_MS : null,
    });
  } finally {
    clearTimeout(timer);
  }
}

function post(url: string, body: object, headers: Record<string, string>): Request {
  return new Request(url, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  });
}
