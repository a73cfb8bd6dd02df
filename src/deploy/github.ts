/** What a workflow is to run. */
export interface LoadWorkflow {
  /** The load test. */
  readonly script: string;
  /** What starts the API, in the background. */
  readonly start: string;
  /** Answers 200 as soon as the API is up. */
  readonly url: string;
  /** Percent by which a figure may get worse. */
  readonly tolerance: string;
}

/**
 * A workflow of GitHub that runs a load test on each pull request, on the same machine for the base and for the change: figures of two
 * machines cannot be compared. Thresholds fail it, and so does a figure that is worse with confidence.
 */
export function githubWorkflow({ script, start, url, tolerance }: LoadWorkflow): string {
  const run = (folder: string, name: string): string => `      - name: Load test of ${name}
        working-directory: ${folder}
        run: |
          npm ci
          ${start} &
          server=$!
          trap 'kill $server' EXIT
          timeout 60 sh -c 'until curl -fsS -o /dev/null "$0"; do sleep 1; done' ${quote(url)}
          npx hotpath load ${quote(script)} --duration 10s --quiet > /dev/null || true
          npx hotpath load ${quote(script)} --json ../${name}.json --html ../${name}.html --junit ../${name}.xml${name === "base" ? " || true" : ""}
`;
  return `name: Load test
on:
  pull_request:
permissions:
  contents: read
concurrency:
  group: load-test-\${{ github.ref }}
  cancel-in-progress: true
jobs:
  load:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
        with:
          ref: \${{ github.event.pull_request.base.sha }}
          path: base
      - uses: actions/checkout@v4
        with:
          path: change
      - uses: actions/setup-node@v4
        with:
          node-version: 24
${run("base", "base")}${run("change", "change")}      - name: Comparison
        working-directory: change
        run: |
          npx hotpath load compare ../base.json ../change.json --tolerance ${tolerance} | tee comparison.txt
          status=\${PIPESTATUS[0]}
          { echo '\`\`\`'; cat comparison.txt; echo '\`\`\`'; } >> "$GITHUB_STEP_SUMMARY"
          exit $status
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: load-test
          path: |
            *.html
            *.json
            *.xml
`;
}

/** As one word of a shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
