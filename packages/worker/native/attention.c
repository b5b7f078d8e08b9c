/*
 * Attention of all tokens of a pass, whichever sequences they are of, over keys and values in slots (Dao et al. 2022: softmax
 * block by block, never a whole row of scores).
 *
 *   qkv [tokens, heads + 2 kvHeads] ─ rotate ─┬─ keys, values ─▶ slots [slot, kvHead, ..]
 *                                             └─ queries ─▶ for every block of positions: scores, softmax, values
 *
 * Slots keep floats (attention-floats.c) or integers (attention-integers.c). First every token's keys and values are written,
 * then all tokens attend. What is computed for a token is the same whatever else is in the pass and whether it comes alone or
 * in a chunk: blocks begin at multiples of their length, every sum runs over channels, then over positions, in order, and what is masked
 * adds zeros.
 */

#include "attention.h"

/* ── Rotating and writing ─ */

/* Tokens that a thread takes at once. */
enum { TOKENS_AT_ONCE = 8 };

static void write_tokens(void *state, size_t index) {
  const Pass *pass = state;
  const size_t end = (index + 1) * TOKENS_AT_ONCE;
  for (size_t token = index * TOKENS_AT_ONCE; token < end && token < pass->tokens; token++) pass->way->write(pass, token);
}

/* ── Sharing out ─ */

/* A pass in pieces: runs of tokens, by the token that each begins with and the one behind the last, times heads that share keys. */
typedef struct {
  const Pass *pass;
  const int32_t *starts;
  size_t pieces;
} Plan;

static int follows(const Pass *pass, size_t token) {
  return pass->slots[token] == pass->slots[token - 1] && pass->positions[token] == pass->positions[token - 1] + 1;
}

/* The token behind the piece that begins with `first`: tokens of a slot that follow one another, `at_once` at most. */
static size_t piece_end(const Pass *pass, size_t first, size_t at_once) {
  size_t end = first + 1;
  while (end < pass->tokens && end - first < at_once && follows(pass, end)) end++;
  return end;
}

static Piece piece_at(const Plan *plan, size_t index) {
  const size_t run = index / plan->pass->kv_heads, first = plan->starts[run];
  return (Piece){first, plan->starts[run + 1] - first, index % plan->pass->kv_heads};
}

static void attend_piece(void *state, size_t index) {
  const Plan *plan = state;
  const Piece none = {0};
  plan->pass->way->attend(plan->pass, piece_at(plan, index), index + 1 < plan->pieces ? piece_at(plan, index + 1) : none);
}

static void compute_attention(Call *call) {
  const Tensor qkv = input_of(call, 0, 2), keys = input_of(call, 2, 4), values = input_of(call, 3, 4), cos = input_of(call, 6, 2);
  const size_t heads = call->integers[0], kv_heads = call->integers[1], capacity = keys.lengths[2];
  const int is_whole = keys.type == BYTES;
  const size_t head_dim = keys.lengths[3] - (is_whole ? SCALE_BYTES : 0), tokens = qkv.lengths[0];
  const Pass pass = {
      .way = is_whole ? &integers_way : &floats_way,
      .qkv = qkv.data,
      .scale = input_of(call, 1, 2).data,
      .keys = keys.data,
      .values = values.data,
      .is_short = keys.type == SHORT_FLOATS,
      .slots = input_of(call, 4, 1).data,
      .positions = input_of(call, 5, 1).data,
      .cos = cos.data,
      .sin = input_of(call, 7, 2).data,
      .attended = output_of(call, 0, (int64_t[]){tokens, heads * head_dim}, 2),
      .tokens = tokens,
      .heads = heads,
      .kv_heads = kv_heads,
      .head_dim = head_dim,
      .capacity = capacity,
      .interleaved = call->integers[2] != 0,
      .window = call->integers[3],
  };
  if (call->failure != NULL || tokens == 0) return;
  require(call, kv_heads > 0 && heads % kv_heads == 0, "Attention: heads must be a multiple of kv_heads");
  require(call, heads / kv_heads <= ROWS_MAX, "Attention: at most 96 heads may share keys");
  require(call, head_dim % LANES == 0 && head_dim <= HEAD_DIM_MAX, "Attention: head dimension must be a multiple of 16, at most 256");
  require(call, is_whole || keys.type == FLOATS || keys.type == SHORT_FLOATS, "Attention: keys must be floats of 32 or 16 bits, or bytes");
  require(call, !is_whole || capacity % LANES == 0, "Attention: slots of bytes must have whole blocks of 16 positions");
  require(call, values.type == keys.type, "Attention: keys and values must be of one type");
  require(call, (size_t)qkv.lengths[1] == width_of(&pass), "Attention: qkv has another width than heads and kv_heads say");
  require(call, (size_t)cos.lengths[0] >= capacity, "Attention: rotary tables are shorter than slots");
  for (size_t token = 0; token < tokens && call->failure == NULL; token++) {
    require(call, pass.slots[token] >= 0 && pass.slots[token] < keys.lengths[0], "Attention: there is no such slot");
    require(call, pass.positions[token] >= 0 && (size_t)pass.positions[token] < capacity, "Attention: a position is behind the slot's end");
  }
  if (call->failure != NULL) return;
  in_parallel(call, write_tokens, (tokens + TOKENS_AT_ONCE - 1) / TOKENS_AT_ONCE, (void *)&pass);
  int32_t starts[tokens + 1];
  size_t runs = 0;
  for (size_t first = 0; first < tokens; first = piece_end(&pass, first, ROWS_MAX * kv_heads / heads)) starts[runs++] = first;
  starts[runs] = tokens;
  Plan plan = {&pass, starts, runs * kv_heads};
  in_parallel(call, attend_piece, plan.pieces, &plan);
}

Operator attention = {
    .name = "Attention",
    .inputs = {FLOATS, -FLOATS, ANY, ANY, INTEGERS, INTEGERS, FLOATS, FLOATS},
    .outputs = {FLOATS},
    .integers = {"heads", "kv_heads", "interleaved", "window"},
    .compute = compute_attention,
};
