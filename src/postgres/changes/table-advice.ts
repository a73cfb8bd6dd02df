import type { Log } from "../../api/source.ts";
import type { Dependencies } from "./dependencies.ts";
import type { UnknownReason } from "./change-source.ts";

/** Says once of each table why its replies are not cached, where somebody can do something about it. */
export type AdviseTables = (dependencies: Pick<Dependencies, "left" | "means">) => void;

export function createTableAdvice(log: Log): AdviseTables {
  const advised = new Set<string>();
  return ({ left, means }) => {
    for (const { schema, name, reason } of left) {
      const advice = (means === "triggers" ? TRIGGER_ADVICE : undefined)?.[reason] ?? ADVICE[reason];
      const key = `${schema}.${name} ${reason} ${means}`;
      if (advice === undefined || advised.has(key)) continue;
      advised.add(key);
      log.info(
        { table: `${schema}.${name}`, reason: advice[0], todo: advice[1] },
        "replies from a table are not cached",
      );
    }
  };
}

type Advice = Partial<Record<UnknownReason, readonly [reason: string, todo: string]>>;

const ADVICE: Advice = {
  "no-identity": [
    "its rows cannot be told apart in the log",
    "give it a primary key, or alter table … replica identity full",
  ],
  "not-followed": [
    "the database user does not own it",
    "let its owner create a publication and name it with --changes-publication",
  ],
  "unlogged-table": ["its changes are not in the log", "alter table … set logged"],
};

const TRIGGER_ADVICE: Advice = {
  "not-followed": ["not all of its triggers for tracking are there", "run hotpath track install again"],
};
