import { tellMetrics } from "../workers/told-metrics.ts";
import type { Question } from "../workers/messages.ts";
import type { Service } from "./service.ts";

/** Answers what the supervisor of workers asks one of them, for its admin listener. */
export function answerSupervisor(service: Service, question: Question): unknown {
  switch (question.what) {
    case "metrics":
      return tellMetrics(service.metrics.read(/./));
    case "readiness":
      return service.readiness();
    case "dashboard":
      return service.dashboard?.state();
    case "plan":
      return service.dashboard?.plan(question.id);
    case "asked":
      return service.asked();
    case "advise":
      return service.advise?.(question.alsoAsked);
    case "advises":
      return service.advise !== undefined;
    case "reference":
      return service.reference;
    case "browse":
      return service.browse?.(question.text, question.most);
    case "purge":
      return service.purger?.purge(question.selector as Parameters<NonNullable<Service["purger"]>["purge"]>[0]);
    case "purge-url":
      return service.purger?.purgeUrl(question.url);
    default:
      return question satisfies never;
  }
}
