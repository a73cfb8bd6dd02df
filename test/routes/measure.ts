// Whether a serializer that knows a reply's structure beats JSON.stringify: node test/routes/measure.ts
const write = JSON.stringify;

function make(id: number) {
  const name = `user_${id}`;
  return { id, name, email: `${name}@example.com`, active: id % 3 !== 0, score: id / 4, tags: ["a", "b", "c"] };
}
type User = ReturnType<typeof make>;

/** What JSON escapes. */
// oxlint-disable-next-line no-control-regex -- these are what it looks for
const SPECIAL = /[\u0000-\u001f"\\\ud800-\udfff]/;

function text(value: string): string {
  return SPECIAL.test(value) ? write(value) : `"${value}"`;
}

/** What a generator of serializers makes of the structure. */
function serialize({ id, name, email, active, score, tags }: User): string {
  let list = "";
  for (const tag of tags) list += list === "" ? text(tag) : `,${text(tag)}`;
  return `{"id":${id},"name":${text(name)},"email":${text(email)},"active":${active},"score":${score},"tags":[${list}]}`;
}

const users = Array.from({ length: 100 }, (_, id) => make(id));
const WAYS: Readonly<Record<string, (users: readonly User[]) => number>> = {
  "one by one, JSON.stringify": (all) => all.reduce((bytes, user) => bytes + Buffer.byteLength(write(user)), 0),
  "one by one, generated": (all) => all.reduce((bytes, user) => bytes + Buffer.byteLength(serialize(user)), 0),
  "a list, JSON.stringify": (all) => Buffer.byteLength(write(all)),
  "a list, generated": (all) => Buffer.byteLength(`[${all.map(serialize).join(",")}]`),
};
const ROUNDS = 5000;
for (const [name, run] of [...Object.entries(WAYS), ...Object.entries(WAYS)]) {
  for (let round = 0; round < ROUNDS / 5; round++) run(users);
  const startedAt = performance.now();
  for (let round = 0; round < ROUNDS; round++) run(users);
  const each = ((performance.now() - startedAt) / ROUNDS / users.length) * 1000;
  process.stdout.write(`${name}: ${each.toFixed(3)} µs each\n`);
}
