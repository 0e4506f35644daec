import { Page } from "../../shared/web/page.tsx";
import type { Resource } from "./oauth/resources.ts";

/** The front page: what Gatehouse is, the MCP addresses, and how to connect common clients. */
export function HomePage({ resources }: { resources: Resource[] }) {
  const everything = resources[0];
  return (
    <Page title="One guarded door" wide corner={<a href="/account">Your account</a>}>
      <div class="card">
        <h1>One guarded door from your AI client to your company's systems</h1>
        <p>
          Add one of these addresses to an MCP client. It sends you here to sign in, and you decide what it
          may do.
        </p>
        <dl class="endpoints">
          {resources.map((resource) => (
            <div>
              <dt>{resource.server === null ? "Everything" : resource.title}</dt>
              <dd>
                <code>{resource.url}</code>
                <br />
                <span class="quiet small">
                  {resource.server === null
                    ? "All servers through one connection."
                    : resource.servers.map((server) => server.description).join(" ")}
                </span>
              </dd>
            </div>
          ))}
        </dl>
      </div>
      {everything && <Instructions url={everything.url} />}
    </Page>
  );
}

function Instructions({ url }: { url: string }) {
  return (
    <>
      <h2>Connect a client</h2>
      <div class="card">
        <p>
          <strong>Claude and ChatGPT</strong>: add a custom connector with the address.
        </p>
        <p>
          <strong>Claude Code</strong>
        </p>
        <pre>{`claude mcp add --transport http gatehouse ${url}`}</pre>
        <p>
          <strong>VS Code</strong>
        </p>
        <pre>{`code --add-mcp '${JSON.stringify({ name: "gatehouse", type: "http", url })}'`}</pre>
        <p>
          <strong>Cursor</strong>, in <code>.cursor/mcp.json</code>
        </p>
        <pre>{JSON.stringify({ mcpServers: { gatehouse: { url } } })}</pre>
        <p>
          <strong>Clients that start a local program</strong>
        </p>
        <pre>{`npx mcp-remote ${url}`}</pre>
      </div>
    </>
  );
}
