import { useState } from "preact/hooks";
import type { IndexAdvice } from "../postgres/advise/advise.ts";
import { bytes, percent } from "./format.ts";

type Advised = readonly { readonly path: string; readonly advice: IndexAdvice }[];

/** Asks on demand which indexes the statements lack: it takes the database some work. */
export function IndexSearch({ isUseful }: { readonly isUseful: boolean }) {
  const [found, setFound] = useState<Advised | string>("");
  if (!isUseful) return null;
  const look = (): void => {
    setFound("Looking …");
    ask()
      .then(setFound)
      .catch(() => setFound("There is no answer."));
  };
  return (
    <>
      <button onClick={look} disabled={found === "Looking …"}>
        Look for indexes
      </button>
      {found !== "" && (
        <div class="indexes">
          {typeof found === "string" ? (
            <p class="muted">{found}</p>
          ) : (
            found.map(({ path, advice }) => <Proposals key={path} path={path} advice={advice} />)
          )}
        </div>
      )}
    </>
  );
}

function Proposals({ path, advice: { proposals, foreignKeys, duplicates, unused, load } }: Advised[number]) {
  const bare = foreignKeys.map(({ ddl, table, references }) => ({
    ddl,
    why: `deleting from ${references} reads all of ${table}`,
  }));
  const others = [...bare, ...duplicates, ...unused];
  if (proposals.length === 0 && others.length === 0) return <p class="muted">No index is missing at {path}.</p>;
  const less = 1 - load.after / Math.max(load.before, 1e-9);
  return (
    <>
      <p class="muted">
        {proposals.length === 0
          ? "No index is missing."
          : `With ${proposals.length === 1 ? "this index" : "these indexes"} the database has ${percent(less)} less to do.`}
      </p>
      <ul class="advice">
        {proposals.map(({ ddl, bytes: size, gains }) => (
          <li key={ddl}>
            <code>{ddl}</code>
            <p class="muted">
              some {bytes(size)}, for reads {gains.map(({ access }) => access).join("; ")}
            </p>
          </li>
        ))}
        {others.map(({ ddl, why }) => (
          <li key={ddl} class="minor">
            <code>{ddl}</code>
            <p class="muted">{why}</p>
          </li>
        ))}
      </ul>
    </>
  );
}

/** The advice, or why there is none. */
async function ask(): Promise<Advised | string> {
  const response = await fetch("/advise");
  const told = (await response.json()) as Advised & { readonly detail?: string };
  return response.ok ? told : (told.detail ?? "There is no advice.");
}
