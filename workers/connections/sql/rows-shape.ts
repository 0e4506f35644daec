import { z } from "zod";
import type { AnsweredRows } from "./operation.ts";

/** Rows with their columns, as every tool that runs a statement answers. */
export const rowsShape = {
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(z.unknown())).describe("Values in the sequence of the columns"),
  cut: z.boolean().describe("True: a limit ended the list; there are more rows"),
};

/** The answer of a statement without what only Gatehouse uses. */
export function presentRows({ columns, rows, cut }: AnsweredRows) {
  return { columns: columns.map(({ name, type }) => ({ name, type })), rows, cut };
}
