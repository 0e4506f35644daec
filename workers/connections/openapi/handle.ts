import type { Classification, MaskRules } from "../../../shared/call/mask-rules.ts";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import type { PreviewedChange } from "../../../shared/call/proposal.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { foreignName } from "../../../shared/connections/foreign-names.ts";
import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { currentTrace } from "../../../shared/observe/trace.ts";
import { maskValue } from "../../../shared/redact/mask-value.ts";
import type { AskingContext } from "../../../shared/server/define.ts";
import { AccountGuide } from "../accounts/lead-to-account.ts";
import { sessionOf } from "../accounts/session-of.ts";
import { askConnection, type CallLimits, failureOf, type Operation } from "../ask-connection.ts";
import { giveTicket, keepFile } from "../files/tickets.ts";
import { recordRefusal } from "../record-refusal.ts";
import { buildRequest, type PagePosition } from "./build-request.ts";
import { type HttpAnswer, httpAnswer } from "./operation.ts";
import { refuseHiddenNames } from "./refuse-hidden-names.ts";
import { asSent, type CallFiles, describeFiles, findFiles, giveBackFiles, useFiles } from "./ticket-files.ts";

/** What a handle needs to know of its connection. */
interface HttpPlace {
  env: Env;
  name: string;
  revision: string;
  entry: OpenapiEntry;
  principal: PrincipalIdentity;
  masks: MaskRules;
}

/** One call of an operation. */
interface HttpCall {
  input: Readonly<Record<string, JsonValue | undefined>>;
  position?: PagePosition | undefined;
  /** Narrows those of the definition. */
  fields?: readonly string[] | undefined;
}

/** Members in which OData has links of a record (2.0 JSON format; OData 4.01 JSON Format §4.6). */
const LINKS = /^__deferred$|@(?:odata\.)?(?:id|context|\w*link)$/i;

/** A connection to an HTTP API, opened for one call. */
export class HttpHandle {
  readonly #place: HttpPlace;
  readonly #guide: AccountGuide;

  constructor(place: HttpPlace) {
    this.#place = place;
    this.#guide = new AccountGuide(place);
  }

  /** Sends the request of an operation. Throws {@link ToolError} in our own words. */
  async perform(
    operation: HttpOperation,
    { input, position, fields }: HttpCall,
    context: CallLimits & Partial<Pick<AskingContext, "ask" | "pauseFor" | "abilities">>,
  ): Promise<HttpAnswer> {
    const { env, entry, principal, masks } = this.#place;
    if (masks.fields[entry.data_class] !== "show")
      throw new ToolError(
        "forbidden",
        `${entry.title} holds ${entry.data_class} data, which this role may not see.`,
      );
    const read = {
      list: operation.list ?? null,
      result: operation.result ?? null,
      total: operation.total ?? null,
      fields: [...(operation.fields ?? [])],
      chosen: [...(fields ?? [])],
      paging: (operation.paging ?? null) as JsonValue,
      before: position === undefined ? null : (position.rows ?? ""),
      isGraphql: operation.body?.type === "graphql",
      failure: operation.failure ?? null,
      names: operation.arguments.map((argument) => argument.name),
    };
    const traceId = currentTrace()?.id ?? crypto.randomUUID().replaceAll("-", "");
    const tool = foreignName(this.#place.name, operation.tool);
    const owner = this.#mayHaveFiles() ? { person: principal.userId, masks: [...masks.text], tool } : null;
    refuseHiddenNames(
      operation,
      input,
      this.#hidden().map(({ name }) => name),
    );
    const files = await this.#findFiles(operation, input);
    const request = buildRequest(operation, input, position, asSent(files));
    await useFiles(env.PLATFORM_DB, files);
    const asked = {
      name: "request",
      arguments: { ...request, read, owner, traceId, tokenId: principal.tokenId } as unknown as Record<
        string,
        JsonValue
      >,
      repeatable: operation.effect === "read",
    };
    const answered = await this.#ask(asked, context, files);
    return this.#hide(httpAnswer.parse(answered), operation.effect);
  }

  /** The address at which the person gets the file of an answer: it works once, and for this person. */
  async addressOf({ id }: { id: string }): Promise<string> {
    const { env } = this.#place;
    return `${env.PUBLIC_URL}/files/${await giveTicket(env.PLATFORM_DB, id)}`;
  }

  /** Throws what {@link perform} would throw for the tickets among the arguments. */
  async checkFiles(operation: HttpOperation, input: HttpCall["input"]): Promise<void> {
    await this.#findFiles(operation, input);
  }

  /** The files of a call for its approver: name, bytes and SHA-256, never the ticket. */
  async describeFiles(operation: HttpOperation, input: HttpCall["input"]): Promise<PreviewedChange[]> {
    return await describeFiles(this.#place.env.MEDIA, await this.#findFiles(operation, input));
  }

  /** Keeps the files of a call until a time, in milliseconds since the epoch. */
  async keepFiles(operation: HttpOperation, input: HttpCall["input"], until: number): Promise<void> {
    for (const { id } of (await this.#findFiles(operation, input)).values())
      await keepFile(this.#place.env.PLATFORM_DB, id, until);
  }

  async #findFiles(operation: HttpOperation, input: HttpCall["input"]): Promise<CallFiles> {
    const { env, name, principal } = this.#place;
    return await findFiles(env.PLATFORM_DB, { connection: name, userId: principal.userId }, operation, input);
  }

  /** What the handle was opened with. */
  get place(): HttpPlace {
    return this.#place;
  }

  /** Fields within a file cannot be hidden. */
  #mayHaveFiles(): boolean {
    const { entry, masks } = this.#place;
    return Object.values(entry.classes).every((kind) => masks.fields[kind as Classification] === "show");
  }

  /** Asks with the account of the connection, or of the person, who may connect one in the middle of the call. */
  async #ask(
    operation: Operation,
    context: CallLimits & Partial<Pick<AskingContext, "ask" | "pauseFor" | "abilities">>,
    files: CallFiles,
  ): Promise<JsonValue> {
    const { env, name, revision, entry, principal } = this.#place;
    const session = sessionOf(entry, principal);
    const target = { name, revision, entry, ...(session && { session }) };
    try {
      return await askConnection(env, target, operation, principal, context);
    } catch (error) {
      const failure = failureOf(error);
      if (failure?.attempt !== undefined) await recordRefusal(env, name, principal.userId, failure.attempt);
      if (failure?.code !== "account_needed") {
        if (failure?.sent === false) await giveBackFiles(env.PLATFORM_DB, files.values());
        throw error;
      }
      await this.#guide.lead(context, failure).catch(async (leaving: unknown) => {
        // Nothing was sent, and the client comes back with the same arguments.
        await giveBackFiles(env.PLATFORM_DB, files.values());
        throw leaving;
      });
      return await this.#ask(operation, context, files);
    }
  }

  /** What the names of fields match that the role may not see, and how each is hidden. */
  #hidden(): { name: RegExp; treatment: MaskRules["fields"][Classification] }[] {
    const { entry, masks } = this.#place;
    return Object.entries(entry.classes)
      .filter(([, kind]) => masks.fields[kind as Classification] !== "show")
      .map(([glob, kind]) => ({ name: globOf(glob), treatment: masks.fields[kind as Classification] }));
  }

  /** Fields of a class that the role may not see, wherever they are in the answer. */
  #hide(answer: HttpAnswer, effect: HttpOperation["effect"]): HttpAnswer {
    const { entry } = this.#place;
    const rules = this.#hidden();
    if (rules.length === 0) return answer;
    if (!answer.isJson) {
      const done = effect === "read" ? "" : " The change was made: do not repeat the call.";
      throw new ToolError(
        "forbidden",
        `${entry.title} answers with text or a file, in which fields that are hidden from this role cannot be hidden.${done}`,
      );
    }
    const visit = (value: JsonValue): JsonValue => {
      if (Array.isArray(value)) return value.map(visit);
      if (typeof value !== "object" || value === null) return value;
      const kept = Object.entries(withoutLinks(value)).map(([name, inner]) => {
        const rule = rules.find((one) => one.name.test(name));
        if (rule === undefined) return [name, visit(inner)] as const;
        const isText = typeof inner === "string" || typeof inner === "number";
        return [name, rule.treatment === "mask" && isText ? maskValue(String(inner)) : null] as const;
      });
      return Object.fromEntries(kept);
    };
    return { ...answer, items: answer.items?.map(visit) ?? null, result: visit(answer.result) };
  }
}

/** Links of OData name a record by its key, whose fields may be hidden ones; its ETag stays. */
function withoutLinks(value: { [name: string]: JsonValue }): { [name: string]: JsonValue } {
  const kept = Object.entries(value).flatMap(([name, inner]) => {
    if (LINKS.test(name)) return [];
    if (name !== "__metadata" || typeof inner !== "object" || inner === null || Array.isArray(inner))
      return [[name, inner] as const];
    return typeof inner.etag === "string" ? [[name, { etag: inner.etag }] as const] : [];
  });
  return Object.fromEntries(kept);
}

function globOf(glob: string): RegExp {
  const parts = glob.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "i");
}
