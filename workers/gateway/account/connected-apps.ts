import type { GrantSummary, OAuthHelpers } from "@cloudflare/workers-oauth-provider";
import { describeScope, type OfferedScope, toAccess } from "../authorize/offer.ts";
import { readGrantMetadata } from "../grant.ts";
import { findResource } from "../resources.ts";

/** Most apps on one page of the list. */
const PAGE_SIZE = 50;

/** One connected app as its owner sees it. */
export interface ConnectedApp {
  grantId: string;
  name: string;
  /** The verified domain, or `null`. */
  domain: string | null;
  redirectHost: string;
  /** Title of the server that the app may use. */
  covers: string;
  url: string;
  scopes: { scope: string; description: string; access: OfferedScope["access"] }[];
  since: Date;
  /** When the connection ends if the app stays away; `null` for never. */
  expires: Date | null;
}

/** The person's connected apps, newest first within a page. `cursor` leads to the next page. */
export async function listConnectedApps(
  oauth: OAuthHelpers,
  publicUrl: string,
  userId: string,
  cursor?: string,
): Promise<{ apps: ConnectedApp[]; cursor?: string }> {
  const page = await oauth.listUserGrants(userId, {
    limit: PAGE_SIZE,
    ...(cursor !== undefined && { cursor }),
  });
  const apps = page.items.map((grant) => toConnectedApp(grant, publicUrl));
  apps.sort((a, b) => b.since.getTime() - a.since.getTime());
  return { apps, ...(page.cursor !== undefined && { cursor: page.cursor }) };
}

function toConnectedApp(grant: GrantSummary, publicUrl: string): ConnectedApp {
  const url = Array.isArray(grant.resource) ? grant.resource[0] : grant.resource;
  const resource = findResource(publicUrl, url);
  const metadata = readGrantMetadata(grant.metadata);
  return {
    grantId: grant.id,
    name: metadata.clientName,
    domain: metadata.clientDomain,
    redirectHost: metadata.redirectHost,
    covers: resource?.server === null ? "Everything" : (resource?.title ?? "A server that is gone"),
    url: url ?? "",
    scopes: grant.scope.map((scope) => ({
      scope,
      description: describeScope(resource, scope),
      access: toAccess(scope),
    })),
    since: new Date(grant.createdAt * 1000),
    expires: grant.expiresAt === undefined ? null : new Date(grant.expiresAt * 1000),
  };
}
