import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { type ConsoleRight, RIGHT_NAMES } from "../../shared/policy/console.ts";
import { app } from "../../workers/gateway/app.ts";
import { CONSOLE_PAGES } from "../../workers/gateway/console/pages.ts";
import { EDITOR_PAGE_POLICY } from "../../workers/gateway/console/policy/editor/script.ts";
import { callsOf } from "../audit/calls.ts";
import { deliver } from "../audit/trail.ts";
import { createPerson, type TestBrowser } from "../support/oauth.ts";
import { setConsole } from "../support/policy.ts";
import { openAs } from "./waiting-call.ts";

/** Ends an attribute, a tag and an element, and runs in each of them. */
const HOSTILE = `"'></textarea></pre><script>alert(1)</script><img src=x onerror=alert(2)>`;

/** Every handler of Gatehouse at an address of the console, wherever it is mounted: none has a line here. */
const HANDLERS = app.routes.filter(({ path }) => /^\/console(\/|$)/.test(path));

/** Every route and action of the console, without its list of pages and what stands before the routes. */
const ROUTES = HANDLERS.filter(({ method, path }) => method !== "ALL" && path !== "/console");
const FORMS = ROUTES.filter(({ method }) => method === "POST");
const PAGES = ROUTES.filter(({ method }) => method === "GET");

/** Routes that ask for a further right, besides that of their page. */
const FURTHER: Readonly<Record<string, ConsoleRight>> = {
  "/console/connections/:name/offers": "definitions",
};

/** The rights without which a route does not answer. */
function rightsOf(path: string): ConsoleRight[] {
  const page = CONSOLE_PAGES.find(
    ({ name }) => path === `/console/${name}` || path.startsWith(`/console/${name}/`),
  );
  if (page === undefined) throw new Error(`${path} belongs to no page.`);
  const further = FURTHER[path];
  return further === undefined ? [page.right] : [page.right, further];
}

/** What is stored, and opened by an id in an address. */
const stored = { person: "", call: "", draft: "", version: "2" };

/** An address of a route. An id that is not known here is a hostile one. */
function addressOf(path: string): string {
  return path
    .replace("/people/:id", `/people/${stored.person}`)
    .replace("/calls/:id", `/calls/${stored.call}`)
    .replace("/drafts/:id", `/drafts/${stored.draft}`)
    .replace("/versions/:number", `/versions/${stored.version}`)
    .replace(/:\w+/g, encodeURIComponent(HOSTILE));
}

/** Fields that would do something in one form or another. */
const fieldsFor = (subject: string) => ({
  ...{
    subject,
    revision: "1",
    base: "1",
    note: "x",
    own: "seen",
    text: "x",
    version: "1",
    change: "disable",
  },
  ...{ id: "session-1", alert: "1", hours: "1", reason: "x", scope: "kind", silence: "1", choice: "approve" },
  ...{ request: "x", standing: "x", role: "admin", tool: "crm_get_deal", person: "x@example.com" },
});

/** Tables of the trail's consumer: the sign-ins of the tests come to them some time later. */
const OF_THE_TRAIL =
  /^(audit_(?!sink_letter)|call_(entry|figure|log)|(early_|open_)(call|outcome)|reason_figure|tra(il|ce)_)/;

/** Everything that the platform database holds, so that no form changes what is not looked at. */
async function readState(): Promise<Record<string, string>> {
  const { results: tables } = await env.PLATFORM_DB.prepare(
    String.raw`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
                  AND name NOT LIKE '\_cf\_%' ESCAPE '\' AND name <> 'd1_migrations'`,
  ).all<{ name: string }>();
  const names = tables.map(({ name }) => name).filter((name) => !OF_THE_TRAIL.test(name));
  const rows = await env.PLATFORM_DB.batch(
    names.map((name) => env.PLATFORM_DB.prepare(`SELECT * FROM "${name}"`)),
  );
  return Object.fromEntries(names.map((name, index) => [name, JSON.stringify(rows[index]?.results)]));
}

const given = new Map(
  [...bundledPolicy().roles].map(([role, { console: rights }]) => [role, [...rights]] as const),
);

/** Stores a hostile text wherever a person, an app or another system can bring one that the console shows. */
beforeAll(async () => {
  const person = await createPerson("sales", `Sam ${HOSTILE}`);
  stored.person = person.id;
  stored.draft = "draft-1";
  const details = { server: HOSTILE, name: HOSTILE, clientId: HOSTILE, rule: HOSTILE, country: HOSTILE };
  const links = callsOf(person.id, [
    { ms: 1, status: "failed", error: HOSTILE, details },
    { ms: 1, status: "denied", details },
  ]);
  await deliver(links);
  stored.call = String(
    await env.PLATFORM_DB.prepare(
      "SELECT at || '.' || id AS place FROM call_entry WHERE person = (SELECT id FROM trail_word WHERE word = ?) LIMIT 1",
    )
      .bind(person.id)
      .first("place"),
  );
  const now = Date.now();
  const run = (sql: string, ...values: unknown[]) => env.PLATFORM_DB.prepare(sql).bind(...values);
  await env.PLATFORM_DB.batch([
    run(
      "INSERT INTO policy_publication (id, version, digest, replaced, at, by, note) VALUES (1, 1, NULL, 1, ?, ?, ?)",
      ...[now, HOSTILE, HOSTILE],
    ),
    run(
      `INSERT INTO policy_draft (id, text, base, revision, authors, created_at, changed_at)
       VALUES ('draft-1', ?, 1, 1, json_array(?), ?3, ?3)`,
      ...[`roles: ${JSON.stringify(HOSTILE)}\n${JSON.stringify(HOSTILE)}: 1\n`, person.id, now],
    ),
    run("INSERT INTO alert (id, kind, subject, text, begun_at) VALUES (1, ?1, ?1, ?1, ?2)", HOSTILE, now),
    run(
      "INSERT INTO alert (id, kind, subject, text, begun_at) VALUES (2, 'new_tools', ?, ?, ?)",
      ...[person.id, HOSTILE, now],
    ),
    run(
      "INSERT INTO alert_silence (id, kind, subject, reason, by, at, until) VALUES (1, ?1, ?1, ?1, ?2, ?3, ?4)",
      ...[HOSTILE, person.id, now, now + 1e9],
    ),
    run(
      "INSERT INTO dead_letter (id, body, reason, at, tried_at) VALUES (?1, ?2, ?1, 1, 1)",
      HOSTILE,
      JSON.stringify(HOSTILE),
    ),
    run(
      `INSERT INTO open_session (id, binding, object, server, person, client_id, begun_at, used_at)
       VALUES (?1, 'CRM_AGENT', 'streamable-http:x', ?1, ?2, ?1, ?3, ?3)`,
      ...[HOSTILE, person.id, now],
    ),
    run(
      `INSERT INTO open_task (id, person, client_id, server, tool, status, begun_at, until)
       VALUES (?1, ?2, ?1, ?1, ?1, ?1, ?3, ?4)`,
      ...[HOSTILE, person.id, now, now + 1e9],
    ),
    run(
      `INSERT INTO open_subscription (id, person, client_id, server, name, host, begun_at, until)
       VALUES (?1, ?2, ?1, ?1, ?1, ?1, ?3, ?4)`,
      ...[HOSTILE, person.id, now, now + 1e9],
    ),
    run(
      `INSERT INTO access_key (id, owner, name, scopes, resources, tools, networks, days, created_at, by)
       VALUES ('key_hostile', ?, ?2, '[]', '[]', '[]', '[]', 30, 1, ?2)`,
      ...[person.id, HOSTILE],
    ),
    run(
      "INSERT INTO alert (id, kind, subject, text, begun_at) VALUES (3, 'expiring', 'key_hostile', ?, ?)",
      HOSTILE,
      now,
    ),
  ]);
});

afterEach(() => {
  for (const [role, rights] of given) setConsole(role, rights);
});

const send = (browser: TestBrowser, { method, path }: { method: string; path: string }, subject: string) =>
  method === "POST" ? browser.post(addressOf(path), fieldsFor(subject)) : browser.get(addressOf(path));

const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

describe("the console", { timeout: 120_000 }, () => {
  it("has no other routes than the pages and forms that are looked at here", () => {
    expect(PAGES.length).toBeGreaterThan(15);
    expect(FORMS.length).toBeGreaterThan(12);
    expect([...PAGES, ...FORMS].length).toBe(ROUTES.length);
    // What answers to every method only asks for rights.
    const gates = HANDLERS.filter(({ method }) => method === "ALL").map(({ path }) => path);
    expect(new Set(gates)).toEqual(
      new Set([...CONSOLE_PAGES.map(({ name }) => `/console/${name}/*`), ...Object.keys(FURTHER)]),
    );
  });

  it("opens to a person with one right alone the pages and forms of that right, and no other", async () => {
    // A person sends a bounded number of forms a minute.
    const signedIn = await Promise.all(
      RIGHT_NAMES.map(async (right) => [right, await openAs("editor")] as const),
    );
    const before = await readState();
    for (const [right, { browser }] of signedIn) {
      setConsole("editor", [right]);
      for (const route of ROUTES) {
        // The form of another person: it is let in or not, and does nothing.
        const text = await (await send(browser, route, stored.person)).text();
        const missing = /It asks for the right &quot;(\w+)&quot;/.exec(text)?.[1] ?? null;
        const asked = rightsOf(route.path).find((name) => name !== right) ?? null;
        expect([right, route.method, route.path, missing]).toEqual([right, route.method, route.path, asked]);
      }
    }
    expect(await readState()).toEqual(before);
  });

  it("opens no page under another spelling of its address", async () => {
    const { browser } = await openAs("editor");
    setConsole("editor", ["trail"]);
    const spellings: ((path: string) => string)[] = [
      (path) => `${path}/`,
      (path) => path.replace("/console/", "/console//"),
      (path) => path.replace("/console/", "/Console/"),
      (path) => path.replace("/console/", "/console/trail/..%2f"),
      (path) => path.replace("/console/", "/%63onsole/"),
      (path) =>
        path.replace(
          /^\/console\/(.)/,
          (_, first: string) => `/console/%${first.charCodeAt(0).toString(16)}`,
        ),
    ];
    for (const { path } of PAGES.filter((page) => !rightsOf(page.path).includes("trail"))) {
      for (const spell of spellings) {
        const answer = await browser.get(spell(addressOf(path)));
        await answer.body?.cancel();
        expect([spell(path), [403, 404].includes(answer.status)]).toEqual([spell(path), true]);
      }
    }
  });

  it("opens no page and does no act for a person with every right but the one that it asks for", async () => {
    const { browser, person } = await openAs("analyst");
    const before = await readState();
    for (const route of ROUTES) {
      for (const right of rightsOf(route.path)) {
        setConsole(
          "analyst",
          RIGHT_NAMES.filter((name) => name !== right),
        );
        const answer = await send(browser, route, person.id);
        expect([route.method, route.path, answer.status]).toEqual([route.method, route.path, 403]);
        expect(await answer.text()).toContain(`&quot;${right}&quot;`);
      }
    }
    expect(await readState()).toEqual(before);
  });

  it("refuses exactly what the rights of a role do not name, whatever they are", async () => {
    const { browser, person } = await openAs("editor");
    await fc.assert(
      fc.asyncProperty(
        fc.subarray<ConsoleRight>([...RIGHT_NAMES]),
        fc.constantFrom(...PAGES),
        async (rights, route) => {
          setConsole("editor", rights);
          const answer = await send(browser, route, person.id);
          await answer.body?.cancel();
          const holdsAll = rightsOf(route.path).every((right) => rights.includes(right));
          expect([route.path, answer.status === 403]).toEqual([route.path, !holdsAll]);
          expect([route.path, answer.status < 500]).toEqual([route.path, true]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("takes no form that another site sent, in whichever way a browser says so", async () => {
    const { browser, person } = await openAs("admin");
    const before = await readState();
    const foreign: Record<string, string>[] = [
      { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
      { Origin: "https://evil.example", "Sec-Fetch-Site": "same-origin" },
      { Origin: "null", "Sec-Fetch-Site": "cross-site" },
      { Origin: env.PUBLIC_URL, "Sec-Fetch-Site": "same-site" },
      { Origin: `${env.PUBLIC_URL}.evil.example`, "Sec-Fetch-Site": "none" },
    ];
    for (const { path } of FORMS) {
      for (const headers of foreign) {
        browser.headers = headers;
        const answer = await browser.post(addressOf(path), fieldsFor(person.id));
        expect([path, headers, answer.status]).toEqual([path, headers, 403]);
        await answer.body?.cancel();
      }
    }
    expect(await readState()).toEqual(before);
  });

  it("does nothing with a form that another person's page had", async () => {
    const { browser } = await openAs("admin");
    const stranger = await createPerson("admin");
    const before = await readState();
    // A question changes nothing, so it belongs to no person.
    for (const { path } of FORMS.filter((form) => form.path !== "/console/policy/explain")) {
      const answer = await browser.post(addressOf(path), fieldsFor(stranger.id));
      expect([path, answer.status >= 400 && answer.status < 500]).toEqual([path, true]);
      await answer.body?.cancel();
    }
    expect(await readState()).toEqual(before);
  });

  it("shows every stored text as text, on every page and in every answer to a form", async () => {
    const { browser, person } = await openAs("admin");
    const shown: string[] = [];
    const look = async (what: string, answer: Response) => {
      const type = answer.headers.get("Content-Type") ?? "";
      const text = await answer.text();
      if (!type.startsWith("text/html")) return;
      expect([what, answer.headers.get("Content-Security-Policy")]).toEqual([
        what,
        // The one page with a script.
        text.includes('<script src="/console/policy/editor.js"') ? EDITOR_PAGE_POLICY : PAGE_POLICY,
      ]);
      for (const tag of ["<script>", "<img", "onerror=alert(2)>", " style="]) {
        expect([what, tag, text.includes(tag)]).toEqual([what, tag, false]);
      }
      if (text.includes("&lt;script")) shown.push(what);
    };
    for (const { path } of PAGES) {
      await look(path, await browser.get(addressOf(path)));
      const query = new URLSearchParams(
        [
          "person",
          "app",
          "name",
          "tool",
          "search",
          "after",
          "chain",
          "trace",
          "args",
          "done",
          "days",
          "requester",
        ].map((name) => [name, HOSTILE]),
      );
      await look(`${path} with a query`, await browser.get(`${addressOf(path)}?${query}`));
    }
    for (const { path } of FORMS) {
      const fields = Object.fromEntries(Object.keys(fieldsFor("")).map((name) => [name, HOSTILE]));
      await look(`POST ${path}`, await browser.post(addressOf(path), { ...fields, subject: person.id }));
    }
    // The texts are there: a page that lost them would prove nothing.
    expect(shown).toEqual(
      expect.arrayContaining([
        ...["/console/people", "/console/people/:id", "/console/trail", "/console/trail/calls/:id"],
        ...["/console/policy", "/console/policy/drafts/:id", "/console/policy/explain with a query"],
        ...["/console/sessions", "/console/sessions/tasks", "/console/dead-letters", "/console/alerts"],
        ...["/console/overview", "/console/sessions/subscriptions"],
        ...["POST /console/policy/drafts/:id", "POST /console/policy/explain"],
      ]),
    );
  });
});
