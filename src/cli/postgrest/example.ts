import type { Setting } from "./setting.ts";
import { SETTINGS } from "./table.ts";

/** A configuration file that says what each setting does; those without a default, and later ones, are commented out. */
export function exampleFile(): string {
  const blocks = SETTINGS.map((setting) => {
    const line = `${setting.name} = ${format(setting)}`;
    const isActive = setting.default !== "" && setting.isLater !== true;
    return `## ${setting.description}\n${isActive ? line : `# ${line}`}\n`;
  });
  return `${blocks.join("\n")}\n## For functions: current_setting('app.settings.name')\n# app.settings.name = "text"\n`;
}

function format({ type, default: initial }: Setting): string {
  return initial !== "" && (type === "boolean" || type === "integer") ? initial : JSON.stringify(initial);
}
