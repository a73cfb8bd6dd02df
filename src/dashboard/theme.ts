import { useEffect, useLayoutEffect, useState } from "preact/hooks";

export type Theme = "auto" | "light" | "dark";

const NEXT: Readonly<Record<Theme, Theme>> = { auto: "light", light: "dark", dark: "auto" };

/** The theme, which is the system's until someone chooses, and whether that is a dark one. */
export function useTheme(): { theme: Theme; isDark: boolean; next: () => void } {
  const [theme, setTheme] = useState<Theme>(() => read());
  const [systemIsDark, setSystem] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const changed = (): void => setSystem(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  // Before charts, in their effects, read its colours.
  useLayoutEffect(() => {
    document.documentElement.dataset["theme"] = theme;
    localStorage.setItem("theme", theme);
  }, [theme]);
  return {
    theme,
    isDark: theme === "auto" ? systemIsDark : theme === "dark",
    next: () => setTheme((now) => NEXT[now]),
  };
}

function read(): Theme {
  const stored = localStorage.getItem("theme");
  return stored === "light" || stored === "dark" ? stored : "auto";
}

/**
 * A colour of the theme that is in use, as canvases take it. Read from an element, since a variable itself says both colours.
 *
 * @param opacity from 0 to 1
 */
export function colour(name: string, opacity = 1): string {
  const probe = document.createElement("i");
  probe.style.color = `color-mix(in srgb, var(--${name}) ${opacity * 100}%, transparent)`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
