import type { GrantSummary, OAuthHelpers } from "@cloudflare/workers-oauth-provider";
import type { GrantUses } from "../../objects/grants/grant-uses.ts";
import { describeScope, type OfferedScope, toAccess } from "../authorize/offer.ts";
import type { ListedCall } from "../console/trail/find-calls.ts";
import { grantStore } from "../grants/grant-objects.ts";
import { readGrantMetadata } from "../oauth/grant.ts";
import { listResources, type Resource } from "../oauth/resources.ts";
import { listRecentCalls } from "./recent-calls.ts";

/** Most apps on one page of the list, and most that a search looks at. */
const [PAGE_SIZE, MOST_SEARCHED] = [50, 1_000];

/** One connected app, as its owner sees it. */
export interface ConnectedApp {
  grantId: string;
  name: string;
  /** Verified domain, or `null`. */
  domain: string | null;
  redirectHost: string;
  /** The provider of single sign-on that connected it, or `null` for the person. */
  connectedBy: string | null;
  /** Title of the server that the app may use. */
  covers: string;
  url: string;
  scopes: { scope: string; description: string; access: OfferedScope["access"] }[];
  since: Date;
  /**
   * Last use, or `null` if never used. For an app that is connected once: its last recorded call since. For one on
   * several machines: this machine's last token request, because calls name the app and not the machine.
   */
  lastUsed: Date | null;
  /**
   * First token request of this machine, and the origin of its last one; `null` for a connection that has not
   * asked for tokens since an earlier release.
   */
  use: { firstUsed: Date; address: string | null; userAgent: string | null } | null;
  /** Whether the app is connected once; else calls cannot be told apart by machine. */
  isOnly: boolean;
  /** Its newest calls since it was connected, newest first. */
  recent: readonly ListedCall[];
  /** When the connection expires unless the app is used; `null` for never. */
  expires: Date | null;
}

/** The user's connected apps, newest first within a page. `cursor` leads to the next page. */
export async function listConnectedApps(
  oauth: OAuthHelpers,
  env: Env,
  userId: string,
  cursor?: string,
  query = "",
): Promise<{ apps: ConnectedApp[]; cursor?: string }> {
  const page = await oauth.listUserGrants(userId, {
    limit: query === "" ? PAGE_SIZE : MOST_SEARCHED,
    ...(cursor !== undefined && { cursor }),
  });
  const [recent, calls, uses, resources] = await Promise.all([
    listRecentCalls(env.PLATFORM_DB, userId),
    readLastUses(env.PLATFORM_DB, userId),
    grantStore(env, userId).listUses(),
    listResources(env),
  ]);
  const clients = page.items.map(({ clientId }) => clientId);
  const apps = page.items.map((grant) => {
    const use = uses.find(({ grantId }) => grantId === grant.id) ?? null;
    const isOnly = clients.filter((clientId) => clientId === grant.clientId).length === 1;
    // Many people use an app under one client id: an earlier holder of this account may have used it too.
    const since = grant.createdAt * 1000;
    const ownCalls = (recent.get(grant.clientId) ?? []).filter(({ at }) => at >= since);
    const lastCall = Math.max(calls.get(grant.clientId)?.getTime() ?? 0, ownCalls[0]?.at ?? 0);
    const called = lastCall >= since ? new Date(lastCall) : null;
    const lastUsed = isOnly || use === null ? called : new Date(use.lastAt);
    return { ...toConnectedApp(grant, resources, lastUsed, use), isOnly, recent: ownCalls };
  });
  apps.sort((a, b) => b.since.getTime() - a.since.getTime());
  const wanted = fold(query);
  if (wanted !== "") {
    const fits = ({ name, domain, covers }: ConnectedApp) =>
      [name, domain ?? "", covers].some((text) => fold(text).includes(wanted));
    return { apps: apps.filter(fits).slice(0, PAGE_SIZE) };
  }
  return { apps, ...(page.cursor !== undefined && { cursor: page.cursor }) };
}

function fold(text: string): string {
  return text.normalize("NFKC").trim().toLowerCase();
}

/** The newest recorded call of each of the user's apps, by client id. */
async function readLastUses(database: D1Database, userId: string): Promise<Map<string, Date>> {
  const { results } = await database
    .prepare("SELECT client_id, at FROM audit_last_use WHERE chain = ?")
    .bind(userId)
    .all<{ client_id: string; at: number }>();
  return new Map(results.map(({ client_id, at }) => [client_id, new Date(at)]));
}

function toConnectedApp(
  grant: GrantSummary,
  resources: readonly Resource[],
  lastUsed: Date | null,
  use: GrantUses | null,
): Omit<ConnectedApp, "isOnly" | "recent"> {
  const url = Array.isArray(grant.resource) ? grant.resource[0] : grant.resource;
  const resource = resources.find((candidate) => candidate.url === url);
  const metadata = readGrantMetadata(grant.metadata);
  return {
    grantId: grant.id,
    name: metadata.clientName,
    domain: metadata.clientDomain,
    redirectHost: metadata.redirectHost,
    connectedBy: metadata.connectedBy ?? null,
    covers: resource?.server === null ? "Everything" : (resource?.title ?? "A server that is gone"),
    url: url ?? "",
    scopes: grant.scope.map((scope) => ({
      scope,
      description: describeScope(resource, scope),
      access: toAccess(scope),
    })),
    since: new Date(grant.createdAt * 1000),
    lastUsed,
    use: use && { firstUsed: new Date(use.firstAt), address: use.address, userAgent: use.userAgent },
    expires: grant.expiresAt === undefined ? null : new Date(grant.expiresAt * 1000),
  };
}
