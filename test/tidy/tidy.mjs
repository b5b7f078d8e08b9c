// Checks what the linter cannot: the shape of the tree. `node test/tidy/tidy.mjs [folder]` prints each violation as
// `file:line: what is wrong` and exits with 1 when there is one. Plain JavaScript, so that it runs before any build.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Which of our packages each package may import; `test/` and tools may import any. */
const importsAllowed = {
  proto: [],
  shared: [],
  store: ['shared'],
  ort: [],
  worker: ['proto', 'shared', 'store', 'ort'],
  gateway: ['proto', 'shared', 'store'],
  bench: ['proto', 'shared', 'store', 'ort', 'worker', 'gateway', 'cli'],
  cli: ['proto', 'shared', 'store', 'ort', 'worker', 'gateway', 'bench'],
};

/** Packages whose code can be run in simulated time, and what only their `io/` folders and `main.ts` may touch. */
const simulatedPackages = ['shared', 'store', 'worker', 'gateway'];
const outsideWorld = [
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.hrtime\b/, 'a clock'],
  [/(?<![.\w#])(setTimeout|setInterval|setImmediate)\s*\(|['"]node:timers/, 'a timer'],
  [/\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\bgetRandomValues\b/, 'randomness'],
  [/['"]node:(net|tls|http|https|http2|dgram|dns)['"/]/, 'a socket'],
  [/(?<![.\w#])fetch\s*\(|['"]undici['"]/, 'a socket'],
  [/['"](node:)?fs(\/promises)?['"]/, 'files'],
  [/\bprocess\.env\b/, 'the environment'],
  [/['"]node:(child_process|worker_threads|cluster)['"]/, 'processes or threads'],
];

const linesMax = 500;
const machinePaths = /(?<![\w.])\/(?:root|home\/\w+|Users\/\w+|work)[\w-]*\/(?=[\w.])/;
/** In parts, so that this file does not name them. */
const registryHosts = new RegExp(
  [
    ['registry', 'npmjs'],
    ['registry', 'yarnpkg'],
    ['pypi', 'org/simple'],
    ['files', 'python[a-z]+'],
  ]
    .map((parts) => `\\b${parts.join('\\.')}\\b`)
    .join('|'),
);

/**
 * @typedef {{ readonly file: string, readonly line: number, readonly what: string }} Violation
 * @param {string} root the folder of the workspace
 * @returns {Violation[]}
 */
export function checkTree(root) {
  return listFiles(root).flatMap((file) => {
    if (!isText(file)) return [];
    const text = readFileSync(path.join(root, file), 'utf8');
    return [...checkEveryFile(file, text), ...checkSource(file, text), ...checkManifest(file, text)];
  });
}

function checkEveryFile(file, text) {
  // This file and its test hold the patterns themselves; pnpm's lock file is its own.
  if (file.startsWith('test/tidy/') || file === 'pnpm-lock.yaml') return [];
  return [
    ...eachLine(file, text, machinePaths, (found) => `names a path of one machine: ${found}`),
    ...eachLine(file, text, registryHosts, (found) => `names a registry's host: ${found}`),
  ];
}

function checkSource(file, text) {
  if (!/\.(ts|mts|mjs|js)$/.test(file) || /\/gen\//.test(file)) return [];
  const violations = [];
  const lines = text.split('\n').length - 1;
  if (lines > linesMax) violations.push({ file, line: linesMax, what: `has ${lines} lines, at most ${linesMax}` });
  if (file.startsWith('test/tidy/')) return violations;
  violations.push(
    ...eachLine(file, text, /\b(?:it|test|describe)\.only\b/, (found) => `leaves out every other test: ${found}`),
  );
  const [, name, inside] = /^packages\/([^/]+)\/src\/(.*)$/.exec(file) ?? [];
  if (name === undefined || inside === undefined) return violations;
  violations.push(...checkImports(file, text, name));
  const isOutside =
    /(^|\/)(io|testing|test-support)\//.test(inside) || inside === 'main.ts' || /\.(test|bench)\.ts$/.test(inside);
  if (simulatedPackages.includes(name) && !isOutside) {
    const code = withoutComments(text);
    for (const [pattern, thing] of outsideWorld) {
      violations.push(...eachLine(file, code, pattern, (found) => `touches ${thing} outside io/: ${found}`));
    }
  }
  return violations;
}

function checkImports(file, text, name) {
  const allowed = importsAllowed[name];
  if (allowed === undefined) return [{ file, line: 1, what: `package ${name} has no row in test/tidy/tidy.mjs` }];
  return eachLine(
    file,
    withoutComments(text),
    /['"]@sluice\/([\w-]+)|['"](?:\.\.\/)+([a-z]+)\/src\//,
    (found, groups) => {
      const other = groups[0] ?? groups[1];
      return other === name || allowed.includes(other)
        ? undefined
        : `package ${name} may not import ${other}: ${found}`;
    },
  );
}

/** Dependencies pinned to one version, and none of our own that the import rules forbid. */
function checkManifest(file, text) {
  if (!/^(packages\/[^/]+\/)?package\.json$/.test(file)) return [];
  const manifest = JSON.parse(text);
  const name = /^packages\/([^/]+)\//.exec(file)?.[1];
  const violations = [];
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']) {
    for (const [dependency, version] of Object.entries(manifest[kind] ?? {})) {
      const line = lineOf(text, text.indexOf(`"${dependency}"`));
      const ours = /^@sluice\/(.+)$/.exec(dependency)?.[1];
      if (
        ours !== undefined &&
        name !== undefined &&
        kind === 'dependencies' &&
        !importsAllowed[name]?.includes(ours)
      ) {
        violations.push({ file, line, what: `package ${name} may not depend on ${ours}` });
      }
      if (ours === undefined && !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
        violations.push({ file, line, what: `${dependency} ${version} must be pinned to one version` });
      }
    }
  }
  return violations;
}

function eachLine(file, text, pattern, describe) {
  return text.split('\n').flatMap((line, index) => {
    const match = pattern.exec(line);
    const what = match ? describe(match[0].trim(), match.slice(1)) : undefined;
    return what === undefined ? [] : [{ file, line: index + 1, what }];
  });
}

/** The text with comments blanked out, line numbers kept. Strings that hold `//` outside of `://` are not met here. */
function withoutComments(text) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:'"`/])\/\/.*$/gm, '$1');
}

/** What git tracks or would track; without git, everything outside the folders that are made. */
function listFiles(root) {
  try {
    const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: ['ignore', 'pipe', 'ignore'] };
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], options);
    return [...new Set(listed.split('\0'))].filter((file) => file !== '' && isFile(path.join(root, file))).sort();
  } catch {
    return readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => !/(^|\/)(node_modules|dist|\.git|\.sluice)(\/|$)/.test(file) && isFile(path.join(root, file)))
      .sort();
  }
}

function isFile(file) {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isText(file) {
  return /(\.(ts|mts|js|mjs|json|md|ya?ml|toml|proto|sh|py|txt|service|conf)|(^|\/)(Dockerfile|sluice|run|\.[\w]+ignore))$/.test(
    file,
  );
}

function lineOf(text, position) {
  return text.slice(0, Math.max(0, position)).split('\n').length;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = path.resolve(process.argv[2] ?? fileURLToPath(new URL('../..', import.meta.url)));
  const violations = checkTree(root);
  for (const { file, line, what } of violations) console.log(`${file}:${line}: ${what}`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
