import type { Wheel } from '../models/catalogue.js';

/** A Python wheel with a C compiler for one kind of machine. */
export interface CompilerWheel extends Wheel {
  /** Of the wheel, lower-case hex. */
  readonly sha256: string;
  /** What is compiled for: this processor's architecture and no libraries, so that nothing of the machine's own is read. */
  readonly target: string;
}

/** Zig's, whose `zig cc` is clang with its headers and linker; MIT. One version, so that every machine's code is made alike. */
const release = { package: 'ziglang', version: '0.17.1' };

const wheels: Readonly<Record<string, CompilerWheel>> = {
  'linux x64': {
    ...release,
    wheelBytes: 101_083_562,
    sha256: 'ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54',
    target: 'x86_64-linux-none',
  },
  'linux arm64': {
    ...release,
    wheelBytes: 98_063_064,
    sha256: 'b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e',
    target: 'aarch64-linux-none',
  },
  'darwin arm64': {
    ...release,
    wheelBytes: 100_390_379,
    sha256: '09953b6af7f64168b915180a42774f520f92d86ef6331b28e33915c7e1f0bb23',
    target: 'aarch64-macos-none',
  },
};

/** Undefined where there is none: the others are machines that the runtime comes without, or Windows. */
export function compilerWheel(
  platform: NodeJS.Platform = process.platform,
  architecture: NodeJS.Architecture = process.arch,
): CompilerWheel | undefined {
  return wheels[`${platform} ${architecture}`];
}
