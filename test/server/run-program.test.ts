import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { JournalEntry, ToolOutcome } from "../../shared/objects/program-gate.ts";
import type { ProgramHost } from "../../shared/server/code/isolate.ts";
import { PROGRAM_BOUNDS, runProgram } from "../../shared/server/code/run-program.ts";

/** The other system of these tests: counts what runs, and lets some calls wait for a person. */
class World {
  readonly ran: string[] = [];
  readonly approved = new Set<string>();
  readonly #guarded: ReadonlySet<string>;

  constructor(guarded: readonly string[] = []) {
    this.#guarded = new Set(guarded);
  }

  async call(tool: string, args: Readonly<Record<string, JsonValue>>): Promise<ToolOutcome> {
    const key = `${tool} ${JSON.stringify(args)}`;
    await Promise.resolve();
    if (this.#guarded.has(tool) && !this.approved.has(key)) {
      this.approved.add(key);
      return { ok: false, error: { code: "approval_required", message: `Approve ${tool}.` } };
    }
    this.ran.push(key);
    if (tool === "fails") return { ok: false, error: { code: "not_found", message: "There is none." } };
    return { ok: true, value: { n: this.ran.length } };
  }
}

afterEach(() => vi.useRealTimers());

type Program = (call: (tool: string, args?: object) => Promise<JsonValue>) => Promise<JsonValue>;

/** Runs a program as the isolate would, without one. */
function run(
  program: Program,
  world: World,
  {
    earlier = [],
    bounds = {},
    signal = new AbortController().signal,
  }: {
    earlier?: readonly JournalEntry[];
    bounds?: Partial<typeof PROGRAM_BOUNDS>;
    signal?: AbortSignal;
  } = {},
) {
  return runProgram({
    async execute(host: ProgramHost) {
      const result = await program(async (tool, args = {}) => {
        const outcome = JSON.parse(await host.call(tool, JSON.stringify(args))) as ToolOutcome;
        if (!outcome.ok) throw new Error(outcome.error.message);
        return outcome.value;
      });
      return JSON.stringify(result);
    },
    tools: world,
    find: async (words) => [words],
    describe: () => ({}),
    earlier,
    signal,
    bounds: { ...PROGRAM_BOUNDS, ...bounds },
  });
}

const step = fc.array(
  fc.record({ tool: fc.constantFrom("read", "write", "fails", "pay", "send"), id: fc.nat(3) }),
  { minLength: 1, maxLength: 3 },
);
const steps = fc.array(step, { minLength: 1, maxLength: 5 });

/** Makes the calls of each step at once. A call that fails is part of the result. */
const programOf =
  (order: { tool: string; id: number }[][]): Program =>
  async (call) => {
    const seen: JsonValue[] = [];
    for (const [at, calls] of order.entries()) {
      // Numbers make every call another one.
      const answers = calls.map(({ tool, id }, place) =>
        call(tool, { id, at, place }).then(
          () => "ok",
          (failure: Error) => failure.message,
        ),
      );
      seen.push(await Promise.all(answers));
    }
    return seen;
  };

describe("a program that waits for a person", () => {
  it("goes on until its end, and no call of it ever runs twice, whatever waits and whatever runs at once", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (order) => {
        const world = new World(["pay", "send"]);
        const program = programOf(order);
        let earlier: readonly JournalEntry[] = [];
        let end = await run(program, world, { earlier });
        for (let turn = 0; end.status === "waiting" && turn < 20; turn += 1) {
          expect(end.calls.some(({ outcome }) => outcome === "waiting")).toBe(true);
          earlier = end.journal;
          end = await run(program, world, { earlier });
        }
        const free = await run(program, new World());
        expect(end.status).toBe("done");
        expect(end).toMatchObject({ result: (free as { result: JsonValue }).result });
        expect([...world.ran].sort()).toEqual([...new Set(world.ran)].sort());
        expect(world.ran).toHaveLength(order.flat().length);
      }),
      { numRuns: 150 },
    );
  });

  it("goes on whatever the sequence in which its calls at once come", async () => {
    const world = new World(["pay"]);
    const programIn =
      (order: string[]): Program =>
      async (call) => {
        await Promise.all(order.map((tool) => call(tool)));
        return await call("pay");
      };
    const first = await run(programIn(["write", "read", "write"]), world);
    const { journal } = first as { journal: JournalEntry[] };
    const end = await run(programIn(["read", "write", "write"]), world, { earlier: journal });
    expect(end.status).toBe("done");
    expect([...world.ran].sort()).toEqual(["pay {}", "read {}", "write {}", "write {}"]);
  });

  it("keeps what ran when its code calls something else, and goes on from there with its own code", async () => {
    const world = new World(["pay"]);
    const program: Program = async (call) => [await call("write"), await call("pay")];
    const { journal } = (await run(program, world)) as { journal: JournalEntry[] };
    const other = await run(async (call) => await call("read"), world, { earlier: journal });
    expect(other).toMatchObject({ status: "stopped", journal });
    expect((other as { reason: string }).reason).not.toContain("anew");
    expect(
      await run(program, world, { earlier: (other as { journal: JournalEntry[] }).journal }),
    ).toMatchObject({
      status: "done",
    });
    expect(world.ran).toEqual(["write {}", "pay {}"]);
  });

  it("does not wait for what runs beside it longer than a run may take", async () => {
    const tools = {
      call: (tool: string, _args: object, signal?: AbortSignal): Promise<ToolOutcome> =>
        tool === "pay"
          ? Promise.resolve({ ok: false, error: { code: "approval_required", message: "Approve." } })
          : new Promise((resolve) =>
              signal?.addEventListener("abort", () =>
                resolve({ ok: false, error: { code: "cancelled", message: "Cut off." } }),
              ),
            ),
    };
    const program: Program = async (call) => await Promise.all([call("slow"), call("pay")]);
    const end = await run(program, tools as World, { bounds: { ms: 30 } });
    expect(end).toMatchObject({
      status: "waiting",
      calls: [{ outcome: "cancelled" }, { outcome: "waiting" }],
    });
  });

  it("stops without a further call when its code calls anything else than before", async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom("tool", "arguments", "sequence"), async (order, change) => {
        const world = new World(["send"]);
        const first = [
          [{ tool: "read", id: 1 }],
          [{ tool: "write", id: 2 }],
          ...order,
          [{ tool: "send", id: 9 }],
        ];
        const end = await run(programOf(first), world);
        fc.pre(end.status === "waiting");
        const before = world.ran.length;
        const other = structuredClone(first);
        if (change === "tool") other[1] = [{ tool: "fails", id: 2 }];
        if (change === "arguments") other[1] = [{ tool: "write", id: 3 }];
        if (change === "sequence") [other[0], other[1]] = [other[1] ?? [], other[0] ?? []];
        const again = await run(programOf(other), world, {
          earlier: (end as { journal: JournalEntry[] }).journal,
        });
        expect(again.status).toBe("stopped");
        expect(world.ran).toHaveLength(before);
      }),
      { numRuns: 60 },
    );
  });

  it("says what ran before the wait, and what waits", async () => {
    const world = new World(["pay"]);
    const program: Program = async (call) => [await call("read"), await call("pay", { amount: 5 })];
    const first = await run(program, world);
    expect(first).toMatchObject({ status: "waiting", reason: "Approve pay." });
    expect(first.calls).toEqual([
      { tool: "read", outcome: "ok" },
      { tool: "pay", outcome: "waiting" },
    ]);
    const { journal } = first as { journal: JournalEntry[] };
    expect(await run(program, world, { earlier: journal })).toEqual({
      status: "done",
      result: [{ n: 1 }, { n: 2 }],
      calls: [
        { tool: "read", outcome: "ok", earlier: true },
        { tool: "pay", outcome: "ok" },
      ],
    });
  });
});

describe("a program", () => {
  it("that does not end is cut off, and what it has done is listed", async () => {
    vi.useFakeTimers();
    const world = new World();
    const end = run(
      async (call) => {
        await call("write");
        return await new Promise<JsonValue>(() => {});
      },
      world,
      { bounds: { ms: 20_000 } },
    );
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await end).toEqual({
      status: "timed_out",
      reason: "The code did not end within 20 seconds.",
      calls: [{ tool: "write", outcome: "ok" }],
    });
  });

  it("gets no answer after its end", async () => {
    const world = new World();
    const ended = Promise.withResolvers<void>();
    let late: Promise<string> | undefined;
    await runProgram({
      ...{ tools: world, find: async () => [], describe: () => ({}), earlier: [], bounds: PROGRAM_BOUNDS },
      signal: new AbortController().signal,
      async execute(host) {
        late = ended.promise.then(() => host.call("write", "{}"));
        return "1";
      },
    });
    ended.resolve();
    expect(JSON.parse(String(await late))).toMatchObject({ ok: false, error: { code: "stopped" } });
    expect(world.ran).toEqual([]);
  });

  it.each<[string, Program, Partial<typeof PROGRAM_BOUNDS>, RegExp]>([
    [
      "calls",
      async (call) => {
        for (;;) await call("read");
      },
      { calls: 3 },
      /at most 3 calls/,
    ],
    [
      "calls at once",
      async (call) => await Promise.all(Array.from({ length: 5 }, () => call("read"))),
      { parallel: 4 },
      /at most 4 calls at once/,
    ],
    [
      "its answers",
      async (call) => {
        for (;;) await call("read");
      },
      { answerChars: 200 },
      /over 200 characters together/,
    ],
    ["its result", async () => "x".repeat(100), { resultChars: 50 }, /over 50 characters/],
  ])("has a bound on %s, and says so", async (_what, program, bounds, reason) => {
    const end = await run(program, new World(), { bounds });
    expect(end).toMatchObject({
      status: expect.stringMatching(/stopped|failed/),
      reason: expect.stringMatching(reason),
    });
  });

  it("has a bound on its looks for tools", async () => {
    const answers: unknown[] = [];
    const end = await runProgram({
      ...{ tools: new World(), find: async () => [], describe: () => ({}), earlier: [] },
      bounds: { ...PROGRAM_BOUNDS, looks: 2 },
      signal: new AbortController().signal,
      async execute(host) {
        for (let look = 0; look < 3; look += 1) answers.push(JSON.parse(await host.find("a")));
        return "1";
      },
    });
    expect(answers[2]).toMatchObject({ ok: false, error: { code: "stopped" } });
    expect(end).toMatchObject({ status: "stopped", reason: "A run looks for tools at most 2 times." });
  });

  it("that its client cancels stops", async () => {
    const cancelled = new AbortController();
    const end = run(() => new Promise<JsonValue>(() => {}), new World(), { signal: cancelled.signal });
    cancelled.abort();
    expect(await end).toMatchObject({ status: "stopped", calls: [] });
  });

  it("reads a failed call as an error, and its own error as its end", async () => {
    const world = new World();
    const caught = await run(
      async (call) => await call("fails").catch((failure: Error) => failure.message),
      world,
    );
    expect(caught).toMatchObject({ status: "done", result: "There is none." });
    const thrown = await run(async (call) => await call("fails"), world);
    expect(thrown).toMatchObject({ status: "failed", reason: "The code threw: There is none." });
  });
});
