import { systemMutants } from '../system/mutants/system-mutants.js';
import { mutants } from './mutants.js';

const query = /[?&]mutant=([\w-]+)/;
const sources = /packages\/(worker|gateway)\/src\//;

/** Where each bug goes, from packages/ on. */
const bugs = [...mutants.map((mutant) => ({ ...mutant, file: `worker/src/engine/${mutant.file}` })), ...systemMutants];

/** What vite asks of a plugin, as far as this one goes. */
interface BugPlugin {
  readonly name: string;
  readonly enforce: 'pre';
  resolveId(this: Resolver, source: string, importer: string | undefined): Promise<string | undefined>;
  transform(code: string, id: string): string | undefined;
}

interface Resolver {
  resolve(source: string, importer: string): Promise<{ readonly id: string } | null>;
}

/**
 * A plugin of the test runner. A module imported with `?mutant=NAME` behind it is a copy of its own, as are all of the
 * worker's and gateway's sources that it imports, and in the one file that the mutant names its bug is planted. So the mutant runs
 * beside the real engine in one process, and nothing on disk changes.
 */
export function plantBugs(): BugPlugin {
  return {
    name: 'sluice:plant-bugs',
    enforce: 'pre',
    async resolveId(source, importer) {
      const name = query.exec(importer ?? '')?.[1];
      if (name === undefined || importer === undefined || !source.startsWith('.')) return undefined;
      const resolved = await this.resolve(source, importer.replace(query, ''));
      return resolved !== null && sources.test(resolved.id) ? `${resolved.id}?mutant=${name}` : resolved?.id;
    },
    transform(code, id) {
      const name = query.exec(id)?.[1];
      const mutant = bugs.find((known) => known.name === name);
      if (mutant === undefined || !id.replace(query, '').endsWith(`packages/${mutant.file}`)) return undefined;
      const places = code.split(mutant.find).length - 1;
      if (places !== 1) throw new Error(`mutant ${mutant.name}: ${mutant.file} has ${places} places "${mutant.find}"`);
      return code.replace(mutant.find, () => mutant.replace);
    },
  };
}
