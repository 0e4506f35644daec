import type { ClientProgram } from "./job.ts";

/** A third-party client, as a row of the README's table. */
export interface ProgramUnderTest {
  /** Display name, including the enabled mode if it has several. */
  name: string;
  /** The npm package whose version is tested. */
  package: string;
  /** The revision that it and Gatehouse must agree on. */
  revision: "2025-11-25" | "2026-07-28";
  /**
   * Connects to an MCP URL as a new user of the program would: the program discovers, registers, sends the
   * user to the pages, and gets its own token.
   */
  open(url: string): Promise<OpenProgram>;
}

/** A program that is signed in. */
export interface OpenProgram extends ClientProgram {
  close(): Promise<void>;
}
