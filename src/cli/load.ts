import type { Command } from "./command.ts";

/** `hotpath load`: load tests, from a URL or a k6 script. */
export const load: Command = {
  name: "load",
  summary: "Test how an API bears load: a URL, or a k6 script as it is.",
  usage: [
    "load URL [--rate 500] [--duration 30s] [--connections 50] [flags]",
    "load SCRIPT.js|SCRIPT.ts [--vus 50] [--duration 30s] [flags]",
    "load SCRIPT.yml [flags]",
    "load --record access.log|visit.har|openapi.json --out test.js",
    "load compare before.json after.json [--tolerance 5]",
  ],
  positionals: [
    { name: "URL|SCRIPT", description: "What to ask, or the script that does." },
    { name: "BEFORE", description: "compare: a result of --json." },
    { name: "AFTER", description: "compare: another." },
  ],
  flags: [
    { name: "duration", short: "d", value: "TIME", description: "How long: 30s, 5m. [what the script says; URL: 10s]" },
    {
      name: "stage",
      short: "s",
      value: "TIME:TARGET",
      isRepeatable: true,
      description: "Go to that many VUs (or requests/s, with --rate) in that time; may be given several times.",
    },
    {
      name: "threshold",
      value: "METRIC:CONDITION",
      isRepeatable: true,
      description: "What must hold, such as `http_req_duration:p(99)<200`; else the exit status is 99.",
    },
    {
      name: "host",
      value: "NAME=TARGET",
      isRepeatable: true,
      description: "Send what is for that host elsewhere: api.example.com=127.0.0.1:8443, or =http://127.0.0.1:3000.",
    },
    { name: "insecure", description: "Accept any certificate." },
    {
      name: "workers",
      value: "N",
      description: "Processes that make load. [one a core but one, if there is work for them]",
    },
    { name: "vus", short: "u", value: "N", description: "Script: virtual users, in place of what its options say." },
    { name: "iterations", short: "i", value: "N", description: "Script: iterations, shared among the VUs." },
    {
      name: "env",
      short: "e",
      value: "NAME=VALUE",
      isRepeatable: true,
      description: "Script: a value of __ENV, beside the variables of the environment.",
    },
    { name: "tag", value: "NAME=VALUE", isRepeatable: true, description: "Script: a tag of every sample." },
    {
      name: "rate",
      value: "N",
      description: "URL: requests a second, sent when they are due, whatever became of those before.",
    },
    { name: "connections", value: "N", description: "URL: keep-alive connections. [10, with --rate 50]" },
    { name: "requests", value: "N", description: "URL: end after that many." },
    { name: "method", short: "X", value: "METHOD", description: "URL: method. [GET, with --body POST]" },
    { name: "header", short: "H", value: "NAME:VALUE", isRepeatable: true, description: "URL: a header field." },
    { name: "body", value: "TEXT|@FILE", description: "URL: content." },
    { name: "timeout", value: "TIME", description: "URL: how long a reply may take. [30s]" },
    { name: "http2", description: "URL: HTTP/2, with prior knowledge where there is no TLS." },
    { name: "streams", value: "N", description: "URL: requests at a time on a connection of HTTP/2. [10]" },
    { name: "json", value: "FILE", description: "Write the whole result, which compare reads." },
    {
      name: "record",
      value: "FILE",
      description: "Make a script of an access log, HAR or OpenAPI instead of running one.",
    },
    { name: "out", value: "FILE", description: "Where the script goes. [standard output]" },
    { name: "artillery", value: "FILE", description: "Write the test for Artillery instead, of a URL or of --record." },
    { name: "html", value: "FILE", description: "Write a report to be read, as one page that needs nothing else." },
    { name: "junit", value: "FILE", description: "Write thresholds and checks for a CI system." },
    { name: "prometheus", value: "FILE", description: "Write metrics in Prometheus's text format." },
    {
      name: "server-metrics",
      value: "URL",
      description: "Metrics of a hotpath server, shown beside the client's. [port 3001 of a server on this machine]",
    },
    { name: "tolerance", value: "PERCENT", description: "compare: a change of less is none. [5]" },
    { name: "full", description: "Summary with the parts that a request's time consists of." },
    { name: "quiet", short: "q", description: "Show nothing but the summary." },
  ],
  scopes: [],
  examples: [
    "hotpath load http://127.0.0.1:3000/users --connections 50 --duration 30s",
    "hotpath load http://127.0.0.1:3000/users --rate 500 --threshold 'http_req_response_time:p(99)<50'",
    "hotpath load test.js --host api.example.com=http://127.0.0.1:3000 -e API_TOKEN=secret",
  ],
  async run(input) {
    const { runLoadCommand } = await import("../load/command/run-command.ts");
    return runLoadCommand(input);
  },
};
