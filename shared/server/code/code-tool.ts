import { z } from "zod";
import { ToolError } from "../../call/tool-error.ts";
import { digestText } from "../../encoding/canonical-json.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { type ProgramGate, programGate, type WaitingProgram } from "../../objects/program-gate.ts";
import { SESSION_SCOPE } from "../../policy/decide.ts";
import { defineTool, type OfferedTool, type ToolContext, type ToolDefinition } from "../define.ts";
import { unknownTool } from "../search/search-tools.ts";
import type { ToolIndex } from "../search/tool-index.ts";
import { loaderOf } from "./loader.ts";

/** Tools that one search gives. */
const MOST_FOUND = 10;

/** Milliseconds of a call: the run, and the calls that end after it stopped to wait. */
const TIMEOUT_MS = 60_000;

/** What the tool needs of its environment. */
export interface CodeStore {
  loader: WorkerLoader;
  programs: ProgramGate;
  /** Path segment of the URL. */
  server: string;
}

/** Opens {@link CodeStore} for a person. Throws `unavailable` without the binding. */
export function openCodeStore(env: Env, server: string, userId: string): CodeStore {
  const loader = loaderOf(env);
  if (loader === undefined) throw new ToolError("unavailable", "This Gatehouse runs no code.");
  return { loader, programs: programGate(env, userId), server };
}

/**
 * `tools_run_code`: runs a model's JavaScript in an isolate, which reaches the tools of the URL as their caller.
 *
 * @param index - of all tools of the URL
 */
export function codeTool(
  index: () => Promise<ToolIndex>,
): ToolDefinition<z.ZodObject, z.ZodObject, CodeStore> {
  return defineTool({
    name: "tools_run_code",
    title: "Run code over tools",
    description:
      'Runs the body of an async JavaScript function that calls tools: `const { deals } = await tools.crm_list_deals({ limit: 50 }); return deals.length;`. Use it for many calls whose answers you need only in part. Also: `await tools.find("words")`, `await tools.describe("name")`. A call that fails throws an error with `code`. No network, no clock, no modules. If a call needs a person\'s approval, the answer has `run`: after the approval call again with the same code and this `run`; what has run does not run again.',
    effect: "delete",
    scope: SESSION_SCOPE,
    openWorld: true,
    // The tools that it calls are judged, each as itself.
    reads: [],
    sends: "nothing",
    idempotent: false,
    costly: true,
    composes: true,
    // The code may give back what earlier calls have read.
    recalls: true,
    timeoutMs: TIMEOUT_MS,
    input: z.object({
      code: z.string().min(1).max(20_000).describe("Body of an async function with `tools`"),
      run: z.string().max(60).optional().describe("`run` of an answer that waited, with the same code"),
    }),
    output: z.object({
      status: z.enum(["done", "waiting", "failed", "timed_out", "stopped"]),
      result: z.unknown().optional(),
      reason: z.string().optional(),
      run: z.string().optional(),
      calls: z.array(
        z.object({
          tool: z.string(),
          outcome: z.string(),
          earlier: z.boolean().optional().describe("Ran before the wait, and not again"),
        }),
      ),
    }),
    async run({ code, run }, context: ToolContext<CodeStore>) {
      const { store, principal, policyDigest, now } = context;
      const codeDigest = digestText(code);
      const waited = run === undefined ? null : await takeRun(run, codeDigest, context);
      const at = waited?.at ?? now.getTime();
      const [{ runProgram, PROGRAM_BOUNDS }, { runIsolated }] = await Promise.all([
        import("./run-program.ts"),
        import("./isolate.ts"),
      ]);
      const end = await runProgram({
        execute: (host) => runIsolated(store.loader, { code, at }, host),
        tools: context.tools,
        find: async (words) => listFound(await index(), words, context.offered()),
        describe: (name) => describe(name, context.offered()),
        earlier: waited?.journal ?? [],
        signal: context.signal,
        bounds: PROGRAM_BOUNDS,
      });
      if (!("journal" in end) || end.journal === undefined) return end;
      const { journal, ...answer } = end;
      const id = `run_${crypto.randomUUID().replaceAll("-", "")}`;
      const { clientId, role } = principal;
      const { server } = store;
      await store.programs.keepProgram({ id, clientId, server, codeDigest, role, policyDigest, at, journal });
      return { ...answer, run: id };
    },
  }) as unknown as ToolDefinition<z.ZodObject, z.ZodObject, CodeStore>;
}

/** The waiting program, taken out of its store: two calls cannot both go on with it. */
async function takeRun(
  id: string,
  codeDigest: string,
  { store, principal, policyDigest }: ToolContext<CodeStore>,
): Promise<WaitingProgram> {
  const { clientId, role } = principal;
  const rights = { clientId, server: store.server, codeDigest, role, policyDigest };
  const found = await store.programs.takeProgram(id, rights);
  if (found === null)
    throw new ToolError("not_found", "No run with this id waits: it went on, or waited for over an hour.", {
      suggestedAction: "Run the code without `run`. Look first at what its calls have done.",
    });
  if (found === "other") {
    throw new ToolError(
      "conflict",
      "The code, the person's role or the policy is not that of the run that waits.",
      {
        suggestedAction:
          "Send exactly the same code. Without `run` every call is made again, also those that changed something.",
      },
    );
  }
  return found;
}

function listFound(index: ToolIndex, words: string, offered: readonly OfferedTool[]): JsonValue {
  const allowed = new Map(offered.map((tool) => [tool.name, tool]));
  return index
    .search(words)
    .flatMap((name) => allowed.get(name) ?? [])
    .slice(0, MOST_FOUND)
    .map(({ name, title, description }) => ({ name, title, description }));
}

function describe(name: string, offered: readonly OfferedTool[]): JsonValue {
  const tool = offered.find((one) => one.name === name);
  if (tool === undefined) throw unknownTool(name, offered);
  const { inputSchema = {}, outputSchema } = tool.listed();
  return {
    name,
    description: tool.description,
    input: inputSchema,
    ...(outputSchema !== undefined && { answer: outputSchema }),
  };
}
