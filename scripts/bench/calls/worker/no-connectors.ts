/** Takes the place of the connectors in a build without their drivers. */
export function loadConnector(): never {
  throw new Error("This build has no drivers.");
}
