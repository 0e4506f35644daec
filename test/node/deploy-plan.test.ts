import { describe, expect, it } from "vitest";
import {
  type AccountState,
  FRESH_ACCOUNT,
  findObstacles,
  formatCommand,
  planDeployment,
} from "../../scripts/deploy/plan.ts";
import { type DeploymentTarget, readDomain, readTarget } from "../../scripts/deploy/target.ts";
import { KEY_NAMES } from "../../shared/auth/keyring.ts";

const TARGET: DeploymentTarget = {
  environment: "production",
  worker: "gatehouse",
  publicUrl: "https://door.company.test",
  domain: "door.company.test",
  compatibilityDate: "2026-10-23",
  compatibilityFlags: [],
  location: "",
  jurisdiction: "",
  bucketJurisdictions: [""],
  databases: [
    { binding: "PLATFORM_DB", name: "gatehouse-platform" },
    { binding: "CRM_DB", name: "gatehouse-crm" },
  ],
  buckets: ["gatehouse-media"],
  vectorIndexes: ["gatehouse-knowledge-m3"],
  queues: ["calls", "calls-dead"],
  namespaces: ["gatehouse-oauth-kv"],
  secrets: ["BETTER_AUTH_SECRET", "SESSION_SEAL_KEY"],
};

const createdAnywhere = (name: string) => ({ name, jurisdiction: "" });

const COMPLETE: AccountState = {
  workerExists: true,
  databases: ["gatehouse-platform", "gatehouse-crm", "somebody-elses"].map(createdAnywhere),
  buckets: ["gatehouse-media", "somebody-elses"],
  queues: ["calls", "calls-dead"],
  vectorIndexes: [{ name: "gatehouse-knowledge-m3", narrowed: true }],
  secrets: ["BETTER_AUTH_SECRET", "SESSION_SEAL_KEY", "ANOTHER"],
  namespaces: [{ title: "gatehouse-oauth-kv", id: "k1" }],
};

function commandsFor(state: AccountState, target = TARGET): string[] {
  return planDeployment(target, state).map(({ action }) =>
    action.kind === "probe" ? `GET ${action.url}` : formatCommand(action.args),
  );
}

function secretsOf(state: AccountState, rotate: string[] = []): string[] {
  return planDeployment(TARGET, state, rotate).flatMap(({ action }) =>
    action.kind === "wrangler" ? action.newSecrets : [],
  );
}

describe("deployment plan", () => {
  it("creates everything on a fresh account, migrates it, and only then deploys", () => {
    expect(commandsFor(FRESH_ACCOUNT)).toEqual([
      "npx wrangler queues create calls --env=",
      "npx wrangler queues create calls-dead --env=",
      "npx wrangler r2 bucket create gatehouse-media --update-config=false --env=",
      "npx wrangler vectorize create gatehouse-knowledge-m3 --dimensions=1024 --metric=cosine --update-config=false --env=",
      "npx wrangler vectorize create-metadata-index gatehouse-knowledge-m3 --propertyName=collection --type=number --env=",
      "npx wrangler d1 create gatehouse-platform --update-config=false --env=",
      "npx wrangler d1 create gatehouse-crm --update-config=false --env=",
      "npx wrangler d1 migrations apply PLATFORM_DB --remote --env=",
      "npx wrangler d1 migrations apply CRM_DB --remote --env=",
      "npx wrangler deploy --domain door.company.test --env=",
      "GET https://door.company.test/ready",
    ]);
  });

  it("creates nothing on an update, and still migrates before it deploys", () => {
    expect(commandsFor(COMPLETE)).toEqual([
      "npx wrangler d1 migrations apply PLATFORM_DB --remote --env=",
      "npx wrangler d1 migrations apply CRM_DB --remote --env=",
      "npx wrangler deploy --domain door.company.test --env=",
      "GET https://door.company.test/ready",
    ]);
  });

  it("finishes a vector index that an earlier deployment made and did not finish", () => {
    const state = { ...COMPLETE, vectorIndexes: [{ name: "gatehouse-knowledge-m3", narrowed: false }] };
    expect(commandsFor(state)[0]).toContain("vectorize create-metadata-index gatehouse-knowledge-m3");
    expect(commandsFor({ ...state }, { ...TARGET, vectorIndexes: [] })).toEqual(commandsFor(COMPLETE));
  });

  it("adds the resources of a new server to an existing deployment", () => {
    const state = { ...COMPLETE, databases: ["gatehouse-platform"].map(createdAnywhere), buckets: [] };
    expect(commandsFor(state).slice(0, 2)).toEqual([
      "npx wrangler r2 bucket create gatehouse-media --update-config=false --env=",
      "npx wrangler d1 create gatehouse-crm --update-config=false --env=",
    ]);
  });

  it("creates missing secrets and never an existing one", () => {
    expect(secretsOf(FRESH_ACCOUNT)).toEqual(["BETTER_AUTH_SECRET", "SESSION_SEAL_KEY"]);
    expect(secretsOf({ ...COMPLETE, secrets: ["SESSION_SEAL_KEY"] })).toEqual(["BETTER_AUTH_SECRET"]);
    expect(secretsOf(COMPLETE)).toEqual([]);
  });

  it("accepts a numbered key for the one it replaced, and numbers a new one after it", () => {
    const rotated = {
      ...COMPLETE,
      secrets: ["BETTER_AUTH_SECRET", "SESSION_SEAL_KEY_4", "SESSION_SEAL_KEY_X"],
    };
    expect(secretsOf(rotated)).toEqual([]);
    expect(secretsOf(rotated, ["SESSION_SEAL_KEY"])).toEqual(["SESSION_SEAL_KEY_5"]);
    expect(secretsOf(COMPLETE, ["BETTER_AUTH_SECRET"])).toEqual(["BETTER_AUTH_SECRET_2"]);
    expect(secretsOf(FRESH_ACCOUNT, ["BETTER_AUTH_SECRET"])).toEqual([
      "BETTER_AUTH_SECRET",
      "SESSION_SEAL_KEY",
    ]);
  });

  it("names the environment in every command", () => {
    const commands = commandsFor(FRESH_ACCOUNT, { ...TARGET, environment: "staging" });
    expect(commands.slice(0, -1).every((command) => command.endsWith(" --env=staging"))).toBe(true);
  });

  it("creates databases and buckets in the region or jurisdiction of the settings", () => {
    const near = commandsFor(FRESH_ACCOUNT, { ...TARGET, location: "weur" });
    expect(near).toContain(
      "npx wrangler r2 bucket create gatehouse-media --location=weur --update-config=false --env=",
    );
    expect(near).toContain(
      "npx wrangler d1 create gatehouse-crm --location=weur --update-config=false --env=",
    );
    const bound = commandsFor(FRESH_ACCOUNT, { ...TARGET, location: "weur", jurisdiction: "eu" });
    expect(bound).toContain(
      "npx wrangler d1 create gatehouse-crm --jurisdiction=eu --update-config=false --env=",
    );
    expect(bound.join("\n")).not.toContain("--location");
  });

  it("attaches the domain of the address, and none at workers.dev", () => {
    expect(commandsFor(COMPLETE)).toContain("npx wrangler deploy --domain door.company.test --env=");
    expect(commandsFor(COMPLETE, { ...TARGET, domain: null })).toContain("npx wrangler deploy --env=");
    const onFailure = (target: DeploymentTarget) =>
      planDeployment(target, FRESH_ACCOUNT).find(({ title }) => title.startsWith("Deploy"))?.onFailure;
    expect(onFailure(TARGET)).toContain("door.company.test must belong to a zone of this account");
    expect(onFailure({ ...TARGET, domain: null })).toContain("workers.dev subdomain");
  });

  it("states with every step the consequences of a failure", () => {
    const [queue, , , , , , , migration, , deploy, probe] = planDeployment(TARGET, FRESH_ACCOUNT);
    expect(queue?.onFailure).toContain("Nothing that is live has changed");
    expect(migration?.onFailure).toContain("rolled back");
    expect(deploy?.onFailure).toContain("no Worker serves yet");
    expect(probe?.onFailure).toContain("wrangler rollback");
    const update = planDeployment(TARGET, COMPLETE).find(({ title }) => title.startsWith("Deploy"));
    expect(update?.onFailure).toContain("the version that was live still serves");
  });
});

describe("obstacles before a deployment", () => {
  it("has none when the address is set", () => {
    expect(findObstacles(TARGET, COMPLETE)).toEqual([]);
    expect(findObstacles(TARGET, FRESH_ACCOUNT)).toEqual([]);
  });

  it("requires the address at workers.dev that Cloudflare gives the Worker", () => {
    const at = (publicUrl: string) =>
      findObstacles({ ...TARGET, publicUrl, domain: readDomain(publicUrl) }, COMPLETE);
    expect(at("https://gatehouse.company.workers.dev")).toEqual([]);
    expect(at("https://other.company.workers.dev")).toEqual([
      expect.stringContaining("https://gatehouse.<subdomain of the account>.workers.dev"),
    ]);
    expect(at("https://a.gatehouse.company.workers.dev")).toHaveLength(1);
  });

  it("refuses a region and a jurisdiction that Cloudflare does not know", () => {
    expect(findObstacles({ ...TARGET, location: "mars" }, COMPLETE)).toEqual([
      expect.stringContaining('DATA_LOCATION of production in wrangler.toml is "mars"'),
    ]);
    const [unknown] = findObstacles({ ...TARGET, jurisdiction: "EU" }, FRESH_ACCOUNT);
    expect(unknown).toContain('DATA_JURISDICTION of production in wrangler.toml is "EU"');
  });

  it("refuses a jurisdiction other than that of existing databases and of bound buckets", () => {
    const european = { ...TARGET, jurisdiction: "eu", bucketJurisdictions: ["eu"] };
    expect(findObstacles(european, FRESH_ACCOUNT)).toEqual([]);
    expect(findObstacles({ ...european, bucketJurisdictions: [""] }, FRESH_ACCOUNT)).toEqual([
      expect.stringContaining('must have jurisdiction = "eu"'),
    ]);
    const obstacles = findObstacles(european, COMPLETE);
    expect(obstacles).toHaveLength(2);
    expect(obstacles[0]).toContain("gatehouse-platform was created without a jurisdiction");
    const moved = { ...COMPLETE, databases: [{ name: "gatehouse-crm", jurisdiction: "eu" }] };
    expect(findObstacles(TARGET, moved)[0]).toContain('was created in the jurisdiction "eu"');
    expect(findObstacles(european, moved)).toEqual([]);
  });

  it.each(["https://gatehouse.example.com", "http://door.company.test", "https://door.company.test/", ""])(
    "refuses the address %j",
    (publicUrl) => {
      expect(findObstacles({ ...TARGET, publicUrl }, COMPLETE)).toHaveLength(1);
    },
  );

  it("recognises a first deployment that stopped after it had created its KV namespace", () => {
    const [obstacle] = findObstacles(TARGET, { ...COMPLETE, workerExists: false });
    expect(obstacle).toContain('id = "k1"');
  });
});

describe("deployment targets of wrangler.toml", () => {
  it("separate staging and production in everything they own", () => {
    const [production, staging] = [readTarget("production"), readTarget("staging")];
    const ownedBy = ({ worker, databases, queues, publicUrl }: DeploymentTarget) => [
      worker,
      publicUrl,
      ...databases.map(({ name }) => name),
      ...queues,
    ];
    expect(ownedBy(production).filter((name) => ownedBy(staging).includes(name))).toEqual([]);
    expect(production.databases.map(({ binding }) => binding)).toEqual(
      staging.databases.map(({ binding }) => binding),
    );
  });

  it("need exactly the secrets that only the local environment has defaults for", () => {
    expect(readTarget("production").secrets.toSorted()).toEqual([
      "APPROVAL_LINK_KEY",
      "AUDIT_SIGNING_KEY",
      "BETTER_AUTH_SECRET",
      "CONNECTION_SECRETS_KEY",
      "ISSUER_SIGNING_KEY",
      "REQUEST_STATE_KEY",
      "SESSION_SEAL_KEY",
    ]);
    expect(readTarget("production").secrets.toSorted()).toEqual([...KEY_NAMES].sort());
  });

  it("name the dead-letter queue among the queues to create", () => {
    expect(readTarget("production").queues).toEqual(["gatehouse-calls", "gatehouse-calls-dead"]);
  });
});
