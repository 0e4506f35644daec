import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findPrograms } from "../../scripts/demonstration/postgresql.ts";
import { prepareServerFolder, removeServerFolder } from "../../scripts/demonstration/server-folder.ts";

let folder: string;
let programs: string;
/** This process's own: what matters is that the account is told apart from the owner of the folders. */
const account = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "gatehouse-folder-"));
  programs = path.join(folder, "programs");
  mkdirSync(path.join(programs, "bin"), { recursive: true });
  writeFileSync(path.join(programs, "bin/postgres"), "a program");
});

afterEach(() => {
  removeServerFolder(path.join(folder, "state"));
  rmSync(folder, { recursive: true, force: true });
});

describe("the folder of the demonstration's database", () => {
  it("is below the storage for a server that runs as the person, and where its account can enter", () => {
    const state = path.join(folder, "state");
    const expected = { programs, data: path.join(state, "demonstration/data") };
    expect(prepareServerFolder(state, programs, null)).toEqual(expected);
    chmodSync(folder, 0o755);
    chmodSync(path.join(state, "demonstration"), 0o755);
    expect(prepareServerFolder(state, programs, account)).toEqual(expected);
  });

  it("is outside, with a copy of the programs, where the account cannot enter, and goes with a reset", () => {
    const state = path.join(folder, "state");
    chmodSync(folder, 0o700);
    const prepared = prepareServerFolder(state, programs, account);
    expect(prepared.data.startsWith(folder)).toBe(false);
    expect(readFileSync(path.join(prepared.programs, "bin/postgres"), "utf8")).toBe("a program");
    expect(prepareServerFolder(state, programs, account)).toEqual(prepared);
    removeServerFolder(state);
    expect(existsSync(prepared.programs)).toBe(false);
  });

  it("is refused outside when others may write there", () => {
    const state = path.join(folder, "state");
    chmodSync(folder, 0o700);
    chmodSync(path.dirname(prepareServerFolder(state, programs, account).programs), 0o777);
    expect(() => prepareServerFolder(state, programs, account)).toThrow("belongs to another account");
  });

  it("has one sentence for a machine without a package", () => {
    expect(() => findPrograms({ platform: "sunos", arch: "sparc" })).toThrow(
      "no package of PostgreSQL fits sunos on sparc",
    );
  });
});
