#include "tiles.h"

int has_tiles;

#if !defined(__AMX_INT8__) || !defined(__linux__)

void ask_for_tiles(void) {}

#else

/* asm/prctl.h: a process gets the 8 KB that each of its threads needs for tiles by asking for them. */
enum { SYS_ARCH_PRCTL = 158, ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

void ask_for_tiles(void) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(SYS_ARCH_PRCTL), "D"(ARCH_REQ_XCOMP_PERM), "S"(XFEATURE_XTILEDATA)
                   : "rcx", "r11", "memory");
  has_tiles = result == 0;
}

#endif

#ifdef __AMX_INT8__

typedef struct {
  uint8_t palette, start, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} Sizes;

void open_tiles(size_t rows) {
  const Sizes sizes = {
      .palette = 1,
      .row_bytes = {TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES},
      .rows = {rows, rows, rows, rows, rows, rows, TILE, TILE},
  };
  _tile_loadconfig(&sizes);
}

#endif
