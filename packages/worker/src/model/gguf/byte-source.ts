/** Random access to the bytes of one file, so that the reader needs no file system. */
export interface ByteSource {
  /** What errors call it: a path. */
  readonly name: string;
  readonly byteCount: number;

  /**
   * Exactly `count` bytes from `offset` on, at the start of a buffer of their own. The caller stays within `byteCount`.
   * @throws ServingError 'model_unusable' when the file no longer gives them (it shrank, the disk failed).
   */
  read(offset: number, count: number): Promise<Uint8Array<ArrayBuffer>>;

  close(): Promise<void>;
}

/** Bytes in memory as a source, for what was just made. */
export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  return {
    name,
    byteCount: bytes.length,
    read: (offset, count) => Promise.resolve(bytes.slice(offset, offset + count)),
    close: () => Promise.resolve(),
  };
}
