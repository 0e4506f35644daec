import fc from "fast-check";
import type { Generation } from "../../demo/session.ts";
import { call, headersOf, type Message, toRequest } from "./messages.ts";
import { nastyId, nastyString, nastyValue } from "./values.ts";

/** One hostile HTTP request to an MCP URL, by a client with a valid token. */
export interface HostileInput {
  /** Kind of fault, for counting. */
  kind: string;
  verb: string;
  /** In addition to the token and the session; an empty value removes the header. */
  headers: Record<string, string>;
  body: string | null;
  /** Owner of the session id. */
  session: "own" | "none" | "stranger" | "forged";
}

type Make = (lane: Generation) => fc.Arbitrary<HostileInput>;

const FIELDS = ["jsonrpc", "id", "method", "params"] as const;

/** A valid but unexpected header value. */
const headerValue = fc.oneof(
  fc.constantFrom(
    "1999-01-01",
    "2026-07-28, 2025-11-25",
    "2025-11-25",
    "2026-07-28",
    "=?base64?Y3JtX2ZpbmRfY29udGFjdHM=?=",
    "=?base64?%%%?=",
    "=?base64??=",
    "tools/call",
    "tools/list",
    "crm_delete_record",
    "x".repeat(6_000),
    "0",
    "-1",
    "null",
    "%",
  ),
  fc
    .string({
      unit: fc.constantFrom(..."abcXYZ019 ;,=/\"'?*[]{}<>"),
      minLength: 1,
      maxLength: 40,
    })
    .map((text) => `x${text}x`),
);

/** Corrupts the text of a valid message: cut, doubled, with foreign content. */
const brokenText: Make = (lane) =>
  fc
    .tuple(
      call,
      fc.nat(),
      fc.nat({ max: 40 }),
      fc.constantFrom("cut", "drop", "double", "insert"),
      nastyString,
    )
    .map(([message, at, length, how, foreign]) => {
      const text = JSON.stringify(toRequest(lane, message, 1));
      const from = at % text.length;
      const body = {
        cut: text.slice(0, from),
        drop: text.slice(0, from) + text.slice(from + length),
        double: text.slice(0, from + length) + text.slice(from),
        insert: text.slice(0, from) + foreign + text.slice(from),
      }[how];
      return post("broken JSON", lane, message, body);
    });

/** A valid message with one field, at the top or among its parameters, that has any value. */
const wrongField: Make = (lane) =>
  fc
    .tuple(
      call,
      fc.constantFrom(...FIELDS, "name", "arguments", "uri", "cursor", "_meta", "ref", "argument"),
      nastyValue,
    )
    .map(([message, field, value]) => {
      const request = toRequest(lane, message, 1);
      const place = (FIELDS as readonly string[]).includes(field) ? request : (request.params as object);
      Object.defineProperty(place, field, { value, enumerable: true, configurable: true, writable: true });
      return post("wrong field", lane, message, JSON.stringify(request));
    });

/** A tool call, prompt or completion with arguments of any value. */
const wrongArgument: Make = (lane) =>
  fc.tuple(call, fc.nat(), fc.oneof(nastyValue, nastyString)).map(([message, which, value]) => {
    const params = structuredClone(message.params);
    const args = (params.arguments ?? params.argument ?? params) as Record<string, unknown>;
    const names = Object.keys(args);
    const name = names[which % Math.max(1, names.length)] ?? "query";
    args[name] = value;
    return post("wrong argument", lane, message, JSON.stringify(toRequest(lane, { ...message, params }, 1)));
  });

/** Names in the envelope or in headers that contradict the body. */
const disagreement: Make = (lane) =>
  fc
    .tuple(
      call,
      fc.dictionary(
        fc.constantFrom(
          "mcp-protocol-version",
          "mcp-method",
          "mcp-name",
          "mcp-session-id",
          "last-event-id",
          "traceparent",
          "gatehouse-identity",
          "x-partykit-room",
          "cf-mcp-message",
          "cf-mcp-method",
          "mcp-param-query",
        ),
        headerValue,
        { minKeys: 1, maxKeys: 4 },
      ),
    )
    .map(([message, headers]) => {
      const input = post(
        "header and body disagree",
        lane,
        message,
        JSON.stringify(toRequest(lane, message, 1)),
      );
      return { ...input, headers: { ...input.headers, ...headers } };
    });

const contentType: Make = (lane) =>
  fc
    .tuple(call, fc.constantFrom("content-type", "accept"), fc.oneof(headerValue, fc.constant("")))
    .map(([message, header, value]) => {
      const input = post("wrong content type", lane, message, JSON.stringify(toRequest(lane, message, 1)));
      return { ...input, headers: { ...input.headers, [header]: value } };
    });

const oddId: Make = (lane) =>
  fc.tuple(call, nastyId).map(([message, id]) => {
    const text = JSON.stringify(toRequest(lane, message, "ID")).replace('"id":"ID"', () => `"id":${id}`);
    return post("odd id", lane, message, text);
  });

/** JSON that is deep, wide or long. */
const bulky: Make = (lane) =>
  fc
    .tuple(
      call,
      fc.constantFrom("array", "object", "keys", "text", "number"),
      fc.integer({ min: 10, max: 20_000 }),
    )
    .map(([message, shape, size]) => {
      const value = {
        array: "[".repeat(size) + "]".repeat(size),
        object: `${'{"a":'.repeat(size)}1${"}".repeat(size)}`,
        keys: `{${Array.from({ length: size }, (_, key) => `"k${key}":1`).join()}}`,
        text: JSON.stringify("n".repeat(size * 20)),
        number: "9".repeat(size),
      }[shape];
      const text = JSON.stringify(toRequest(lane, message, 1)).replace(
        '"params":{',
        () => `"params":{"x":${value},`,
      );
      return post("bulky", lane, message, text);
    });

/** Responses without requests, notifications about nothing, batches. */
const unasked: Make = (lane) =>
  fc
    .tuple(
      call,
      fc.oneof(
        fc.record({ jsonrpc: fc.constant("2.0"), id: fc.oneof(fc.nat(), nastyString), result: nastyValue }),
        fc.record({ jsonrpc: fc.constant("2.0"), id: fc.oneof(fc.nat(), nastyString), error: nastyValue }),
        fc.record({
          jsonrpc: fc.constant("2.0"),
          method: fc.oneof(
            fc.constantFrom("notifications/cancelled", "notifications/progress", "notifications/initialized"),
            nastyString,
          ),
          params: fc.oneof(
            fc.record({ requestId: fc.oneof(fc.nat(), nastyString), progressToken: nastyValue }),
            nastyValue,
          ),
        }),
        fc.array(nastyValue, { maxLength: 4 }),
      ),
    )
    .map(([message, body]) => post("unasked", lane, message, JSON.stringify(body)));

/** Continuations of requests that never started. */
const forgedState: Make = () =>
  fc.tuple(call, nastyValue, nastyValue).map(([message, requestState, inputResponses]) => {
    const params = { ...message.params, requestState, inputResponses };
    const body = JSON.stringify(toRequest("stateless", { ...message, params }, 1));
    return post("forged state", "stateless", message, body);
  });

const foreignSession: Make = () =>
  fc
    .tuple(call, fc.constantFrom("stranger", "forged", "none"), fc.constantFrom("POST", "GET", "DELETE"))
    .map(([message, session, verb]) => ({
      ...post("foreign session", "sessionful", message, JSON.stringify(toRequest("sessionful", message, 1))),
      ...(verb !== "POST" && { body: null }),
      verb,
      session: session as HostileInput["session"],
    }));

/** Invalid verbs and stream positions. GET opens a stream, which the client must close. */
const oddVerb: Make = (lane) =>
  fc
    .tuple(fc.constantFrom("GET", "PUT", "PATCH", "OPTIONS"), headerValue, nastyString)
    .map(([verb, position, body]) => ({
      kind: "odd verb",
      verb,
      headers: {
        "last-event-id": position,
        "mcp-protocol-version": "2025-11-25",
        accept: "text/event-stream",
      },
      body: verb === "GET" || verb === "OPTIONS" ? null : body,
      session: lane === "sessionful" ? "own" : "none",
    }));

/** Whether a request may open a stream that stays open; the client must close it. */
export function keepsListening({ verb, body }: Pick<HostileInput, "verb" | "body">): boolean {
  return verb === "GET" || body?.includes("subscriptions/listen") === true;
}

/** All inputs of a hostile client to one generation in a single request. */
export function hostileInput(lane: Generation): fc.Arbitrary<HostileInput> {
  const makers = [
    brokenText,
    wrongField,
    wrongArgument,
    disagreement,
    contentType,
    oddId,
    bulky,
    unasked,
    oddVerb,
    lane === "stateless" ? forgedState : foreignSession,
  ];
  return fc.oneof(...makers.map((make) => make(lane)));
}

function post(kind: string, lane: Generation, message: Message, body: string): HostileInput {
  const session = lane === "sessionful" ? "own" : "none";
  return { kind, verb: "POST", headers: headersOf(lane, message), body, session };
}
