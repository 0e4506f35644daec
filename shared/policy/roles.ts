/**
 * What each role may hold. A token never carries more than its person's role allows; the consent screen offers
 * only this. `*` stands for every scope.
 */
export const ROLE_SCOPES: Readonly<Record<string, readonly string[]>> = {
  viewer: ["analytics:read", "crm:read", "knowledge:read"],
  analyst: ["analytics:read", "crm:read", "knowledge:read"],
  sales: ["analytics:read", "crm:read", "crm:write", "knowledge:read"],
  editor: ["analytics:read", "crm:read", "knowledge:read", "knowledge:write"],
  admin: ["*"],
};

/** The role of a person who was given none. */
export const DEFAULT_ROLE = "viewer";

/** Whether a person with `role` may hold `scope`. An unknown role may hold nothing. */
export function roleMayHold(role: string, scope: string): boolean {
  const scopes = Object.hasOwn(ROLE_SCOPES, role) ? ROLE_SCOPES[role] : undefined;
  return scopes !== undefined && (scopes.includes("*") || scopes.includes(scope));
}
