import { ToolError } from "../../../shared/call/tool-error.ts";
import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import { fromBase64 } from "../../../shared/encoding/base64.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type {
  ConnectionReport,
  ConnectionRequest,
  ConnectionTarget,
} from "../../../shared/objects/connection-gate.ts";
import { openUpstream } from "../../../shared/upstream/open-upstream.ts";
import { personToken, refusedExchanged } from "../accounts/person-token.ts";
import { RefusedRequest, type Session } from "../connector.ts";
import { keyOfFile, MOST_OF_FILE } from "../files/tickets.ts";
import { type Credential, type ObjectMemory, openCredential, openPersonal } from "../http/credential.ts";
import { refusedCredential } from "../http/fetch-token.ts";
import { joinBytes, readAtMost } from "../http/read-at-most.ts";
import { boundAnswer } from "./bound-answer.ts";
import { concealAnswer } from "./conceal-answer.ts";
import { type HttpAnswer, type HttpRequest, httpRequest, type StoredFile } from "./operation.ts";
import { readAnswer, saysWrongCredential, WrongCredential } from "./read-answer.ts";
import { refuseStatus } from "./refuse-status.ts";
import { type OpenedFile, type StreamPart, streamFile, streamParts } from "./send-body.ts";
import { peekAnswer, storeAnswer } from "./store-answer.ts";
import { isTokenRefused, WriteToken } from "./write-token.ts";

/** Most bytes of one answer before it is shortened. */
const MOST_BYTES = 6_000_000;

/** Kinds of authentication that read a body to sign it, which must be in memory then. */
const SIGNS_BODIES = "aws";

/** Bytes of a refusal, or of the answer to a check, that are read. */
const MOST_OF_REFUSAL = 20_000;

/** One request at a time to an HTTP API. There is no socket of our own: the platform keeps them. */
export class HttpSession implements Session {
  readonly signsEachRequest = true;
  readonly #env: Env;
  readonly #entry: OpenapiEntry;
  readonly #origin: string;
  readonly #credential: Credential;
  readonly #writeToken: WriteToken | null;
  #running = new AbortController();

  constructor(env: Env, target: ConnectionTarget, secret: string | null, memory: ObjectMemory) {
    this.#env = env;
    const { name } = target;
    this.#entry = target.entry as OpenapiEntry;
    const { reach, auth, title } = this.#entry;
    this.#origin = new URL(reach.url).origin;
    this.#credential =
      auth.type === "per_person" || auth.type === "token_exchange"
        ? openPersonal(this.#origin, (refused) => personToken(env, target, refused))
        : openCredential({ name, title, auth, origin: this.#origin }, secret, memory);
    this.#writeToken = reach.csrf === true ? new WriteToken(rootOf(reach.url), this.#credential) : null;
  }

  isUsable(): boolean {
    return true;
  }

  async run({ name }: ConnectionTarget, request: ConnectionRequest, timeoutMs: number): Promise<JsonValue> {
    const asked = httpRequest.parse(request.arguments);
    const { title, limits } = this.#entry;
    this.#running = new AbortController();
    const signal = AbortSignal.any([this.#running.signal, AbortSignal.timeout(timeoutMs)]);
    const attempt = (isAgain: boolean) => this.#attempt(name, asked, signal, isAgain, request.repeatable);
    const answer = await attempt(false).catch(async (failure: unknown) => {
      if (!(failure instanceof WrongCredential)) throw failure;
      if (!this.#credential.renews) throw failure;
      return await attempt(true);
    });
    const concealed = concealAnswer(answer, this.#credential.secrets());
    try {
      return boundAnswer(concealed, limits.bytes, title) as unknown as JsonValue;
    } catch (failure) {
      throw request.repeatable ? failure : tellMade(failure);
    }
  }

  async #attempt(
    name: string,
    asked: HttpRequest,
    signal: AbortSignal,
    isAgain: boolean,
    isRead: boolean,
  ): Promise<HttpAnswer> {
    const response = await this.#send(name, asked, signal, isAgain);
    if (response.status >= 300) throw await this.#refuse(name, response, asked);
    try {
      return await this.#read(name, asked, response, isAgain);
    } catch (failure) {
      throw isRead ? failure : tellMade(failure);
    }
  }

  async #read(name: string, asked: HttpRequest, response: Response, isAgain: boolean): Promise<HttpAnswer> {
    const { title, limits, auth } = this.#entry;
    const credential = auth.type === "query" ? auth.name : null;
    const begun = await peekAnswer(response, limits.bytes);
    if (begun !== null && "pieces" in begun)
      return await storeAnswer(this.#env, { connection: name, title }, response, begun.pieces, asked);
    const received = {
      status: response.status,
      media: response.headers.get("content-type") ?? "",
      bytes:
        begun !== null && "whole" in begun
          ? begun.whole
          : await readBounded(begun?.json ?? response.body ?? [], response.url),
      link: response.headers.get("link"),
    };
    try {
      return readAnswer(asked, received, { title, origin: this.#origin, credential });
    } catch (failure) {
      if (failure instanceof WrongCredential && isAgain) throw this.#asPersons(name, failure);
      throw failure;
    }
  }

  async inspect({ name }: ConnectionTarget): Promise<ConnectionReport> {
    const { reach, limits, title } = this.#entry;
    const url = new URL(reach.url);
    const base = url.pathname.replace(/\/+$/, "");
    const read = {
      list: null,
      result: null,
      total: null,
      fields: [],
      chosen: [],
      paging: null,
      before: null,
      isGraphql: false,
      failure: null,
      names: [],
    };
    const asked: HttpRequest = {
      method: "GET",
      target: `${base}${reach.check ?? "/"}`,
      headers: {},
      body: null,
      owner: null,
      read,
      traceId: "0".repeat(32),
      tokenId: "",
    };
    const start = Date.now();
    const response = await this.#send(name, asked, AbortSignal.timeout(limits.seconds * 1_000));
    const { bytes } = await readAtMost(response.body, MOST_OF_REFUSAL);
    const isRefused = response.status === 401 || (reach.check !== undefined && response.status === 403);
    if (isRefused || saysWrongCredential(bytes))
      throw this.#asPersons(name, new RefusedRequest(refusedCredential(title)));
    if (response.status >= 500) throw new Error(`Status ${response.status}.`);
    const isMissing = reach.check !== undefined && response.status >= 300;
    return {
      server: url.host,
      ms: Date.now() - start,
      excess: [],
      exposed: [],
      proposals: {},
      mistakes: isMissing
        ? [`reach.check: ${title} answers with status ${response.status} at this path.`]
        : [],
    };
  }

  async cancel(): Promise<void> {
    this.#running.abort(new RefusedRequest({ code: "cancelled", message: "The call was cancelled." }));
  }

  close(): void {
    this.#running.abort(new RefusedRequest({ code: "cancelled", message: "The connection was closed." }));
  }

  /** Sends a request; once more if a token was refused that can be renewed: nothing has happened yet. */
  async #send(name: string, asked: HttpRequest, signal: AbortSignal, isAgain = false): Promise<Response> {
    const { traceId, tokenId } = asked;
    const passesTrace = this.#entry.reach.trace === true;
    const rules = { env: this.#env, name, passesTrace, mostBytes: MOST_OF_FILE + 1 };
    const ask = openUpstream({ ...rules, traceId, tokenId, signal });
    const url = new URL(`${this.#origin}${asked.target}`);
    const isWrite = asked.method !== "GET" && asked.method !== "HEAD";
    const token = isWrite ? this.#writeToken : null;
    const once = async (renewed: boolean, isTokenOld = false) => {
      const { headers, body } = await this.#describe(asked);
      const own = token === null ? undefined : (account: string) => token.headers(ask, account, isTokenOld);
      return await this.#credential.send(ask, url, { method: asked.method, headers, body }, renewed, own);
    };
    const withToken = async (renewed: boolean) => {
      const first = await once(renewed);
      if (token === null || !isTokenRefused(first)) return first;
      await first.body?.cancel();
      return await once(false, true);
    };
    const response = await withToken(isAgain);
    if (response.status !== 401 || isAgain || !this.#credential.renews) return response;
    await response.body?.cancel();
    return await withToken(true);
  }

  async #describe({
    headers: given,
    body,
  }: HttpRequest): Promise<{ headers: Headers; body: BodyInit | null }> {
    const headers = new Headers({ accept: "application/json, */*;q=0.5", "user-agent": "Gatehouse" });
    for (const [header, value] of Object.entries(given)) headers.set(header, value);
    // Last: no argument replaces what the entry fixes.
    for (const [header, value] of Object.entries(this.#entry.reach.headers ?? {})) headers.set(header, value);
    if (body === null) return { headers, body };
    if ("parts" in body && body.parts.some((part) => "stored" in part)) {
      const parts = body.parts.map(async (part): Promise<StreamPart> => {
        if ("stored" in part) return { name: part.name, opened: await this.#openFile(part.stored) };
        return "file" in part ? { name: part.name, bytes: fromBase64(part.file) } : part;
      });
      const sent = streamParts(await Promise.all(parts));
      headers.set("content-type", sent.media);
      return { headers, body: sent.body };
    }
    if ("parts" in body) {
      const form = new FormData();
      for (const part of body.parts) {
        if ("text" in part) form.append(part.name, part.text);
        else if ("file" in part) form.append(part.name, new Blob([fromBase64(part.file)]), part.name);
      }
      return { headers, body: form };
    }
    headers.set("content-type", body.media);
    if ("stored" in body) return { headers, body: streamFile(await this.#openFile(body.stored)) };
    return { headers, body: "text" in body ? body.text : fromBase64(body.file).buffer };
  }

  /** The contents of a ticket's file, each time from its beginning. */
  async #openFile(file: StoredFile): Promise<OpenedFile> {
    const { title, auth } = this.#entry;
    if (auth.type === SIGNS_BODIES)
      throw new RefusedRequest({
        code: "invalid_input",
        message: `${title} takes no files by ticket: its requests are signed with their body.`,
        action: "Give a small file as Base64.",
        sent: false,
      });
    const stored = await this.#env.MEDIA.get(keyOfFile(file.id));
    if (stored !== null) return { ...file, contents: stored.body };
    const message = "The file of the ticket is not there any more.";
    throw new RefusedRequest({ code: "not_found", message, sent: false });
  }

  async #refuse(name: string, response: Response, { read }: HttpRequest): Promise<Error> {
    const { title } = this.#entry;
    const { bytes } = await readAtMost(response.body, MOST_OF_REFUSAL).catch(() => ({
      bytes: new Uint8Array(),
    }));
    const text = new TextDecoder().decode(bytes);
    const failure = refuseStatus(title, response, text, read.names);
    if (failure === null) return new Error(`Status ${response.status}.`);
    const refused = new RefusedRequest(failure);
    return response.status === 401 ? this.#asPersons(name, refused) : refused;
  }

  /** A renewed token was refused too: the account is the person's, and so is the remedy. */
  #asPersons(name: string, refused: RefusedRequest): RefusedRequest {
    const { title, auth } = this.#entry;
    if (auth.type === "token_exchange") return new RefusedRequest(refusedExchanged(title));
    if (auth.type !== "per_person") return refused;
    const message = `${title} refuses the person's account.`;
    const action = `The person can connect it again at ${this.#env.PUBLIC_URL}/connections/${name}`;
    return new RefusedRequest({ code: "forbidden", message, action });
  }
}

/** The other system has carried out a change whose answer cannot be given; a refusal within the answer says the opposite. */
function tellMade(failure: unknown): unknown {
  const known = explainFailure(failure);
  if (known === null || failure instanceof WrongCredential || known.code === "invalid_input") return failure;
  const message = `${known.message} The change was made: do not repeat the call.`;
  return new RefusedRequest({ code: known.code, message, action: "Look at the record in the other system." });
}

/** The root of a service ends with a slash: without it some answer with a redirect. */
function rootOf(address: string): URL {
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/`;
  return url;
}

/** A whole answer; one that is too large fails as `bound` of {@link openUpstream} does. */
async function readBounded(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  url: string,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > MOST_BYTES)
      throw new ToolError("unavailable", `${URL.parse(url)?.host ?? "It"} answers with too much.`);
    pieces.push(piece);
  }
  return joinBytes(pieces);
}

/** Our words for a failure that is no answer; `null` if the other system is away. */
export function explainFailure(failure: unknown): RefusedRequest["failure"] | null {
  if (failure instanceof RefusedRequest) return failure.failure;
  if (!(failure instanceof ToolError)) return null;
  if (failure.code === "forbidden") return { code: "forbidden", message: failure.message };
  // A network failure has a cause; without one the answer was too large.
  if (failure.code !== "unavailable" || failure.cause !== undefined) return null;
  return {
    code: "result_too_large",
    message: failure.message,
    action: "Ask for less: narrower filters, or a smaller page.",
  };
}
