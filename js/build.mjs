// Builds one bundle for each widget into the Python package and holds its size.
import { gzipSync } from "node:zlib";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Most KiB a bundle may take, compressed: its text goes along in saved notebooks. */
const LIMITS = { run: 60, composer: 120, dashboard: 60 };
/** The same for what JupyterLab loads at its start. */
const EXTENSION_LIMIT = 60;
const BUNDLED = ["preact", "uplot", "@dagrejs/dagre", "@dagrejs/graphlib"];
const here = fileURLToPath(new URL(".", import.meta.url));
const out = `${here}../quantumflow_lab/widgets/static`;
const data = `${here}../quantumflow_lab.data/data/share/jupyter/labextensions`;
const extension = `${data}/quantumflow_lab/static`;

const options = {
  absWorkingDir: here,
  bundle: true,
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
};

mkdirSync(out, { recursive: true });
await build({
  ...options,
  entryPoints: Object.keys(LIMITS).map((name) => ({ in: `src/${name}/index.tsx`, out: name })),
  outdir: out,
  format: "esm",
});
// A script that runs as it is, not a module: JupyterLab waits for it and asks it for parts.
await build({
  ...options,
  entryPoints: [{ in: "src/lab/container.ts", out: "extension" }],
  outdir: extension,
  format: "iife",
});

const licences = (names) =>
  names
    .map((name) => `${name}\n\n${readFileSync(`${here}node_modules/${name}/LICENSE`, "utf8").trim()}\n`)
    .join("\n---\n\n");
writeFileSync(`${out}/LICENSES.txt`, licences(BUNDLED));
writeFileSync(`${extension}/LICENSES.txt`, licences(["preact"]));

/** Refuses a bundle that is above its limit together with its styles. */
function weigh(folder, name, limit) {
  const kib = (file) => gzipSync(readFileSync(`${folder}/${file}`), { level: 9 }).length / 1024;
  const size = kib(`${name}.js`) + kib(`${name}.css`);
  if (size <= limit) return;
  console.error(`${name} is ${size.toFixed(1)} KiB compressed, above its limit of ${limit}`);
  process.exitCode = 1;
}
for (const [name, limit] of Object.entries(LIMITS)) weigh(out, name, limit);
weigh(extension, "extension", EXTENSION_LIMIT);
