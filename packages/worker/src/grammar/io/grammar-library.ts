import { readFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { assert } from '@sluice/shared';
import type { GrammarBinding } from '../grammar-binding.js';

/** The little of it that is needed: its types come with the DOM, which is not here. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: object) => WasmInstance;
};
type WasmModule = { readonly kind?: 'module' };
type WasmInstance = { readonly exports: object };

interface Library {
  /** Emscripten's factory; see "Module object" in its documentation. */
  readonly create: (options: {
    readonly thisProgram: string;
    readonly print: (line: string) => void;
    readonly printErr: (line: string) => void;
    readonly instantiateWasm: (imports: object, done: (instance: WasmInstance) => void) => object;
  }) => Promise<GrammarBinding>;
  readonly module: WasmModule;
}

let library: Library | undefined;

/**
 * A new instance of the grammar library, with a memory of its own; the first takes some 50 ms more.
 * @param onError hears what the library says before it aborts.
 */
export function createBinding(onError: (line: string) => void = () => {}): Promise<GrammarBinding> {
  library ??= load();
  const { create, module } = library;
  return create({
    // Goes into the module's memory, where all instances have to be alike (frozen-grammar.ts).
    thisProgram: 'grammar',
    print: () => {},
    printErr: onError,
    instantiateWasm: (imports, done) => {
      const instance = new WebAssembly.Instance(module, imports);
      done(instance);
      return instance.exports;
    },
  });
}

/**
 * The package holds a UMD file and calls it an ES module, so neither `import` nor `require` gets what it exports: it is
 * compiled as CommonJS here. Its doors share one instance and make a promise of every mask, so the module's own factory,
 * which the file keeps to itself, is let out.
 */
function load(): Library {
  const path = createRequire(import.meta.url).resolve('@mlc-ai/web-xgrammar');
  const source = readFileSync(path, 'utf8');
  const wasm = /data:application\/octet-stream;base64,([A-Za-z0-9+/=]+)/.exec(source)?.[1];
  const door = 'exports.default = index;';
  assert(wasm !== undefined && source.includes(door), `${path} is not the version that this was written for`);
  const compiled = new Module(path) as InstanceType<typeof Module> & {
    _compile(code: string, filename: string): void;
    exports: { create: Library['create'] };
  };
  compiled._compile(source.replace(door, `${door} exports.create = Module;`), path);
  return { create: compiled.exports.create, module: new WebAssembly.Module(Buffer.from(wasm, 'base64')) };
}
