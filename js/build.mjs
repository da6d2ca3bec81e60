// Builds one bundle for each widget into the Python package and holds its size.
import { gzipSync } from "node:zlib";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Most KiB a bundle may take, compressed: its text goes along in saved notebooks. */
const LIMITS = { run: 60, composer: 120, dashboard: 60 };
const BUNDLED = ["preact", "uplot", "@dagrejs/dagre", "@dagrejs/graphlib"];
const here = fileURLToPath(new URL(".", import.meta.url));
const out = `${here}../quantumflow_lab/widgets/static`;

mkdirSync(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: Object.keys(LIMITS).map((name) => ({ in: `src/${name}/index.tsx`, out: name })),
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
});

const licences = BUNDLED.map((name) => {
  const text = readFileSync(`${here}node_modules/${name}/LICENSE`, "utf8");
  return `${name}\n\n${text.trim()}\n`;
});
writeFileSync(`${out}/LICENSES.txt`, licences.join("\n---\n\n"));

for (const [name, limit] of Object.entries(LIMITS)) {
  const kib = (file) => gzipSync(readFileSync(`${out}/${file}`), { level: 9 }).length / 1024;
  const size = kib(`${name}.js`) + kib(`${name}.css`);
  console.log(`${name}: ${size.toFixed(1)} KiB gzip (limit ${limit})`);
  if (size > limit) process.exitCode = 1;
}
