/** What this software calls itself on the wire. A test keeps the version equal to the one in package.json. */
export const SOFTWARE = { name: "gatehouse", version: "0.1.0" } as const;
