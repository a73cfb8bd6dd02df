import express from "express";
import { hotpath } from "hotpath/express";
import { api } from "./api.ts";

export const app = express();

// Before body parsers. What the API does not serve goes on to the application.
app.use(hotpath(api));
app.use(express.json());
app.get("/own", (_request, response) => void response.json({ from: "express" }));
