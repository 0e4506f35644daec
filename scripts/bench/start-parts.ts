import { cp, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { askForLinks } from "../../shared/people/password-links.ts";
import { addPerson } from "../../shared/people/statements.ts";
import { putInForce } from "../../shared/policy/changes/publications.ts";
import bundled from "../../shared/policy/policy.json" with { type: "json" };
import { policyDocument } from "../../shared/policy/schema.ts";
import { pickPort } from "../local/port.ts";
import { buildVariant } from "./calls/build.ts";
import { startGateway } from "./calls/runtime.ts";
import { median } from "./calls/statistics.ts";
import { DEPLOYED } from "./calls/variants.ts";

const HOST = "localhost";
const JSON_BODY = { "content-type": "application/json" };
const FORM_BODY = { "content-type": "application/x-www-form-urlencoded" };
const SCIM_TOKEN = "s".repeat(40);
const MAIL = { email: "ada@bench.example", mark: "00000000-0000-4000-8000-00000000000" };
const RULES = { roles: [{ role: "viewer", when: { groups: ["staff"] } }] };
const OIDC = {
  ...{ kind: "oidc", title: "Corp", issuer: "https://login.example.com", client_id: "gatehouse" },
  ...{ id_jag: "accepted", ...RULES },
};

/** A part of people and programs: what switches it on, and the request that uses it first. */
interface Part {
  name: string;
  variables?: Readonly<Record<string, string>>;
  /** Providers of single sign-on in the policy in force. */
  providers?: Readonly<Record<string, object>>;
  /** The request and its expected status; `turn` counts from 1. None for the deployment with nothing switched on. */
  use?: (turn: number) => { target: string; init?: RequestInit; status: number };
}

const PARTS: readonly Part[] = [
  { name: "nothing switched on" },
  {
    name: "single sign-on (GitHub)",
    variables: { SSO_HUB_SECRET: "bench" },
    providers: {
      hub: {
        kind: "github",
        title: "GitHub",
        client_id: "Iv1.0123456789abcdef",
        roles: [{ role: "viewer", when: { teams: ["acme/docs"] } }],
      },
    },
    use: () => ({ target: "/sign-in/with/hub", status: 303 }),
  },
  {
    name: "Cloudflare Access",
    providers: {
      edge: {
        kind: "access",
        title: "Acme",
        team: "https://acme.cloudflareaccess.com",
        audience: "0123456789abcdef",
        ...RULES,
      },
    },
    use: () => ({ target: "/sign-in/with/edge", status: 400 }),
  },
  {
    name: "ID-JAG",
    providers: { corp: OIDC },
    use: () => ({
      target: "/oauth/token",
      init: {
        ...{ method: "POST", headers: FORM_BODY },
        body: "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&client_id=none&assertion=e30.e30.e30",
      },
      status: 400,
    }),
  },
  {
    name: "SCIM",
    variables: { SCIM_TOKEN },
    use: () => ({
      target: "/scim/v2/Users?count=1",
      init: { headers: { authorization: `Bearer ${SCIM_TOKEN}` } },
      status: 200,
    }),
  },
  {
    name: "e-mail",
    // An address that is refused before it is asked: the message is written and goes nowhere.
    variables: { EMAIL_FROM: "gate@bench.example", EMAIL_URL: "https://127.0.0.1/" },
    use: (turn) => ({
      target: "/people/changes",
      init: { method: "POST", headers: JSON_BODY, body: JSON.stringify({ mark: `${MAIL.mark}${turn}` }) },
      status: 503,
    }),
  },
  {
    name: "passkeys",
    use: () => ({
      target: "/sign-in/passkey",
      init: { method: "POST", headers: FORM_BODY, body: "answer=%7B%7D" },
      status: 401,
    }),
  },
  {
    name: "service accounts",
    use: () => ({
      target: "/oauth/token",
      init: {
        method: "POST",
        headers: FORM_BODY,
        body: "grant_type=client_credentials&client_id=none&client_secret=none",
      },
      status: 401,
    }),
  },
];

/** Milliseconds of each round of one part. */
interface Times {
  ms: number[];
  cpu: number[];
  first: number[];
  next: number[];
}

/**
 * Prints what each part that is switched on by configuration adds to a start, from the runtime's start to the answer of
 * `/sign-in`, and how long the first request that uses it takes against the next one. Parts take turns in each round, and each
 * figure is the median of the differences to the round's start with nothing switched on.
 */
export async function measureParts(rounds: number): Promise<void> {
  const built = await buildVariant(DEPLOYED);
  const root = await mkdtemp(path.join(os.tmpdir(), "gatehouse-parts-"));
  try {
    const times = PARTS.map(emptyTimes);
    for (const [index, part] of PARTS.entries()) await prepare(part, path.join(root, String(index)), built);
    // The first start of all reads files that the others find in memory.
    await startFrom(root, 0, built, emptyTimes());
    for (let round = 0; round < rounds; round += 1) {
      for (const turn of PARTS.keys()) {
        // Each part begins a round once, so that what goes before falls on all.
        const index = (turn + round) % PARTS.length;
        await startFrom(root, index, built, times[index] ?? emptyTimes());
      }
    }
    print(times);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const emptyTimes = (): Times => ({ ms: [], cpu: [], first: [], next: [] });

/** Starts a part once, on a copy of its storage. */
async function startFrom(root: string, index: number, built: Built, times: Times): Promise<void> {
  const [part, folder] = [PARTS[index], path.join(root, "run")];
  if (part === undefined) return;
  await cp(path.join(root, String(index)), folder, { recursive: true });
  await startOnce(part, folder, built, times);
  await rm(folder, { recursive: true, force: true });
}

type Built = Awaited<ReturnType<typeof buildVariant>>;

function startIn(folder: string, port: number, { script, wasm, data }: Built, variables: Part["variables"]) {
  const publicUrl = `http://${HOST}:${port}`;
  return startGateway({ script, wasm, data, folder, publicUrl, port, ...(variables && { variables }) });
}

/** Makes the storage that a part starts on: migrated, with its policy in force, a person and two requests for links. */
async function prepare({ providers }: Part, folder: string, built: Built): Promise<void> {
  const worker = await startIn(folder, await pickPort(), built, {});
  const database = await worker.migrate();
  const at = Date.now();
  const person = { id: "ada", accountId: "ada-account", email: MAIL.email, name: "Ada", role: "viewer" };
  const links = [1, 2].map((turn) => ({
    user: MAIL.email,
    kind: "invitation" as const,
    mark: `${MAIL.mark}${turn}`,
  }));
  const sql = [
    addPerson({ ...person, passwordHash: null, at: new Date(at).toISOString() }),
    askForLinks(links, "bench", at),
    ...(providers === undefined ? [] : [publish(providers, at)]),
  ];
  await database.batch(splitStatements(sql.join("\n")).map((statement) => database.prepare(statement)));
  await worker.stop();
}

function publish(providers: object, at: number): string {
  const document = policyDocument.parse({ ...structuredClone(bundled), sign_in: { providers } });
  const text = canonicalize(document);
  const version = { after: 0, replaced: 1, version: 2, digest: digestText(text), at, by: "bench", note: "" };
  return putInForce(version, text);
}

async function startOnce(part: Part, folder: string, built: Built, times: Times): Promise<void> {
  const port = await pickPort();
  const ask = async (target: string, init: RequestInit = {}) => {
    const began = performance.now();
    const headers = {
      ...(init.headers as Record<string, string> | undefined),
      host: `${HOST}:${port}`,
      origin: `http://${HOST}:${port}`,
    };
    const answer = await fetch(`http://${HOST}:${port}${target}`, { ...init, headers, redirect: "manual" });
    await answer.arrayBuffer();
    return { ms: performance.now() - began, status: answer.status };
  };
  const began = performance.now();
  const worker = await startIn(folder, port, built, part.variables);
  try {
    await ask("/sign-in");
    times.ms.push(performance.now() - began);
    const cpu = await worker.readCpu();
    if (cpu !== null) times.cpu.push(cpu);
    for (const [turn, list] of [times.first, times.next].entries()) {
      const used = part.use?.(turn + 1);
      if (used === undefined) continue;
      const { ms, status } = await ask(used.target, used.init);
      if (status !== used.status) throw new Error(`${part.name} answered ${status}, not ${used.status}.`);
      list.push(ms);
    }
  } finally {
    await worker.stop();
  }
}

function print([bare, ...parts]: readonly Times[]): void {
  if (bare === undefined) return;
  const cpu = bare.cpu.length === 0 ? "not reported" : `${median(bare.cpu).toFixed(0)} ms`;
  console.log(
    `With nothing switched on: ${median(bare.ms).toFixed(0)} ms to the first answer, CPU time ${cpu}.\n`,
  );
  console.log(
    "| part | start to first answer | CPU time | first request that uses it | the next one |\n|---|---|---|---|---|",
  );
  for (const [index, { ms, cpu: used, first, next }] of parts.entries()) {
    const isSwitched = PARTS[index + 1]?.variables !== undefined || PARTS[index + 1]?.providers !== undefined;
    const cells = isSwitched ? [differ(ms, bare.ms), differ(used, bare.cpu)] : ["always on", ""];
    const uses = [first, next].map((list) => `${median(list).toFixed(1)} ms`);
    console.log(`| ${PARTS[index + 1]?.name} | ${[...cells, ...uses].join(" | ")} |`);
  }
}

function differ(values: readonly number[], bare: readonly number[]): string {
  if (values.length === 0 || bare.length !== values.length) return "not reported";
  const differences = values.map((value, round) => value - (bare[round] ?? value));
  const [least, most] = [Math.min(...differences), Math.max(...differences)];
  const show = (ms: number) => `${ms > 0 ? "+" : ""}${ms.toFixed(0)}`;
  return `${show(median(differences))} ms (${show(least)} to ${show(most)})`;
}
