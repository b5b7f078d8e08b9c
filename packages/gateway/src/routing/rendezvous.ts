/**
 * 32 bits, the same in every gateway: the worker whose name, hashed with a key as the seed, comes out highest is the key's
 * own (rendezvous hashing). FNV-1a, then MurmurHash3's finalizer, without which near names rank alike.
 */
export function hashText(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
