import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import manifest from "../../package.json";
import { SERVER_INFO } from "../../shared/mcp/methods/server-info.ts";
import { registry } from "../../workers/servers.ts";
import wrangler from "../../wrangler.toml?raw";

/** Stanza of one server in `wrangler.toml`, for each of its three environments. */
function stanza(binding: string, className: string): string {
  return ["", "env.staging.", "env.local."]
    .map(
      (prefix) => `[[${prefix}durable_objects.bindings]]\nname = "${binding}"\nclass_name = "${className}"`,
    )
    .join("\n\n");
}

describe("the registry", () => {
  it.each(
    registry.flatMap(({ server, sessions }) =>
      sessions === undefined ? [] : [{ server, binding: sessions.binding }],
    ),
  )("has the binding $binding in every environment of wrangler.toml", ({ server, binding }) => {
    const className = `${server.name[0]?.toUpperCase()}${server.name.slice(1)}Agent`;
    const count = wrangler.split(`name = "${binding}"\nclass_name = "${className}"`).length - 1;
    expect(count, `Add to wrangler.toml:\n\n${stanza(binding, className)}\n`).toBe(3);
    expect(env[binding], `${binding} is not bound; export ${className} from workers/index.ts`).toBeTruthy();
  });

  it("names scopes after their server", () => {
    for (const { server } of registry) {
      for (const scope of Object.keys(server.scopes))
        expect(scope).toMatch(new RegExp(`^${server.name}:[a-z]+$`));
    }
  });

  it("reports the version of the package", () => {
    expect(SERVER_INFO.version).toBe(manifest.version);
  });
});
