import type { Context, ErrorHandler, NotFoundHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ErrorBody, ErrorCode } from "../../shared/call/tool-error.ts";
import { logFailure } from "../../shared/observe/log.ts";
import { Page } from "../../shared/web/page.tsx";
import { isOutage } from "./outage.ts";
import { FormError } from "./read-form.ts";
import { whomToAsk } from "./whom-to-ask.ts";

/**
 * A refusal in the caller's format: a page for a browser, the error body of DESIGN (row T2) for a program.
 */
export interface Refusal {
  status: ContentfulStatusCode;
  code: ErrorCode;
  /** The page's heading. */
  title: string;
  message: string;
  /** Next step, one sentence. */
  action: string;
  /** Link for the next step, on our own origin. */
  link?: { href: string; label: string };
  /** Seconds. */
  retryAfter?: number;
}

/** Seconds after which a client may retry after a failure. */
const TRY_AGAIN_AFTER = 5;

/** Answers a refusal in the form that the caller reads. */
export function refuse<E extends { Bindings: Env }>(
  c: Context<E>,
  refusal: Refusal,
): Response | Promise<Response> {
  if (refusal.retryAfter !== undefined) c.header("Retry-After", String(refusal.retryAfter));
  if (!wantsPage(c)) {
    const body: ErrorBody = {
      error: {
        code: refusal.code,
        message: refusal.message,
        ...(refusal.retryAfter !== undefined && { retry_after: refusal.retryAfter }),
        suggested_action: refusal.action,
      },
    };
    return c.json(body, refusal.status);
  }
  return c.html(
    <Page title={refusal.title}>
      <div class="card">
        <h1>{refusal.title}</h1>
        <p>{refusal.message}</p>
        <p class="quiet">{refusal.action}</p>
        {refusal.link && (
          <p>
            <a href={refusal.link.href}>{refusal.link.label}</a>
          </p>
        )}
      </div>
    </Page>,
    refusal.status,
  );
}

/** 404 for an unknown route. */
export const answerNotFound: NotFoundHandler<{ Bindings: Env }> = (c) =>
  refuse(c, {
    status: 404,
    code: "not_found",
    title: "Nothing here",
    message: "Gatehouse has nothing at this address.",
    action: "Check the address. The MCP addresses are listed on the home page.",
    link: { href: "/", label: "Home page" },
  });

/**
 * Turns anything thrown into a response. Our own refusals keep their text; everything else is logged in full
 * under an event id, and only the id is shown. An outage gives 503: at the OAuth endpoints a client would
 * take any other status for the end of its grant and send its user back to sign-in.
 */
export const answerFailure: ErrorHandler<{ Bindings: Env }> = async (failure, c) => {
  if (failure instanceof FormError) {
    return refuse(c, {
      status: failure.status,
      code: "invalid_input",
      title: "This form cannot be read",
      message: failure.message,
      action: "Go back, reload the page and send the form again.",
    });
  }
  const eventId = logFailure("request_failed", failure, { method: c.req.method, path: c.req.path });
  if (/^\/oauth(\/|$)/.test(c.req.path)) return answerLater(c, eventId);
  if (await isOutage(failure, c.env)) return refuse(c, outageOf(c, eventId));
  return refuse(c, {
    status: 500,
    code: "internal_error",
    title: "Something went wrong",
    message: `The request failed inside Gatehouse. Event id: ${eventId}.`,
    action: `Try again once; if it fails again, report the event id to ${await whomToAsk(c.env)}.`,
  });
};

/**
 * The failure in OAuth's error format (RFC 6749 §5.2), by which clients decide whether their grant is still
 * valid.
 */
function answerLater(c: Context, eventId: string): Response {
  const description = `Gatehouse cannot answer right now. Send the same request again. Event id: ${eventId}.`;
  return c.json({ error: "temporarily_unavailable", error_description: description }, 503, {
    "Retry-After": String(TRY_AGAIN_AFTER),
    "Cache-Control": "no-store",
  });
}

function outageOf(c: Context, eventId: string): Refusal {
  const { pathname, search } = new URL(c.req.url);
  // A form at /authorize can be retried by a link to its page; other forms cannot.
  const shownAgain = c.req.method === "GET" || pathname === "/authorize";
  return {
    status: 503,
    code: "unavailable",
    title: "Try again in a moment",
    message: `Something that Gatehouse needs does not answer right now. Event id: ${eventId}.`,
    action: shownAgain
      ? "Wait a few seconds, then try again. You need not sign in or connect again."
      : "Wait a few seconds, then go back and send the form again.",
    ...(shownAgain && { link: { href: `${pathname}${search}`, label: "Try again" } }),
    retryAfter: TRY_AGAIN_AFTER,
  };
}

function wantsPage(c: Context): boolean {
  const forPrograms = /^\/(mcp|oauth|\.well-known)(\/|$)/.test(c.req.path);
  return !forPrograms && c.req.header("Accept")?.toLowerCase().includes("text/html") === true;
}
