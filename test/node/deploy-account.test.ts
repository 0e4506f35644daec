import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findFlagProblem } from "../../scripts/deploy/compatibility.ts";
import { readTarget } from "../../scripts/deploy/target.ts";
import { type ProcessResult, runNode } from "../../scripts/local/process.ts";
import { listSecretNames } from "../../scripts/local/project.ts";
import { openFakeAccount } from "../support/fake-account.ts";
import type { FakeAccount } from "../support/fake-account-types.ts";

function deployTo(account: FakeAccount): Promise<ProcessResult> {
  return runNode("test/support/run-deployment.ts", [account.url, "door.company.test"], { env: account.env });
}

/** The last steps of a deployment, to an account that has all but the Worker: the steps before them take most of one. */
function uploadTo(account: FakeAccount, domain: string): Promise<ProcessResult> {
  return runNode("test/support/run-deployment.ts", [account.url, domain], {
    env: { ...account.env, UPLOAD_ONLY: "1" },
  });
}

describe("a deployment to an account", () => {
  let account: FakeAccount;

  beforeAll(async () => {
    account = await openFakeAccount();
  });

  afterAll(() => account.close());

  it("stops at a migration that fails, before anything is uploaded, and reports the state", async () => {
    account.breakMigration("0002_");
    const { code, stderr } = await deployTo(account);
    expect(code).toBe(1);
    expect(stderr).toContain("rolled back");
    expect(stderr).toContain("run the same command again");
    expect(account.events.filter((event) => event.startsWith("upload"))).toEqual([]);
  });

  it("continues where the failed one stopped: everything exists and is migrated before the Worker is uploaded", async () => {
    const before = account.events.length;
    const { code, stderr } = await deployTo(account);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const upload = account.events.indexOf("upload gatehouse");
    expect(account.events.slice(before).filter((event) => event.startsWith("create"))).toEqual([
      "create namespace gatehouse-oauth-kv",
    ]);
    for (const name of ["platform", "analytics", "crm", "knowledge"]) {
      const created = account.events.indexOf(`create database gatehouse-${name}`);
      const migrated = account.events.findIndex((event) =>
        event.startsWith(`migrate gatehouse-${name} 0001_`),
      );
      expect(created).toBeGreaterThanOrEqual(0);
      expect(migrated).toBeGreaterThan(created);
      expect(upload).toBeGreaterThan(migrated);
    }
    expect(account.events.indexOf("create queue gatehouse-calls-dead")).toBeLessThan(upload);
    expect(account.events).toContain("create bucket gatehouse-media");
    expect(account.events).toContain("create vector index gatehouse-knowledge-m3 of 1024 numbers, cosine");
    expect(account.events.indexOf("narrow gatehouse-knowledge-m3 by collection number")).toBeLessThan(upload);
    expect(new Set(account.events).size).toBe(account.events.length);
  });

  it("uploads new random secrets with the first version", () => {
    expect([...account.secrets.keys()].sort()).toEqual(listSecretNames().sort());
    const values = [...account.secrets.values()];
    expect(new Set(values).size).toBe(values.length);
    for (const value of values) expect(Buffer.from(value, "base64url").byteLength).toBe(32);
  });

  it("serves at the domain of the address alone, not at workers.dev too", () => {
    expect(account.domains).toEqual(["door.company.test"]);
    expect(account.servesWorkersDev).toBe(false);
  });

  describe("on an update", () => {
    let secrets: ReadonlyMap<string, string>;
    let before: number;
    let result: ProcessResult;

    beforeAll(async () => {
      secrets = new Map(account.secrets);
      before = account.events.length;
      account.lag = 1;
      result = await deployTo(account);
      account.lag = 0;
    });

    it("takes no answer of the version before for one of the new version", () => {
      expect(result.stderr).toBe("");
      expect(result.code).toBe(0);
      expect(result.stdout).toContain("Wait until the new version is ready");
      expect(account.looks).toBe(2);
    });

    it("creates nothing and changes no secret", () => {
      expect(account.events.slice(before)).toEqual(["upload gatehouse"]);
      expect(account.secrets).toEqual(secrets);
    });
  });

  it("rotates a key on request: adds a new secret, and keeps the others", async () => {
    const secrets = new Map(account.secrets);
    const { code } = await runNode(
      "test/support/run-deployment.ts",
      [account.url, "door.company.test", "SESSION_SEAL_KEY"],
      {
        env: account.env,
      },
    );
    expect(code).toBe(0);
    const added = [...account.secrets].filter(([name]) => !secrets.has(name));
    expect(added.map(([name]) => name)).toEqual(["SESSION_SEAL_KEY_2"]);
    expect(Buffer.from(added[0]?.[1] ?? "", "base64url").byteLength).toBe(32);
    for (const [name, value] of secrets) expect(account.secrets.get(name)).toBe(value);
  });

  it("explains how to sign in when wrangler is not signed in, and changes nothing", async () => {
    const { code, stdout, stderr } = await runNode("test/support/run-deployment.ts", [account.url], {
      env: { ...account.env, CLOUDFLARE_API_TOKEN: undefined },
    });
    expect(code).toBe(1);
    expect(stderr).toContain("npx wrangler login");
    expect(stdout).toBe("");
  });

  describe("that cannot serve the address", () => {
    let before: number;

    beforeAll(() => {
      account.removeWorker();
      before = account.events.length;
    });

    it("without a workers.dev subdomain gets no upload, and the command says where one is chosen", async () => {
      account.subdomain = null;
      const { code, stderr } = await uploadTo(account, "");
      expect(code).toBe(1);
      expect(stderr).toContain("the account's workers.dev subdomain, which is chosen once");
      expect(account.events.slice(before)).toEqual([]);
    });

    it("serves at workers.dev once it has the subdomain", async () => {
      account.subdomain = "company";
      const { code, stderr } = await uploadTo(account, "");
      expect(stderr).toBe("");
      expect(code).toBe(0);
      expect(account.servesWorkersDev).toBe(true);
      expect(account.domains).toEqual([]);
    });

    it("refuses a domain outside of its zones, and the command says what the domain needs", async () => {
      const { code, stderr } = await uploadTo(account, "door.elsewhere.test");
      expect(code).toBe(1);
      expect(stderr).toContain("door.elsewhere.test must belong to a zone of this account");
      expect(account.domains).toEqual([]);
    });
  });
});

describe("compatibility flags", () => {
  it.each(["production", "staging", "local"] as const)(
    "of %s are taken by the runtime as they are",
    (name) => {
      const { compatibilityDate, compatibilityFlags } = readTarget(name);
      expect(findFlagProblem(compatibilityDate, compatibilityFlags)).toBeNull();
    },
  );

  it("are refused when the date implies them or the runtime does not know them", () => {
    const { compatibilityDate } = readTarget("production");
    expect(findFlagProblem(compatibilityDate, ["nodejs_compat"])).toContain("became the default");
    expect(findFlagProblem(compatibilityDate, ["no_such_flag"])).toContain("No such compatibility flag");
  });
});

describe("npm run deploy", () => {
  it("rehearses offline: builds, tries the migrations, prints the steps", async () => {
    const { code, stdout } = await runNode("scripts/deploy.ts", ["--dry-run", "--env", "staging"], {
      env: { CLOUDFLARE_API_TOKEN: undefined, CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:9" },
    });
    expect(code).toBe(0);
    expect(stdout).toContain("The Worker builds for staging");
    expect(stdout).toContain("npx wrangler d1 migrations apply CRM_DB --remote --env=staging");
    expect(stdout).toContain("Before a real deployment: PUBLIC_URL of staging");
  });

  it.each([
    [["--env", "local"], "--env local cannot be deployed"],
    [["--sunshine"], "deploy does not take --sunshine."],
    [["--dry-run", "--rotate", "PUBLIC_URL"], "There is no secret PUBLIC_URL to rotate"],
  ])("refuses %j with one sentence", async (args, sentence) => {
    const { code, stderr } = await runNode("scripts/deploy.ts", args);
    expect(code).toBe(1);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain("    at ");
  });
});
