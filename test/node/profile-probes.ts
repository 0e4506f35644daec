import type { Server } from "node:http";
import { sampleInput } from "../../scripts/bench/openapi/sample-input.ts";
import { loadProfile } from "../../scripts/connections/profiles/load-profile.ts";
import { ANSWERS, addProfile, baseOf, KEY_FILE, PEM } from "../connections/openapi/add-profile.ts";
import { SapDouble } from "../connections/openapi/odata/sap-double.ts";
import { openDouble } from "../connections/openapi/profile-double.ts";
import { serveDouble } from "../connections/openapi/serve-double.ts";

/** One call of a tool; its name is without that of the connection. */
export interface Question {
  tool: string;
  args: Record<string, unknown>;
  /** Whether the operation keeps some fields of the answer alone. */
  keepsFields: boolean;
}

/** The system of one profile, as a double of ours that listens, and what a test asks of it. */
export interface Probe {
  profile: string;
  title: string;
  connection: string;
  address: string;
  host: string;
  secret: string;
  /** A secret of the right form that the system does not take. */
  wrongSecret: string;
  /** Answers to the questions of the profile, as `--set` takes them. */
  answers: readonly string[];
  questions: readonly Question[];
  /** A question whose answer has two rows and a further page; `null` for a system that answers all at once. */
  paged: Question | null;
  /** Rows of the further page. */
  rest: number;
  /** Whether the account gets tokens that end, and new ones. */
  renews: boolean;
  /** Ends what was given to the account so far: its tokens or sessions, and its credential where it has neither. */
  end(): void;
  /** Takes the credential of the account again. */
  restore(): void;
  /** Answers every account with status 429 and `Retry-After: 7`, or no more. */
  limit(isLimited: boolean): void;
  /** Takes another credential than that of the account from now on. */
  changeSecret(): void;
  server: Server;
}

const TOO_MANY = { status: 429, headers: { "retry-after": "7" } };

/** Starts the double of a profile. */
export async function openProbe(profile: string, anotherKey: string): Promise<Probe> {
  return profile === "sap" ? await openSap() : await openDeclared(profile, anotherKey);
}

async function openDeclared(name: string, anotherKey: string): Promise<Probe> {
  const { profile, operations } = await addProfile(name);
  const { type } = profile.auth;
  const isSigned = type === "jwt_bearer";
  // With its lines, as the vendor gives it.
  const key = name.startsWith("google-") ? KEY_FILE : PEM;
  const secret = isSigned ? key : type === "headers" ? "key-one key-two" : "s3cret-of-the-account";
  const base = baseOf(profile);
  const double = openDouble(profile, base, secret);
  const served = await serveDouble((request) => double.fetch(request));
  const reads = operations.filter(({ effect }) => effect === "read");
  const ask = (operation: (typeof reads)[number]) => ({
    tool: operation.tool,
    args: sampleInput(operation),
    keepsFields: operation.fields !== undefined,
  });
  const paged = reads.find(({ paging }) => paging !== undefined);
  const renews = isSigned || type === "client_credentials";
  return {
    ...{ profile: name, title: profile.title, connection: name.replaceAll("-", ""), secret, renews },
    ...{ address: `${served.origin}${base}`, host: served.host, server: served.server },
    wrongSecret: isSigned ? anotherKey : "wrong-secret-of-the-account other",
    answers: Object.keys(profile.asks).map((key) => `${key}=${ANSWERS[key]}`),
    questions: reads.slice(0, 3).map(ask),
    paged: paged === undefined ? null : ask(paged),
    rest: 1,
    end() {
      if (renews) double.expire();
      else double.secret = "another";
    },
    restore() {
      double.secret = secret;
    },
    limit(isLimited) {
      double.trouble = isLimited ? TOO_MANY : null;
    },
    changeSecret() {
      double.secret = "another";
      double.refusedTokens = Number.POSITIVE_INFINITY;
    },
  };
}

async function openSap(): Promise<Probe> {
  const sap = new SapDouble();
  sap.reset();
  const served = await serveDouble((request) => sap.answer(request));
  const secret = sap.password;
  return {
    ...{ profile: "sap", title: (await loadProfile("sap")).title, connection: "sap", secret, renews: false },
    address: `${served.origin}/sap/opu/odata/sap/API_ORDER`,
    ...{ host: served.host, server: served.server, wrongSecret: "wrong-secret-of-the-account" },
    answers: ["host=sap.example", "service=sap/opu/odata/sap/API_ORDER", "user=COMM"],
    questions: [
      { tool: "list_a_order", args: { filter: "Net gt 45.00" }, keepsFields: false },
      { tool: "get_a_order", args: { Order: "O'Neil/7" }, keepsFields: false },
      { tool: "over", args: { Net: "35", Since: "2026-01-01T00:00:00" }, keepsFields: false },
    ],
    paged: { tool: "list_a_order", args: {}, keepsFields: false },
    rest: 2,
    end() {
      sap.endSessions();
      sap.password = "another";
    },
    restore() {
      sap.password = secret;
    },
    limit(isLimited) {
      sap.trouble = isLimited ? TOO_MANY : null;
    },
    changeSecret() {
      sap.password = "another";
    },
    server: served.server,
  };
}
