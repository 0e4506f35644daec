import { findQuantile } from "../../../audit-log/figures/read-figures.ts";
import { writeDuration, writeNumber, writeShare } from "../charts/scale.ts";
import { Breakable } from "../frame.tsx";
import type { NamedMember } from "./read-overview.ts";

/** What a table shows; `filter` is the trail's filter that a member leads to. */
interface MemberTableProps {
  title: string;
  members: readonly NamedMember[];
  filter: "name" | "person" | "app" | null;
}

/** The members with the most calls, each with what became of its calls. */
export function MemberTable({ title, members, filter }: MemberTableProps) {
  return (
    <section class="card">
      <div class="scroll">
        <table>
          <caption>{title}</caption>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="number">
                Calls
              </th>
              <th scope="col" class="number">
                Failed
              </th>
              <th scope="col" class="number optional">
                Denied
              </th>
              <th scope="col" class="number">
                p95
              </th>
            </tr>
          </thead>
          <tbody>
            {members.length === 0 && (
              <tr>
                <td class="quiet" colspan={5}>
                  No calls in this span.
                </td>
              </tr>
            )}
            {members.map((member) => (
              <tr>
                <th scope="row">
                  {filter === null ? (
                    <Breakable name={member.name} />
                  ) : (
                    <a
                      href={`/console/trail?${new URLSearchParams({ [filter]: readFilter(member, filter) })}`}
                    >
                      <Breakable name={member.name} />
                    </a>
                  )}
                </th>
                <td class="number">{writeNumber(member.calls)}</td>
                <td class="number">{writeShare(member.failed, member.calls)}</td>
                <td class="number optional">{writeNumber(member.denied + member.limited)}</td>
                <td class="number">{writeDuration(findQuantile(member, 0.95))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function readFilter({ member, name }: NamedMember, filter: string): string {
  return filter === "name" ? name : member;
}
