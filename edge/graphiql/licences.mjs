// Licences of everything inside the vendored files, for refresh.sh; reads node_modules of the current folder.
//   node licences.mjs missing   packages that are bundled but not installed, so that their licences can be fetched
//   node licences.mjs write     the text of LICENCES.txt; fails where a package has neither a licence file nor names a licence
import { existsSync, readFileSync, readdirSync } from "node:fs";

const FONTS = ["@fontsource/roboto", "@fontsource/fira-code"]; // Inside graphiql.min.css as data.
const ROOTS = ["graphiql", "react", "react-dom", "scheduler"]; // react-dom's file has scheduler inside.
// Folders of the repository where GraphiQL is built, and the packages that they are published as.
const WORKSPACE = new Map([
  ["graphiql-react", "@graphiql/react"],
  ["graphiql-toolkit", "@graphiql/toolkit"],
  ["graphiql-plugin-doc-explorer", "@graphiql/plugin-doc-explorer"],
  ["graphiql-plugin-history", "@graphiql/plugin-history"],
]);

function bundled() {
  const map = JSON.parse(readFileSync("node_modules/graphiql/graphiql.min.js.map", "utf8"));
  const names = new Set([...ROOTS, ...FONTS]);
  for (const source of map.sources) {
    const installed = [...source.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)].at(-1);
    const folder = /^\.\.\/\.\.\/([^/.]+)\//.exec(source);
    if (installed) names.add(installed[1]);
    else if (folder) names.add(WORKSPACE.get(folder[1]) ?? folder[1]);
  }
  return [...names].sort();
}

function licenceOf(name) {
  const folder = `node_modules/${name}`;
  const about = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)(\.|$)/i.test(entry));
  if (file) return readFileSync(`${folder}/${file}`, "utf8").replaceAll("\r\n", "\n").trim();
  if (!about.license) throw new Error(`${name} names no licence`);
  const author = typeof about.author === "string" ? about.author : about.author?.name;
  return `${about.license}${author ? `, ${author}` : ""} (the package has no file with the text)`;
}

function write(names) {
  const packagesByText = new Map();
  for (const name of names) {
    const text = licenceOf(name);
    packagesByText.set(text, [...(packagesByText.get(text) ?? []), name]);
  }
  const rule = "-".repeat(80);
  console.log("What the files in this folder are made of, and under which licences.");
  for (const [text, packages] of packagesByText) console.log(`\n${rule}\n${packages.join(", ")}\n${rule}\n\n${text}`);
}

const names = bundled();
if (process.argv[2] === "missing") console.log(names.filter((name) => !existsSync(`node_modules/${name}/package.json`)).join(" "));
else if (process.argv[2] === "write") write(names);
else throw new Error("say `missing` or `write`");
