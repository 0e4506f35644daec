import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { notifyWorker } from "../../scripts/platform/notify-worker.ts";
import { openPlatformFile, type PlatformFile } from "../../scripts/platform/platform-file.ts";
import { quoteText } from "../../shared/encoding/quote-text.ts";
import { giveRole } from "../../shared/people/change-person.ts";
import { addPeople } from "../../shared/people/statements.ts";
import { REQUESTS_CRON } from "../../workers/crons.ts";
import { openLocalDatabase } from "../support/lane-client.ts";
import { type LocalGateway, startLocalGateway } from "../support/local-gateway.ts";

const EMAIL = "ada@example.com";

let gateway: LocalGateway;
let database: PlatformFile;

beforeAll(async () => {
  gateway = await startLocalGateway("");
  database = openPlatformFile(path.join(gateway.folder, "state"));
  const person = { id: "ada", accountId: "of-ada", email: EMAIL, name: "Ada", role: "viewer" };
  await database.change(
    addPeople([{ ...person, passwordHash: null, at: new Date().toISOString() }], "a test"),
  );
});

afterAll(async () => {
  database.close();
  await gateway.close();
});

it("a change that the Worker cannot carry out while a command writes is carried out by its next run", async () => {
  const mark = await giveRole(database, EMAIL, "analyst", "a test");
  const lock = openLocalDatabase(path.join(gateway.folder, "state"), "admin_request", false);
  lock.exec("BEGIN IMMEDIATE");
  const told = await notifyWorker(
    { environment: "local", url: gateway.url },
    { path: "/people/changes", body: { mark } },
  );
  lock.exec("ROLLBACK");
  lock.close();
  expect(told).toBe("refused");
  const read = () =>
    database.query(`SELECT done_at IS NOT NULL AS done FROM admin_request WHERE mark = ${quoteText(mark)}`);
  expect(await read()).toEqual([{ done: 0 }]);
  const run = new URL("/cdn-cgi/handler/scheduled", gateway.url);
  run.searchParams.set("cron", REQUESTS_CRON);
  expect((await fetch(run)).status).toBe(200);
  await expect.poll(read).toEqual([{ done: 1 }]);
}, 240_000);
