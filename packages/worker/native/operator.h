#pragma once

#include "runtime.h"
#include "vector.h"

enum { ATTRIBUTES_MAX = 4, INPUTS_MAX = 9, OUTPUTS_MAX = 4, RANK_MAX = 4 };

/* What an operator's node keeps from when its graph is opened. */
typedef struct Node Node;

/* One run of an operator. */
typedef struct {
  const OrtApi *api;
  OrtKernelContext *context;
  const Node *node;
  const int64_t *integers;
  float number;
  /* The first thing that went wrong; what is asked for behind it is nothing. */
  OrtStatus *failure;
} Call;

/* A tensor, row-major. */
typedef struct {
  void *data;
  int type;
  size_t rank;
  int64_t lengths[RANK_MAX];
} Tensor;

/* An operator as the runtime knows it: the first member is what it is given. */
typedef struct {
  OrtCustomOp base;
  const char *name;
  /* Types of inputs, in order; negative where one may be left out. Ended by 0, as are outputs. */
  int inputs[INPUTS_MAX + 1];
  int outputs[OUTPUTS_MAX + 1];
  /* Names of its attributes, all required: integers, and one that is a float. */
  const char *integers[ATTRIBUTES_MAX + 1];
  const char *number;
  void (*compute)(Call *);
} Operator;

/* Input `index`, which has `rank` dimensions; without data where it was left out. */
Tensor input_of(Call *call, size_t index, size_t rank);

/* Memory for output `index`. */
void *output_of(Call *call, size_t index, const int64_t *lengths, size_t rank);

/* Has the run fail, with a message that says why, unless `holds`. */
void require(Call *call, int holds, const char *message);

/* Calls `part` for 0 to `count` - 1 on the threads of the session, in any order. */
void in_parallel(Call *call, void (*part)(void *state, size_t index), size_t count, void *state);

/*
 * Pieces 0 to `count` - 1 in two halves. Who claims pieces takes those of his own half as long as there are any: so the same
 * processor has the same tokens in one operator behind the other, and finds in its caches what it has written there itself.
 */
typedef struct {
  /* Of one half; in a line of its own, which only who has run out of pieces takes from another processor. */
  struct {
    size_t next, end;
  } __attribute__((aligned(64))) of[2];
} Halves;

enum { NO_PIECE = -1 };

/* Threads that share anything, at most. */
enum { THREADS_MAX = 64 };

INLINE Halves halves_of(size_t count) { return (Halves){{{0, count / 2}, {count / 2, count}}}; }

/* A piece that nobody has claimed, NO_PIECE where there is none. */
INLINE size_t claim(Halves *halves, size_t half) {
  for (size_t i = 0; i < 2; i++, half = !half) {
    if (__atomic_load_n(&halves->of[half].next, __ATOMIC_RELAXED) >= halves->of[half].end) continue;
    const size_t index = __atomic_fetch_add(&halves->of[half].next, 1, __ATOMIC_RELAXED);
    if (index < halves->of[half].end) return index;
  }
  return NO_PIECE;
}

/* Calls `part` on several threads, at most so many times, with the half that is the thread's own. */
void on_threads(Call *call, void (*part)(void *state, size_t half), size_t count, void *state);

extern Operator attention, linear, norm_quantize, quantize_rows, linear_gate, look_up, pick;
