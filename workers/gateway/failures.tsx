import type { Context, ErrorHandler, NotFoundHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ErrorBody, ErrorCode } from "../../shared/call/tool-error.ts";
import { logFailure } from "../../shared/observe/log.ts";
import { Page } from "../../shared/web/page.tsx";
import { FormError } from "./read-form.ts";

/** A refusal written for whoever reads it: a page for a browser, the error body of DESIGN (row T2) for a program. */
export interface Refusal {
  status: ContentfulStatusCode;
  code: ErrorCode;
  /** The page's heading. */
  title: string;
  message: string;
  /** What to do next, one sentence. */
  action: string;
  /** Where "what to do next" leads, on our own origin. */
  link?: { href: string; label: string };
  /** Seconds. */
  retryAfter?: number;
}

/** Answers a refusal in the form that the caller reads. */
export function refuse(c: Context<{ Bindings: Env }>, refusal: Refusal): Response | Promise<Response> {
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

/** 404 for everything that no route knows. */
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
 * Turns anything thrown into an answer. What we refused on purpose keeps its text; everything else is logged in full
 * under an event id, and only the id is shown.
 */
export const answerFailure: ErrorHandler<{ Bindings: Env }> = (failure, c) => {
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
  return refuse(c, {
    status: 500,
    code: "internal_error",
    title: "Something went wrong",
    message: `The request failed inside Gatehouse. Event id: ${eventId}.`,
    action: "Try again once; if it fails again, report the event id to your administrator.",
  });
};

function wantsPage(c: Context): boolean {
  const forPrograms = /^\/(mcp|oauth|\.well-known)(\/|$)/.test(c.req.path);
  return !forPrograms && c.req.header("Accept")?.includes("text/html") === true;
}
