import type { MiddlewareHandler } from "hono";
import { registry } from "../servers.ts";
import { type ConfigurationProblem, checkConfiguration } from "./configuration.ts";
import { refuse } from "./failures.tsx";
import { whomToAsk } from "./whom-to-ask.ts";

type Guard = MiddlewareHandler<{ Bindings: Env }>;

const findings = new WeakMap<Env, ConfigurationProblem[]>();

/** Faults of this deployment's configuration; checked once per isolate. */
export function findProblems(env: Env): ConfigurationProblem[] {
  let problems = findings.get(env);
  if (problems === undefined) {
    problems = checkConfiguration(
      { ...env },
      registry.flatMap(({ sessions }) => sessions?.binding ?? []),
      registry.flatMap(({ server }) => server.databases ?? []),
    );
    findings.set(env, problems);
  }
  return problems;
}

/** Responds 503 with one sentence that names the first problem while the configuration is wrong. */
export const requireConfiguration: Guard = async (c, next) => {
  const problem = findProblems(c.env)[0];
  if (problem === undefined) return await next();
  return await refuse(c, {
    status: 503,
    code: "unavailable",
    title: "Gatehouse is not set up yet",
    message: `${problem.message}.`,
    action: `Ask ${await whomToAsk(c.env)} to finish the set-up; /ready lists everything that is missing.`,
  });
};

/**
 * Accepts only requests to the host of `PUBLIC_URL`. Protects cookies and forms from DNS rebinding (another
 * name that resolves here), and keeps tokens and issuer consistent. Plain http to an https deployment is
 * redirected to https.
 */
export const requireHost: Guard = async (c, next) => {
  // Fast path without parsing the URL. No other host's address begins with our origin and a slash.
  if (c.req.url.startsWith(`${c.env.PUBLIC_URL}/`)) return await next();
  const url = new URL(c.req.url);
  const expected = new URL(c.env.PUBLIC_URL);
  if (url.host !== expected.host) {
    return await refuse(c, {
      status: 403,
      code: "forbidden",
      title: "Wrong address",
      message: `This Gatehouse is served at ${expected.origin} only.`,
      action: "Use that address, or change PUBLIC_URL.",
    });
  }
  if (url.protocol !== expected.protocol && (c.req.method === "GET" || c.req.method === "HEAD")) {
    return c.redirect(`${expected.origin}${url.pathname}${url.search}`, 308);
  }
  return await next();
};

/**
 * Refuses forms that another site sent in the user's name (CSRF): a browser states the sender in `Origin`,
 * newer ones also in `Sec-Fetch-Site` (W3C Fetch Metadata). At least one must name this origin, and none may
 * name another.
 */
export const requireOwnForm: Guard = async (c, next) => {
  if (c.req.method !== "POST") return await next();
  const origin = c.req.header("Origin");
  const site = c.req.header("Sec-Fetch-Site");
  const ownOrigin = origin === undefined ? site === "same-origin" : origin === c.env.PUBLIC_URL;
  if (ownOrigin && (site === undefined || site === "same-origin")) return await next();
  return await refuse(c, {
    status: 403,
    code: "forbidden",
    title: "This form came from elsewhere",
    message: "Gatehouse accepts forms from its own pages only.",
    action: "Open the page at its own address and send the form from there.",
  });
};
