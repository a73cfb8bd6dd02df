import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import "./page.css";
import { Cache } from "./cache.tsx";
import { duration } from "./format.ts";
import { useLive } from "./live.ts";
import { Overview } from "./overview.tsx";
import { Parts } from "./parts.tsx";
import { Slowest } from "./slowest.tsx";
import { Statements } from "./statements.tsx";
import { AdviceList, Routes } from "./tables.tsx";
import { useTheme } from "./theme.ts";

const SECTIONS = ["top", "stages", "advice", "routes", "slowest", "statements", "cache", "parts"] as const;
const TITLES: Readonly<Record<string, string>> = { top: "Now", stages: "Stages", parts: "Parts" };

function Page() {
  const [isPaused, setPaused] = useState(false);
  const { theme, isDark, next } = useTheme();
  const { state, points, isConnected } = useLive(isPaused);
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      const section = SECTIONS[Number(event.key) - 1];
      if (section !== undefined) document.querySelector(`#${section}`)?.scrollIntoView({ behavior: "smooth" });
      else if (event.key === "p") setPaused((now) => !now);
      else if (event.key === "t") next();
      else if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLElement>("#search")?.focus();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  return (
    <>
      <nav>
        <a class="brand" href="#top">
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M2 11 6 5l3 4 5-7" />
          </svg>
          hotpath
        </a>
        <span class={isConnected ? "pill live" : "pill lost"} role="status">
          {!isConnected ? "no connection" : isPaused ? "paused" : "live"}
        </span>
        <div class="sections">
          {SECTIONS.filter((name) => name !== "advice" || (state?.advice.length ?? 0) > 0).map((name) => (
            <a key={name} href={`#${name}`}>
              {TITLES[name] ?? name}
            </a>
          ))}
        </div>
        <button onClick={() => setPaused(!isPaused)} title="p" aria-pressed={isPaused}>
          {isPaused ? "Go on" : "Pause"}
        </button>
        <button onClick={next} title="t">
          {theme === "auto" ? "Auto" : theme === "dark" ? "Dark" : "Light"}
        </button>
      </nav>
      <main id="top">
        {state === undefined ? (
          <p class="empty">Waiting for the server …</p>
        ) : (
          <>
            <Overview state={state} points={points} isDark={isDark} />
            <AdviceList advice={state.advice} />
            <Routes routes={state.routes} />
            <Slowest slowest={state.slowest} failed={state.failed} />
            <Statements statements={state.statements} stride={state.stride} />
            <Cache />
            <Parts gauges={state.gauges} />
            <footer>
              hotpath {state.version} on Node {state.node}, up {duration(state.upSeconds * 1000)} ·{" "}
              <a href="/metrics">/metrics</a> <a href="/ready">/ready</a> <a href="/reference">/reference</a>{" "}
              <a href="/advise">/advise</a> · keys: <kbd>1</kbd>–<kbd>8</kbd> sections, <kbd>/</kbd> search,{" "}
              <kbd>p</kbd> pause, <kbd>t</kbd> theme
            </footer>
          </>
        )}
      </main>
    </>
  );
}

function isTyping({ target }: KeyboardEvent): boolean {
  return target instanceof HTMLInputElement;
}

const place = document.querySelector("#page");
if (place !== null) render(<Page />, place);
