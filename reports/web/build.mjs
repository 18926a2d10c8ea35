// Copies the chart library and the licences of all that is bundled in it to
// dist/, from where the Go build embeds them.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const here = fileURLToPath(new URL(".", import.meta.url));
const modules = join(here, "node_modules");
const dist = join(here, "dist");
const version = (name) => JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")).version;

const licences = [
  [`Apache ECharts ${version("echarts")}`, "echarts/LICENSE"],
  [`Apache ECharts ${version("echarts")}, notice`, "echarts/NOTICE"],
  ["d3, parts of which ECharts bundles", "echarts/licenses/LICENSE-d3"],
  [`ZRender ${version("zrender")}, bundled in ECharts`, "zrender/LICENSE"],
  [`tslib ${version("tslib")}, bundled in ECharts`, "tslib/LICENSE.txt"],
];

mkdirSync(dist, { recursive: true });
copyFileSync(join(modules, "echarts/dist/echarts.min.js"), join(dist, "echarts.min.js"));
const rule = "=".repeat(78);
writeFileSync(
  join(dist, "LICENSES.txt"),
  licences
    .map(([what, file]) => `${rule}\n${what}\n${rule}\n\n${readFileSync(join(modules, file), "utf8").trim()}\n`)
    .join("\n\n"),
);
