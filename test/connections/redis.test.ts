import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import type { Session, SessionCaller } from "../../workers/connections/connector.ts";
import { redis } from "../../workers/connections/redis/connector.ts";

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that takes every account and answers each other command with what `answer` gives, or else "OK". */
async function startRedis(answer: (command: string[]) => string | undefined) {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      // Commands of the tests are short and have no "*".
      for (const sent of chunk.toString("latin1").split("*").slice(1)) {
        const command = sent.split("\r\n").filter((part, at) => at > 0 && at % 2 === 0 && part !== "");
        socket.write(answer(command) ?? "+OK\r\n", "latin1");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const entry = connectionEntry.parse({
    ...{ kind: "redis", title: "Sessions", description: "Sessions.", owner: "x" },
    reach: { host: "127.0.0.1", port: (server.address() as AddressInfo).port, tls: "off", user: "reader" },
    expose: { prefixes: ["events"] },
  });
  const target: ConnectionTarget = { name: "cache", revision: "r", entry };
  return { open, target };
}

async function openSession(target: ConnectionTarget): Promise<Session> {
  const session = await redis.open({} as Env, target, "secret", new Map());
  closing.push(() => session.close());
  return session;
}

function run(session: Session, target: ConnectionTarget, operation: string, more: Record<string, JsonValue>) {
  const args = { key: "events", rows: 20, ...more };
  const about = { id: "1", identity: {}, timeoutMs: 3_000, repeatable: true, note: "test" };
  return session.run(target, { ...about, operation, arguments: args }, 3_000, {} as SessionCaller);
}

const TEXT = `$9000000\r\n${"x".repeat(9_000_000)}\r\n`;

describe("a session with Redis, against a double of its protocol", () => {
  it.each([
    ["an array that is said to have more members than bytes may come", "*30000000\r\n", "result_too_large"],
    ["arrays that have so many together", "*2000000\r\n".repeat(2), "result_too_large"],
    ["a text that is said to be longer", "$9000000\r\n", "result_too_large"],
    ["a length behind what the driver skips", "*-\r\n\n*30000000\r\n", undefined],
    ["a line that ends with CR alone", "+OK\r*30000000\r\n", undefined],
    ["a line without an end", `:${"1".repeat(100)}`, undefined],
    ["a type of another protocol", "~30000000\r\n", undefined],
  ])("ends the socket at %s", async (_what, reply, code) => {
    const { open, target } = await startRedis(([command]) => (command === "type" ? reply : undefined));
    const session = await openSession(target);
    const failure = await run(session, target, "get", { field: null }).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(Error);
    expect((failure as { failure?: { code: string } }).failure?.code).toBe(code);
    if (code === undefined) expect(String(failure)).toMatch(/does not speak RESP2/);
    expect(session.isUsable()).toBe(false);
    await vi.waitUntil(() => open.size === 0);
  });

  it("ends the socket of a sign-in whose answer is too large", async () => {
    const { open, target } = await startRedis(() => TEXT);
    await expect(openSession(target)).rejects.toMatchObject({ failure: { code: "result_too_large" } });
    await vi.waitUntil(() => open.size === 0);
  });

  it("ends an idle socket that brings too much", async () => {
    const { open, target } = await startRedis(() => undefined);
    const session = await openSession(target);
    for (const socket of open) socket.write(TEXT);
    await vi.waitUntil(() => open.size === 0 && !session.isUsable());
  });

  it("reads replies that arrive byte by byte", async () => {
    const replies: Record<string, string> = { type: "+string\r\n", pttl: ":-1\r\n", strlen: ":3\r\n" };
    const { open, target } = await startRedis(([command = ""]) => replies[command] ?? undefined);
    const session = await openSession(target);
    const [socket] = open;
    const write = socket?.write.bind(socket) as (text: string) => boolean;
    socket?.setNoDelay(true);
    Object.assign(socket ?? {}, {
      write: (text: string) =>
        [...(text === "+OK\r\n" ? "$3\r\n*9\r\r\n" : text)].every((byte) => write(byte)),
    });
    expect(await run(session, target, "get", { field: null })).toMatchObject({ value: "*9\r", size: 3 });
  });

  it("is not given to the next call once it was closed", async () => {
    const { target } = await startRedis(() => undefined);
    const session = await openSession(target);
    expect(session.isUsable()).toBe(true);
    session.close();
    expect(session.isUsable()).toBe(false);
  });

  it.each([
    ["from its end", "", 23, 20],
    ["before an entry", "12-0", 11, 11],
    ["before an entry that was deleted meanwhile", "99-0", 23, 20],
  ])("reads a stream %s, at a server before 6.2", async (_what, before, newest, count) => {
    const ids = Array.from({ length: 23 }, (_, at) => 23 - at);
    const { target } = await startRedis(([command, _key, from = "", _to, _count, most]) => {
      if (command !== "xrevrange") return undefined;
      if (from.startsWith("(")) return "-ERR Invalid stream ID specified as stream command argument\r\n";
      const found = ids
        .filter((id) => from === "+" || id <= Number.parseInt(from, 10))
        .slice(0, Number(most));
      const entries = found.map(
        (id) => `*2\r\n$${`${id}-0`.length}\r\n${id}-0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n`,
      );
      return `*${found.length}\r\n${entries.join("")}`;
    });
    const session = await openSession(target);
    const entries = await run(session, target, "stream", { before });
    const expected = Array.from({ length: count }, (_, at) => ({
      id: `${newest - at}-0`,
      fields: { a: "b" },
    }));
    expect(entries).toEqual(expected);
  });
});
