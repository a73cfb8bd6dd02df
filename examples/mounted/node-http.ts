import { createServer } from "node:http";
import { api } from "./api.ts";

export const server = createServer(api.handler);
