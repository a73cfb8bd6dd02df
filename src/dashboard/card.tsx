import type { ComponentChildren } from "preact";

interface CardProps {
  readonly title: string;
  readonly note?: string;
  readonly id?: string;
  readonly side?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A part of the page under a heading. */
export function Card({ title, note, id, side, children }: CardProps) {
  return (
    <section class="card" id={id}>
      <header>
        <h2>
          {title}
          {note !== undefined && <small>{note}</small>}
        </h2>
        {side}
      </header>
      {children}
    </section>
  );
}
