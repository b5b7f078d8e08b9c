import type { BindingCompiler, CompiledHandle, GrammarBinding } from './grammar-binding.js';

/**
 * An object of the grammar library as data: the memory of the WebAssembly instance that holds it, without its empty
 * pages, and the object's address. The library cannot write a grammar down, but an instance of the same module into which
 * the memory is put is that instance again, on whatever thread: so grammars are compiled where they hold nobody up.
 */
export interface FrozenMemory {
  /** [pages, PAGE_BYTES], those that are not all zero. */
  readonly pages: Uint8Array<ArrayBuffer>;
  /** Parallel: which page of the memory each is, rising. */
  readonly pageNumbers: Uint32Array<ArrayBuffer>;
  /** Of the whole memory. */
  readonly memoryBytes: number;
  readonly address: number;
}

const PAGE_BYTES = 4_096;

export function freeze(binding: GrammarBinding, held: { readonly $$: { readonly ptr: number } }): FrozenMemory {
  const memory = binding.HEAPU8;
  const words = wordsOf(memory);
  const numbers: number[] = [];
  for (let page = 0; page < memory.length / PAGE_BYTES; page++) if (!isEmpty(words, page)) numbers.push(page);
  const pages = new Uint8Array(numbers.length * PAGE_BYTES);
  for (const [index, page] of numbers.entries()) {
    pages.set(memory.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES), index * PAGE_BYTES);
  }
  return { pages, pageNumbers: Uint32Array.from(numbers), memoryBytes: memory.length, address: held.$$.ptr };
}

/** The frozen grammar in a fresh instance, which is then good for nothing else. Some milliseconds. */
export function thawGrammar(binding: GrammarBinding, frozen: FrozenMemory): CompiledHandle {
  const handle = anyCompiler(binding).CompileGrammar(binding.Grammar.FromEBNF('root ::= "a"', 'root'));
  // Only the module's own allocator can make its memory grow.
  if (frozen.memoryBytes > binding.HEAPU8.length) new binding.VectorInt().resize(frozen.memoryBytes / 4, 0);
  return thaw(binding, frozen, handle);
}

/** The frozen compiler in an instance that has not grown beyond it, whatever was done with that. Some milliseconds. */
export function thawCompiler(binding: GrammarBinding, frozen: FrozenMemory, old?: BindingCompiler): BindingCompiler {
  const handle = old ?? anyCompiler(binding);
  return thaw(binding, frozen, handle);
}

/** @param handle of an object of the same kind: the library gives no other way to what its functions take. */
function thaw<T extends { readonly $$: { ptr: number } }>(binding: GrammarBinding, frozen: FrozenMemory, handle: T): T {
  const memory = binding.HEAPU8;
  const words = wordsOf(memory);
  let next = 0;
  for (let page = 0; page < memory.length / PAGE_BYTES; page++) {
    if (frozen.pageNumbers[next] === page) {
      memory.set(frozen.pages.subarray(next * PAGE_BYTES, (next + 1) * PAGE_BYTES), page * PAGE_BYTES);
      next += 1;
    } else if (!isEmpty(words, page)) {
      // A page that nothing was written to takes no memory of the machine, and stays so.
      memory.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    }
  }
  handle.$$.ptr = frozen.address;
  return handle;
}

function anyCompiler(binding: GrammarBinding): BindingCompiler {
  const tokens = binding.vecStringFromJSArray(['a', '']);
  const tokenizer = new binding.TokenizerInfo(tokens, 'RAW', 2, binding.vecIntFromJSArray([1]), false);
  return new binding.GrammarCompiler(tokenizer, 1, false);
}

function wordsOf(memory: Uint8Array): Int32Array {
  return new Int32Array(memory.buffer, memory.byteOffset, memory.byteLength / 4);
}

function isEmpty(words: Int32Array, page: number): boolean {
  const end = ((page + 1) * PAGE_BYTES) / 4;
  for (let index = (page * PAGE_BYTES) / 4; index < end; index++) if (words[index] !== 0) return false;
  return true;
}
