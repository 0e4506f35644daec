import type { ClientProgram } from "./job.ts";

/** A client that others wrote, as a row of the README's table. */
export interface ProgramUnderTest {
  /** What people call it; with what was switched on, when it has modes. */
  name: string;
  /** The npm package whose version is proven. */
  package: string;
  /** The revision that it and Gatehouse have to agree on. */
  revision: "2025-11-25" | "2026-07-28";
  /**
   * Connects to an MCP URL as a new user of the program would: it discovers, registers, sends the person to the
   * pages, and comes back with a token of its own.
   */
  open(url: string): Promise<OpenProgram>;
}

/** A program that is signed in. */
export interface OpenProgram extends ClientProgram {
  close(): Promise<void>;
}
