// A process that runs a demo until it is killed: `node demo-process.ts DIRECTORY`. Says one line when it is ready.
import { prepareDemo } from "../../src/demo/demo.ts";

const demo = await prepareDemo({ directory: process.argv[2] ?? "", scale: 0.001 });
process.stdout.write(`${JSON.stringify(demo)}\n`);
process.stdin.resume();
