import type { Policy } from "../../../shared/policy/compile.ts";
import { roleMayHold } from "../../../shared/policy/current.ts";
import type { Resource } from "../oauth/resources.ts";

/** One checkbox of the consent page. */
export interface OfferedScope {
  scope: string;
  /** The server's sentence about it. */
  description: string;
  /** Text of the badge: the strongest access of the scope. */
  access: "read" | "change" | "delete";
  ticked: boolean;
}

/** The checkboxes of one server. */
export interface Offer {
  title: string;
  description: string;
  scopes: OfferedScope[];
}

/**
 * Contents of the consent page: every scope of the resource's servers that the user's role may hold. The
 * scopes that the client requested are ticked, or the baseline if it requested none. With any scope of a
 * server its baseline is ticked too, because no tool of that server works without it.
 */
export function offerScopes(
  policy: Policy,
  resource: Resource,
  role: string,
  requested: readonly string[],
): Offer[] {
  const known = requested.filter((scope) => resource.servers.some((server) => scope in server.scopes));
  const wanted = new Set(known.length > 0 ? known : resource.baseline);
  for (const server of resource.servers) {
    if (Object.keys(server.scopes).some((scope) => wanted.has(scope))) wanted.add(server.baseline);
  }
  return resource.servers
    .map((server) => ({
      title: server.title,
      description: server.description,
      scopes: Object.entries(server.scopes)
        .filter(([scope]) => roleMayHold(policy, role, scope))
        .map(([scope, description]) => ({
          scope,
          description,
          access: toAccess(scope),
          ticked: wanted.has(scope),
        })),
    }))
    .filter((offer) => offer.scopes.length > 0);
}

/** Requested scopes of the resource that the user's role may not hold. */
export function listWithheld(
  policy: Policy,
  resource: Resource,
  role: string,
  requested: readonly string[],
): string[] {
  return requested.filter(
    (scope) => resource.servers.some((server) => scope in server.scopes) && !roleMayHold(policy, role, scope),
  );
}

/** Whether every scope belongs to the resource and the role. The form is untrusted; this check decides. */
export function mayGrant(
  policy: Policy,
  resource: Resource,
  role: string,
  scopes: readonly string[],
): boolean {
  return scopes.every(
    (scope) =>
      roleMayHold(policy, role, scope) &&
      resource.servers.some((server) => Object.hasOwn(server.scopes, scope)),
  );
}

/** The sentence for a scope, or the scope itself if no server declares it any more. */
export function describeScope(resource: Resource | undefined, scope: string): string {
  const server = resource?.servers.find((candidate) => Object.hasOwn(candidate.scopes, scope));
  return server?.scopes[scope] ?? scope;
}

/** Access of a scope by its name, `<server>:<read|write|delete>`. */
export function toAccess(scope: string): OfferedScope["access"] {
  if (scope.endsWith(":read")) return "read";
  return scope.endsWith(":delete") ? "delete" : "change";
}
