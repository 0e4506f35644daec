import { toDisplayText } from "../../../../shared/text/display-text.ts";
import type { Offer } from "../../connections/offers.ts";
import type { PublishedState } from "../../connections/states.ts";
import { writeDuration } from "../charts/scale.ts";
import { ConsoleFrame, type ConsoleLink, Moment } from "../frame.tsx";

/** Every published connection with the state of each of its objects. */
export function ConnectionsPage({
  states,
  offers,
  links,
}: {
  states: readonly PublishedState[];
  /** What waits for review, by connection; empty for those who may not decide about it. */
  offers: ReadonlyMap<string, Offer>;
  links: readonly ConsoleLink[];
}) {
  const unpublished = [...offers].filter(([name]) => !states.some((state) => state.name === name));
  return (
    <ConsoleFrame title="Connections" links={links} here="/console/connections">
      {states.length === 0 && (
        <section class="card">
          <p>
            No connection is published. <code class="whole">npm run connections -- add</code> adds one.
          </p>
        </section>
      )}
      {states.map((state) => (
        <Connection state={state} offer={offers.get(state.name)} />
      ))}
      {unpublished.length > 0 && (
        <section class="card">
          <h2>Reviewed, and not published</h2>
          <ul class="plain">
            {unpublished.map(([name, offer]) => (
              <li>
                <code>{name}</code> <OfferLink name={name} offer={offer} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </ConsoleFrame>
  );
}

function OfferLink({ name, offer: { definitions, waiting, connected } }: { name: string; offer: Offer }) {
  return (
    <>
      <a href={`/console/connections/${name}/offers`}>
        {definitions > 0 ? "What it offers" : "Who is connected"}
      </a>
      {waiting > 0 && (
        <>
          {" "}
          <span class="badge caution">{waiting} wait for review</span>
        </>
      )}
      {connected > 0 && ` · ${connected} ${connected === 1 ? "person has" : "people have"} an account there`}
    </>
  );
}

function Connection({
  state: { name, kind, title, owner, allow_privileged_role, objects },
  offer,
}: {
  state: PublishedState;
  offer: Offer | undefined;
}) {
  const broken = objects.filter(({ breaker }) => breaker !== "closed").length;
  const failures = objects
    .flatMap(({ lastFailure }) => lastFailure ?? [])
    .sort((one, other) => other.at - one.at);
  return (
    <section class="card">
      <h2>
        {toDisplayText(title, 120)} <code class="small">{name}</code>{" "}
        {broken === 0 ? (
          <span class="badge good">Breaker closed</span>
        ) : (
          <span class="badge caution">Breaker open</span>
        )}
        {allow_privileged_role && (
          <>
            {" "}
            <span class="badge danger">Privileged account allowed</span>
          </>
        )}
      </h2>
      <p class="quiet">
        {kind} · owner {toDisplayText(owner ?? "not named", 120)}
      </p>
      {offer !== undefined && (
        <p>
          <OfferLink name={name} offer={offer} />
        </p>
      )}
      <div class="scroll">
        <table class="stack">
          <thead>
            <tr>
              <th scope="col">Object</th>
              <th scope="col">Breaker</th>
              <th scope="col" class="number">
                Sockets
              </th>
              <th scope="col" class="number">
                Running
              </th>
              <th scope="col" class="number">
                Waiting
              </th>
              <th scope="col" class="number">
                Last answer took
              </th>
            </tr>
          </thead>
          <tbody>
            {objects.map(({ breaker, open, running, waiting, lastMs }, index) => (
              <tr>
                <th scope="row" data-label="Object">
                  {index}
                </th>
                <td data-label="Breaker">
                  {breaker === "closed" ? (
                    "closed"
                  ) : (
                    <span class="badge caution">{breaker.replace("_", " ")}</span>
                  )}
                </td>
                <td class="number" data-label="Sockets">
                  {open}
                </td>
                <td class="number" data-label="Running">
                  {running}
                </td>
                <td class="number" data-label="Waiting">
                  {waiting}
                </td>
                <td class="number" data-label="Last answer took">
                  {writeDuration(lastMs)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {failures.length > 0 && (
        <>
          <h2>Last errors</h2>
          <ul class="plain">
            {failures.map(({ at, message }) => (
              <li>
                {toDisplayText(message, 300)}
                <p class="quiet small">
                  <Moment at={at} />
                </p>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
