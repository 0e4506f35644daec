import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openWorkerLog } from "../../scripts/local/worker-log.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "gatehouse-log-"));
  file = path.join(folder, "worker.log");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = (name: string) => readFileSync(path.join(folder, name), "utf8");

describe("the log of npm start", () => {
  it("is kept by later starts: the last three runs and the current one", async () => {
    for (const run of [1, 2, 3, 4, 5]) {
      const log = openWorkerLog(file, () => {});
      log.write(`run ${run}`);
      log.close();
      await expect.poll(() => existsSync(file) && read("worker.log")).toBe(`run ${run}\n`);
    }
    expect([1, 2, 3].map((number) => read(`worker.log.${number}`))).toEqual([
      "run 4\n",
      "run 3\n",
      "run 2\n",
    ]);
    expect(existsSync(`${file}.4`)).toBe(false);
  });

  it("loses lines and keeps the server running on a full disk, reports it once, and continues when there is room", async () => {
    // A device that answers every write with ENOSPC.
    symlinkSync("/dev/full", file);
    const said: string[] = [];
    let now = 0;
    const log = openWorkerLog(
      file,
      (text) => said.push(text),
      () => now,
    );
    log.write("lost");
    await expect.poll(() => said.length).toBe(1);
    expect(said[0]).toContain("ENOSPC");
    log.write("lost too");
    rmSync(file);
    now = 60_000;
    log.write("kept");
    await expect.poll(() => existsSync(file) && read("worker.log")).toBe("kept\n");
    expect(said).toHaveLength(1);
    log.close();
  });

  it("does not prevent a start where no log can be written", async () => {
    writeFileSync(path.join(folder, "a-file"), "");
    const said: string[] = [];
    const log = openWorkerLog(path.join(folder, "a-file", "worker.log"), (text) => said.push(text));
    log.write("lost");
    expect(said).toHaveLength(1);
  });
});
