import express from "express";
import { around } from "hotpath/express";

export const app = express();

/** Before everything else: requests come to the application through it. */
export const pipeline = around(app, { limits: [{ name: "burst", quota: 1000, window: "1m", by: "ip" }] });
app.use(pipeline);
app.use(express.json());

let made = 0;
app.get("/items/:id", ({ params }, response) => {
  response
    .set("cache-control", "max-age=60")
    .json({ id: params.id, made: ++made, words: "a rather long text ".repeat(100) });
});
app.post("/items", ({ body }, response) => void response.status(201).json(body));
