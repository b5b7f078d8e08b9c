/*
 * Rows of a table in 8-bit blocks: quants around 128 [rows, blocks, 32], and scales [rows, blocks, 1]. What a row becomes is what the
 * runtime's GatherBlockQuantized makes of it, to the bit.
 */

#include "operator.h"
#include "quantize.h"

/* Channels of a block. */
enum { CHANNELS = 32 };
/* Tokens that a thread takes at once: fewer are not worth handing out. */
enum { TOKENS_AT_ONCE = 64 };

typedef struct {
  const uint8_t *quants;
  const float *scales;
  const int64_t *ids;
  float *rows;
  size_t tokens, blocks;
} Table;

static void look_up_some(void *state, size_t index) {
  const Table *table = state;
  const size_t first = index * TOKENS_AT_ONCE, end = first + TOKENS_AT_ONCE < table->tokens ? first + TOKENS_AT_ONCE : table->tokens;
  for (size_t token = first; token < end; token++) {
    const size_t from = (size_t)table->ids[token] * table->blocks, to = token * table->blocks;
    for (size_t block = 0; block < table->blocks; block++) {
      const floats scale = all(table->scales[from + block]);
      for (size_t i = 0; i < CHANNELS; i += LANES) {
        const bytes quants = *(const loose_bytes *)(table->quants + (from + block) * CHANNELS + i);
        const integers levels = __builtin_convertvector(quants, integers) - ZERO_POINT;
        store(table->rows + (to + block) * CHANNELS + i, __builtin_convertvector(levels, floats) * scale);
      }
    }
  }
}

static void compute_look_up(Call *call) {
  const Tensor quants = input_of(call, 0, 3), ids = input_of(call, 1, 1), scales = input_of(call, 2, 3);
  const size_t tokens = ids.lengths[0], blocks = quants.lengths[1];
  require(call, quants.lengths[2] == CHANNELS, "LookUp: blocks must have 32 channels");
  require(call, scales.lengths[0] == quants.lengths[0] && (size_t)scales.lengths[1] == blocks, "LookUp: there must be a scale for each block");
  for (size_t token = 0; token < tokens && call->failure == NULL; token++) {
    const int64_t id = ((const int64_t *)ids.data)[token];
    require(call, id >= 0 && id < quants.lengths[0], "LookUp: there is no such row");
  }
  Table table = {quants.data, scales.data, ids.data, output_of(call, 0, (int64_t[]){tokens, blocks * CHANNELS}, 2), tokens, blocks};
  if (call->failure == NULL) in_parallel(call, look_up_some, (tokens + TOKENS_AT_ONCE - 1) / TOKENS_AT_ONCE, &table);
}

Operator look_up = {
    .name = "LookUp",
    .inputs = {BYTES, LONG_INTEGERS, FLOATS},
    .outputs = {FLOATS},
    .compute = compute_look_up,
};
