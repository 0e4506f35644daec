import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findServer } from "../../scripts/local/running-server.ts";
import { notifyWorker } from "../../scripts/platform/notify-worker.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";

const NOTICE = { path: "/people/changes", body: { mark: "a mark" } } as const;

let folder: string;
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "gatehouse-running-"));
});

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** A server with a fixed status, and a record of its requests. */
async function serve(status: number): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(status).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/**
 * Writes a start's note into the storage. The default process is this process's parent: alive, and another
 * one.
 */
function note(url: string, processId = process.ppid): void {
  writeFileSync(path.join(folder, "gatehouse.json"), JSON.stringify({ processId, url }));
}

describe("a command that changed the local storage", () => {
  it("notifies the server that runs on it, on any port", async () => {
    const { url, asked } = await serve(200);
    note(url);
    expect(findServer(folder)).toBe(url);
    expect(await notifyWorker({ environment: "local", stateFolder: folder }, NOTICE)).toBe("told");
    expect(asked).toEqual(["POST /people/changes"]);
  });

  it("notifies no other server when none runs on it, or the one that did was killed", async () => {
    const addressee = { environment: "local", stateFolder: folder } as const;
    expect(await notifyWorker(addressee, NOTICE)).toBe("not_running");
    const { url, asked } = await serve(200);
    note(url, 2 ** 22 + 1);
    expect(await notifyWorker(addressee, NOTICE)).toBe("not_running");
    expect(asked).toEqual([]);
  });

  it("distinguishes a refusal from no answer", async () => {
    note((await serve(404)).url);
    expect(await notifyWorker({ environment: "local", stateFolder: folder }, NOTICE)).toBe("refused");
    note("http://127.0.0.1:1");
    expect(await notifyWorker({ environment: "local", stateFolder: folder }, NOTICE)).toBe("silent");
  });
});

describe("the end of a statement", () => {
  it.each([
    ["SELECT 1;\nSELECT 2;", ["SELECT 1", "SELECT 2"]],
    [
      "UPDATE a SET t = 'x; y''; z' WHERE \"b;\" = 1; SELECT 3",
      ["UPDATE a SET t = 'x; y''; z' WHERE \"b;\" = 1", "SELECT 3"],
    ],
    ["SELECT 5 - 2; -- done; really\n;", ["SELECT 5 - 2", "-- done; really"]],
    ["", []],
  ])("is a semicolon outside of texts: %j", (sql, statements) => {
    expect(splitStatements(sql)).toEqual(statements);
  });
});
