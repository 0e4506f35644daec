import { env, exports } from "cloudflare:workers";
import { vi } from "vitest";
import { compileDocument } from "../../../scripts/connections/openapi/compile-document.ts";
import { storeDefinitions } from "../../../shared/connections/definition-store.ts";
import { openapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import { writeRevision } from "../../../shared/connections/revision.ts";
import { storeCatalogues } from "../../../shared/policy/changes/publications.ts";
import { publish, publishCatalogues, readState } from "../../support/publish.ts";
import { type LANES, openSession } from "../../support/session.ts";

const entry = openapiEntry.parse({
  kind: "openapi",
  title: "Store",
  description: "Files of the company.",
  owner: "team@example.com",
  document: "store.yaml",
  reach: { url: "https://api.store.example" },
  limits: { bytes: 20_000 },
});

const ID = { name: "id", in: "path", required: true, schema: { type: "string" } };
const FILE = { type: "string", format: "binary" };
const DOCUMENT = {
  openapi: "3.1.0",
  info: { title: "Store", version: "1" },
  paths: {
    "/files/{id}": {
      get: { operationId: "download", parameters: [ID], responses: {} },
      put: {
        operationId: "upload",
        parameters: [ID],
        requestBody: { required: true, content: { "application/octet-stream": { schema: FILE } } },
        responses: {},
      },
    },
    "/mail": {
      post: {
        operationId: "send",
        requestBody: {
          content: {
            "multipart/form-data": {
              schema: { type: "object", properties: { text: { type: "string" }, attachment: FILE } },
            },
          },
        },
        responses: {},
      },
    },
  },
};

/** What the other system got. */
export const got: { type: string; length: string; bytes: Uint8Array }[] = [];

export const large = (size: number) => Uint8Array.from({ length: size }, (_, at) => at % 251);
export const PICTURE = large(40_000);

/** A row with an address, as another system exports it. */
const PEOPLE = "Ada;ada.lovelace@example.com\n";
const utf16 = (text: string) =>
  new Uint8Array([0xff, 0xfe, ...[...text].flatMap((one) => [one.charCodeAt(0), 0])]);
const latin1 = (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0));

/** What an answer in pieces does: how many were read, and what happens before the last. */
export const sending = { pieces: 0, beforeLast: async () => {} };

function pieces(count: number, bytes: number): ReadableStream<Uint8Array> {
  sending.pieces = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sending.pieces === count) return controller.close();
      sending.pieces += 1;
      if (sending.pieces === count) await sending.beforeLast();
      controller.enqueue(new Uint8Array(bytes).fill(120));
    },
  });
}

/** Downloads of the other system, some of which lie. */
function download(id: string): Response {
  const answer = (body: BodyInit, type: string, disposition?: string) =>
    new Response(body, {
      headers: { "content-type": type, ...(disposition && { "content-disposition": disposition }) },
    });
  switch (id) {
    case "page":
      return answer(`<script>alert(1)</script>${"x".repeat(30_000)}`, "text/html; charset=utf-8");
    case "names":
      return answer(PICTURE, "image/png", "inline; filename*=UTF-8''..%2F..%2Fe%CC%81vil%0D%0Ax%22.html");
    case "log":
      return answer(
        `token ghp_${"a1B2".repeat(9)} of ada@example.com\n${"line\n".repeat(8_000)}`,
        "text/plain",
      );
    case "small":
      return answer(large(100), "image/png");
    case "utf-16":
      return answer(utf16(PEOPLE.repeat(400)), "text/csv; charset=utf-16le");
    case "latin-1":
      return answer(latin1(`Zo\u00eb;${PEOPLE.repeat(800)}`), "text/csv; charset=iso-8859-1");
    case "no-utf-8":
      return answer(latin1(`Zo\u00eb;${PEOPLE.repeat(800)}`), "text/csv");
    case "short-utf-16":
      return answer(utf16(PEOPLE), "text/csv");
    case "short-no-utf-8":
      return answer(latin1(`Zo\u00eb;${PEOPLE}`), "text/csv");
    case "short":
      return answer(PEOPLE, "application/octet-stream");
    case "endless-refusal":
      return new Response(pieces(60, 1_000_000), { status: 400, headers: { "content-type": "text/plain" } });
    case "slow":
      return new Response(pieces(2, 20_000), { headers: { "content-type": "image/png" } });
    default:
      return answer(PICTURE, "image/png", `attachment; filename="report.png"`);
  }
}

type Roles = Parameters<Parameters<typeof publish>[0]>[0]["roles"];

/** Lets two roles use every tool of the store. */
export function allowStore(roles: Roles): void {
  for (const name of ["viewer", "analyst"]) {
    const role = roles[name] as NonNullable<typeof roles.viewer>;
    roles[name] = {
      ...role,
      scopes: [...role.scopes, "store:read"],
      allowed_tools: [...role.allowed_tools, "store_*"],
    };
  }
}

/** Lets the Worker take up the newest policy. */
export async function takeUp(): Promise<void> {
  const { publication } = await readState();
  const body = JSON.stringify({ publication });
  await exports.default.fetch(new URL("/policy/changes", env.PUBLIC_URL), {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": String(body.length) },
    body,
  });
}

/** Publishes the store and a second one like it, and answers for them. */
export async function openStore(): Promise<void> {
  const plain = globalThis.fetch;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const { hostname, pathname } = new URL(request.url);
    if (hostname !== "api.store.example") return await plain(input, init);
    if (request.method === "GET") return download(pathname.split("/").at(-1) ?? "");
    got.push({
      type: request.headers.get("content-type") ?? "",
      length: request.headers.get("content-length") ?? "",
      bytes: new Uint8Array(await request.arrayBuffer()),
    });
    return pathname.endsWith("/echo") ? download("1") : Response.json({ ok: true });
  });
  const documents: Record<string, string> = {};
  for (const name of ["store", "second"]) {
    const { operations } = compileDocument(name, DOCUMENT, entry);
    const digests = await storeDefinitions(env.PLATFORM_DB, operations, Date.now());
    documents[name] = writeRevision(name, entry, digests);
  }
  await publishCatalogues(storeCatalogues(documents, Date.now()));
  await publish(({ roles }) => allowStore(roles));
  await takeUp();
}

const scopesOf = (name: string) => [`${name}:read`, `${name}:write`];
export const ask = (address: string, init?: RequestInit) => exports.default.fetch(new Request(address, init));
export const open = (lane: (typeof LANES)[number], as: string, server = "store") =>
  openSession({ server, lane, as, scopes: scopesOf(server) });
export type Session = Awaited<ReturnType<typeof open>>;

/** A ticket of a session, filled with these bytes. */
export async function fill(session: Session, bytes: Uint8Array | string, server = "store") {
  const { data } = await session.call(`${server}_prepare_upload`, {
    name: "offer.pdf",
    media_type: "application/pdf",
  });
  const sent = await ask(data.uri, { method: "PUT", body: bytes });
  return { ...data, status: sent.status } as { ticket: string; uri: string; status: number };
}

export const bearer = ({ token }: Session) => ({ headers: { authorization: `Bearer ${token.accessToken}` } });
