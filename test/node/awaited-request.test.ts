import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PlatformDatabase, Row } from "../../scripts/platform/database.ts";
import { waitFor } from "../../scripts/platform/notify-worker.ts";
import { awaitRequest, createMark } from "../../scripts/platform/requests.ts";
import { askFor } from "../../shared/people/admin-requests.ts";

let folder: string;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "gatehouse-waiting-"));
});

afterEach(async () => {
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** A database in which a request is done after its notification. */
function open(request: Row): PlatformDatabase {
  return { query: async () => [request], change: async () => {} };
}

const waiting = (said: string[]) => ({
  ...waitFor({ environment: "local", stateFolder: folder }, 60_000),
  say: (text: string) => said.push(text),
});

describe("a command that waits for a request about a user's data", () => {
  it("gets it processed at once by the server on its storage, and prints what it waits for", async () => {
    const mark = createMark();
    const request: Row = { id: 7, done_at: null, outcome: null };
    server = createServer((incoming, response) => {
      let body = "";
      incoming.on("data", (part) => {
        body += part;
      });
      incoming.on("end", () => {
        const asked = (JSON.parse(mark) as { asked: string }).asked;
        const right = (JSON.parse(body) as { mark: string }).mark === asked;
        if (right) Object.assign(request, { done_at: 1, outcome: '{"erased":true}' });
        response.writeHead(right ? 200 : 404).end();
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    writeFileSync(path.join(folder, "gatehouse.json"), JSON.stringify({ processId: process.ppid, url }));
    const said: string[] = [];
    expect(await awaitRequest(open(request), 7, mark, waiting(said))).toEqual({ erased: true });
    expect(said).toEqual(["Request 7: Gatehouse is asked to carry it out …"]);
    expect(askFor("erasure", "ada@example.com", "me", mark)).toContain(mark);
  });

  it("does not wait for a server that does not run", async () => {
    const said: string[] = [];
    expect(await awaitRequest(open({ id: 7, done_at: null }), 7, createMark(), waiting(said))).toBeNull();
    expect(said.at(-1)).toContain("Start it with npm start");
  });
});
