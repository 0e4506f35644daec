import { Hono } from "hono";
import { ConsoleFrame } from "../frame.tsx";
import type { InConsole } from "../require-right.ts";
import { readSettings, type Setting } from "./read-settings.ts";

/** `/console/settings`: what is configured. It reads only, and shows no secret. */
export const settingsRoutes = new Hono<InConsole>();

settingsRoutes.get("/", (c) => {
  const { variables, secrets, bindings, policy } = readSettings(c.env, c.var.policy);
  const version = c.env.VERSION?.id ?? "";
  return c.html(
    <ConsoleFrame title="Settings" links={c.var.links} here="/console/settings">
      <p class="quiet">
        {version === "" ? "A Gatehouse without a version id." : `Version ${version}.`} Settings change with{" "}
        <code>wrangler.toml</code> and <code>npm run deploy</code>, secrets with{" "}
        <code>npx wrangler secret put</code>.
      </p>
      <div class="columns">
        <SettingsTable title="Variables" settings={variables} />
        <SettingsTable title="Secrets" settings={secrets} />
        <SettingsTable title="Policy" settings={policy} />
        <SettingsTable title="Bindings" settings={bindings} />
      </div>
    </ConsoleFrame>,
  );
});

function SettingsTable({ title, settings }: { title: string; settings: readonly Setting[] }) {
  return (
    <section class="card">
      <table>
        <caption>{title}</caption>
        <tbody>
          {settings.map(({ name, text, isSet }) => (
            <tr>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>{isSet ? text : <span class="quiet">{text}</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
