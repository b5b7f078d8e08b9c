#pragma once

/*
 * Tiles: sixteen rows of 64 bytes, which some processors (Intel's AMX) multiply by one another as a whole. Sums of products of
 * bytes are as exact there as in add_products, so that nobody can tell where they were made.
 */

#include <stddef.h>
#include <stdint.h>

/* Rows of a tile, and its bytes in a row: of bytes that are multiplied, or of 16 sums. */
enum { TILE = 16, TILE_BYTES = 64 };

/* Whether the processor has tiles, and the system lets this process use them. Known once operators are registered. */
extern int has_tiles;

/* Asks the system. */
void ask_for_tiles(void);

#ifdef __AMX_INT8__

#include <immintrin.h>

/* What tiles are used as: four of sums (two rows of two, or one of four), those of rows, and those of columns. */
enum { SUMS = 0, FIRST_ROWS = 4, SECOND_ROWS = 5, FIRST_COLUMNS = 6, SECOND_COLUMNS = 7 };

/* Gives this thread's tiles their sizes: 1 to TILE rows, all of them in those of columns, and 64 bytes for everything. */
void open_tiles(size_t rows);

/* Gives them back, so that nobody saves and restores what is in them. */
static inline void close_tiles(void) { _tile_release(); }

#endif
