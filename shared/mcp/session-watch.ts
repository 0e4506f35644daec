import type { PrincipalIdentity } from "../auth/principal.ts";
import type { Exchange } from "../guard/exchange.ts";
import { policyInForce } from "../policy/current.ts";
import type { Catalogue } from "./catalogue.ts";
import { changeGate } from "./changes.ts";
import { readResource, unknownResource } from "./handlers.ts";
import { JSON_RPC, ProtocolFault } from "./protocol-fault.ts";
import { renewViewer, serverOfResource, type Viewer } from "./viewer.ts";
import { beginWatch, type ChangeNotice, type Known, lookAgain } from "./watch.ts";

/** Resources that one session may watch. Each is looked at again after every change of its server. */
const SUBSCRIPTION_LIMIT = 20;

/** The header in which the Worker tells a session the binding of its own namespace, so that others can reach it. */
export const BINDING_HEADER = "gatehouse-binding";

/** What is kept of a watch: what the client knows, who it is, and where the session is reached. */
interface Kept {
  known: Known;
  identity: PrincipalIdentity;
  binding: string;
}

/** What a session's object lends to its watch. */
interface Home {
  env: Env;
  catalogue: Catalogue;
  storage: DurableObjectStorage;
  /** Name of the session's object. */
  name: string;
}

/**
 * What a session is subscribed to (MCP 2025-11-25, `resources/subscribe`), kept through hibernation. From its first
 * resource on it also hears when the lists of tools, prompts and resources become others for it: a session that
 * watches nothing is woken by nobody's changes.
 */
export class SessionWatch {
  readonly #home: Home;
  #kept: Kept | undefined;

  private constructor(home: Home, kept: Kept | undefined) {
    this.#home = home;
    this.#kept = kept;
  }

  static async open(home: Home): Promise<SessionWatch> {
    return new SessionWatch(home, await home.storage.get<Kept>("watch"));
  }

  /** Begins to watch a resource that the caller can read. Throws a {@link ProtocolFault} for every other one. */
  async add(exchange: Exchange, uri: string, binding: string): Promise<void> {
    const known = new Map(this.#kept?.known);
    if (!known.has(uri) && listResources(known).length >= SUBSCRIPTION_LIMIT) {
      const text = `A session can subscribe to ${SUBSCRIPTION_LIMIT} resources. Unsubscribe from one first.`;
      throw new ProtocolFault(JSON_RPC.invalidParams, text);
    }
    // As a reading of its own, so that it is decided, counted and recorded like any other.
    await readResource(exchange, uri);
    const lists = known.size === 0 ? (["tools", "prompts", "resources"] as const) : [];
    const begun = await beginWatch(exchange, { uris: [uri], lists });
    if (!begun.has(uri)) throw unknownResource(exchange, uri);
    for (const [key, seen] of begun) known.set(key, seen);
    await this.#keep({ known, identity: withoutName(exchange.identity), binding });
  }

  /** Rights that a later request came with take the place of those that are kept. */
  async follow(identity: PrincipalIdentity): Promise<void> {
    if (!this.#kept) return;
    const { grantId, scopes } = this.#kept.identity;
    if (grantId === identity.grantId && String(scopes) === String(identity.scopes)) return;
    this.#kept = { ...this.#kept, identity: withoutName(identity) };
    await this.#home.storage.put("watch", this.#kept);
  }

  async remove(uri: string): Promise<void> {
    if (!this.#kept) return;
    const known = new Map(this.#kept.known);
    known.delete(uri);
    await this.#keep(listResources(known).length === 0 ? undefined : { ...this.#kept, known });
  }

  /** What has changed for somebody whose rights are known: the caller of a call that changed something. */
  async look(viewer: Viewer): Promise<ChangeNotice[]> {
    if (!this.#kept) return [];
    const { known, notices } = await lookAgain(viewer, this.#kept.known);
    if (notices.length > 0 && this.#kept) {
      // Meanwhile the client may have unsubscribed from some.
      const still = [...this.#kept.known.keys()].map((key) => [key, known.get(key) ?? null] as const);
      this.#kept = { ...this.#kept, known: new Map(still) };
      await this.#home.storage.put("watch", this.#kept);
    }
    return notices;
  }

  /** What has changed by somebody else. `null` when nobody waits here, `"ended"` when whoever did may not any more. */
  async hear(): Promise<ChangeNotice[] | "ended" | null> {
    if (!this.#kept) return null;
    const { env, catalogue } = this.#home;
    const { identity } = this.#kept;
    const viewer = await renewViewer({ env, catalogue, identity, policy: await policyInForce(env) });
    if (viewer !== null) return await this.look(viewer);
    await this.#keep(undefined);
    return "ended";
  }

  /** Enrols again with the objects that know who waits: they forget after a day. */
  async renew(): Promise<void> {
    if (this.#kept) await this.#enrol(this.#kept);
  }

  async #keep(kept: Kept | undefined): Promise<void> {
    const before = this.#kept;
    this.#kept = kept;
    if (kept) {
      await this.#home.storage.put("watch", kept);
      await this.#enrol(kept);
      return;
    }
    await this.#home.storage.delete("watch");
    if (before) await this.#enrol(before, false);
  }

  async #enrol({ known, binding }: Kept, waits = true): Promise<void> {
    const { env, catalogue, name } = this.#home;
    const servers = new Set(listResources(known).map((uri) => serverOfResource(catalogue, uri)));
    for (const server of servers) {
      if (server !== null) await changeGate(env, server).enrol({ binding, name }, waits);
    }
  }
}

/** Reading needs to know which person it is, and not what they are called. */
function withoutName(identity: PrincipalIdentity): PrincipalIdentity {
  return { ...identity, email: "", name: "" };
}

function listResources(known: Known): string[] {
  return [...known.keys()].filter((key) => !key.startsWith("/"));
}
