// Bundles main.jsx into the directory named by the first argument. It runs beside node_modules/.
import { build } from 'esbuild';
import { writeFileSync } from 'node:fs';

const [out] = process.argv.slice(2);
const nothing = 'nothing.js';
writeFileSync(nothing, 'module.exports = {};\n');
await build({
  entryPoints: ['main.jsx'],
  outfile: `${out}/main.js`,
  bundle: true,
  format: 'iife',
  logLevel: 'error',
  mainFields: ['browser', 'module', 'main'],
  conditions: ['browser', 'module', 'import'],
  loader: {
    '.js': 'jsx', '.svg': 'dataurl', '.png': 'dataurl', '.ttf': 'dataurl', '.eot': 'dataurl',
    '.woff': 'dataurl', '.woff2': 'dataurl',
  },
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'window' },
  alias: { fs: `./${nothing}`, path: `./${nothing}` },
});
