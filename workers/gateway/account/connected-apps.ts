import type { GrantSummary, OAuthHelpers } from "@cloudflare/workers-oauth-provider";
import type { GrantUses } from "../../objects/grants/grant-uses.ts";
import { describeScope, type OfferedScope, toAccess } from "../authorize/offer.ts";
import type { ListedCall } from "../console/trail/find-calls.ts";
import { grantStore } from "../grants/grant-objects.ts";
import { readGrantMetadata } from "../oauth/grant.ts";
import { listResources, type Resource } from "../oauth/resources.ts";
import { listCallsOfApp, listRecentCalls } from "./recent-calls.ts";

/** Most apps on one page of the list, and most that are listed at all. */
const [PAGE_SIZE, MOST] = [15, 1_000];

/** One connected app, as its owner sees it. */
export interface ConnectedApp {
  grantId: string;
  clientId: string;
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

/** One page of a person's apps, newest first. */
export interface AppPageOf {
  apps: ConnectedApp[];
  /** From 1. */
  page: number;
  pages: number;
  total: number;
}

/** The user's connected apps, newest first: of those that fit the query, the page that is asked for or the last one. */
export async function listConnectedApps(
  oauth: OAuthHelpers,
  env: Env,
  userId: string,
  { query, page: asked }: { query: string; page: number },
): Promise<AppPageOf> {
  const all = await readApps(oauth, env, userId);
  const wanted = fold(query);
  const fits = ({ name, domain, covers, redirectHost, use }: ConnectedApp) =>
    [name, domain ?? "", covers, redirectHost, use?.userAgent ?? "", use?.address ?? ""].some((text) =>
      fold(text).includes(wanted),
    );
  const found = wanted === "" ? all : all.filter(fits);
  const pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
  const page = Math.min(Math.max(1, asked), pages);
  const apps = found.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
  return { apps, page, pages, total: found.length };
}

/** One of the user's apps, with its own newest calls; `null` for every other grant. */
export async function findConnectedApp(
  oauth: OAuthHelpers,
  env: Env,
  userId: string,
  grantId: string,
): Promise<ConnectedApp | null> {
  const app = (await readApps(oauth, env, userId)).find((one) => one.grantId === grantId);
  if (app === undefined) return null;
  const calls = await listCallsOfApp(env.PLATFORM_DB, userId, app.clientId);
  return { ...app, recent: calls.filter(({ at }) => at >= app.since.getTime()) };
}

async function readApps(oauth: OAuthHelpers, env: Env, userId: string): Promise<ConnectedApp[]> {
  const [{ items }, recent, calls, uses, resources] = await Promise.all([
    oauth.listUserGrants(userId, { limit: MOST }),
    listRecentCalls(env.PLATFORM_DB, userId),
    readLastUses(env.PLATFORM_DB, userId),
    grantStore(env, userId).listUses(),
    listResources(env),
  ]);
  const clients = items.map(({ clientId }) => clientId);
  const apps = items.map((grant) => {
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
  return apps.sort((a, b) => b.since.getTime() - a.since.getTime());
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
    clientId: grant.clientId,
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
