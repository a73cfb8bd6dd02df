import { useEffect, useState } from "preact/hooks";
import type { BrowsedReply } from "../cache/engine/index.ts";
import { Card } from "./card.tsx";
import { bytes } from "./format.ts";
import { Table } from "./table.tsx";

const REFRESH_MS = 5000;

/** What is stored, to be looked through and purged by tag. */
export function Cache() {
  const [text, setText] = useState("");
  const [replies, setReplies] = useState<readonly BrowsedReply[]>([]);
  const [told, setTold] = useState("");
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    fetch(`/dashboard/cache?q=${encodeURIComponent(text)}`, { signal: controller.signal })
      .then(async (response) => setReplies((await response.json()) as BrowsedReply[]))
      .catch(() => undefined);
    return () => controller.abort();
  }, [text, version]);
  useEffect(() => {
    // Looking for a text means looking at everything that is stored: only when asked.
    const timer = text === "" ? setInterval(() => setVersion((now) => now + 1), REFRESH_MS) : undefined;
    return () => clearInterval(timer);
  }, [text]);
  const purge = async (tag: string): Promise<void> => {
    const response = await fetch(`/purge?tag=${encodeURIComponent(tag)}`, { method: "POST" });
    const { purged } = (await response.json()) as { purged?: number };
    setTold(response.ok ? `${tag}: ${purged} gone` : "It could not be purged.");
    setVersion((now) => now + 1);
  };
  return (
    <Card
      title="Cache"
      note={told || `${replies.length} replies`}
      id="cache"
      side={
        <div class="tools">
          <input
            id="search"
            type="search"
            placeholder="URL or tag"
            aria-label="URL or tag"
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
          <button onClick={() => setVersion((now) => now + 1)}>Look again</button>
        </div>
      }
    >
      <Table
        rows={replies}
        keyOf={({ url, ageSeconds, bytes: size }) => `${url} ${ageSeconds} ${size}`}
        by="Age"
        empty={text === "" ? "Nothing is stored." : "Nothing stored matches."}
        columns={[
          {
            name: "Reply",
            isText: true,
            sort: ({ url }) => url,
            show: ({ url, isPrivate, status }) => (
              <code class="cut">
                {status !== 200 && <b>{status} </b>}
                {url.replace(/^https?:\/\/[^/]+/, "")}
                {isPrivate && <span class="chip">for one identity</span>}
              </code>
            ),
          },
          { name: "Size", sort: (row) => row.bytes, show: (row) => bytes(row.bytes) },
          { name: "Age", sort: (row) => -row.ageSeconds, show: (row) => `${row.ageSeconds} s` },
          {
            name: "Tags",
            isText: true,
            show: ({ tags }) =>
              tags.slice(0, 6).map((tag) => (
                <button class="chip" key={tag} title={`Purge ${tag}`} onClick={() => void purge(tag)}>
                  {tag} ×
                </button>
              )),
          },
        ]}
      />
    </Card>
  );
}
