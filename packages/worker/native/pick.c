/*
 * What is to be known of rows of logits: the likeliest token of each, and of those that are sampled the likeliest tokens in
 * order, and the log of the sum of e to the power of logit / temperature. A row never sees another one.
 *
 * Of equal logits the first is likelier. What is no number is likelier than any number, so that whoever looks at the likeliest
 * token sees that there is one.
 */

#include "operator.h"
#include "vector.h"

/* Most candidates of a row, and segments that it is looked at in. */
enum { CANDIDATES_MAX = 128, SEGMENTS_MAX = 1024 };

/* Logits whose powers are added up in floats. */
enum { STRETCH = 1024 };

typedef uint32_t naturals __attribute__((vector_size(LANES * sizeof(uint32_t))));

/* The rank of minus infinity, and of the largest number that is finite. */
#define LOWEST_RANK INT32_MIN
#define FINITE_RANK 0x7effffff

typedef struct {
  const float *logits, *temperatures;
  /* Of each sampled row, which one it is. */
  const int64_t *sampled;
  int32_t *best, *candidate_ids;
  float *log_sum_exps, *candidate_logits;
  /* Logits of a row, and of a segment: whole vectors. */
  size_t vocabulary, segment;
  size_t sampled_rows, candidates;
} Picks;

/* The largest rank of each segment, and of the row; behind the last segment, up to a whole vector, the lowest there is. */
typedef struct {
  int32_t ranks[SEGMENTS_MAX];
  size_t count;
  int32_t largest;
  size_t first_largest;
} Maxima;

/* The largest `count` of what was added, the least of them in front; none is before its two children at 2 i + 1 and 2 i + 2. */
typedef struct {
  int64_t entries[CANDIDATES_MAX];
  size_t count, most;
} Heap;

/* Logits from `column` of a row, and minus infinity behind its end. */
INLINE floats logits_at(const Picks *picks, const float *row, size_t column) {
  if (column + LANES <= picks->vocabulary) return load(row + column);
  floats logits = all(-__builtin_inff());
  for (size_t i = 0; column + i < picks->vocabulary; i++) logits[i] = row[column + i];
  return logits;
}

/*
 * Integers that are ordered as numbers are: both zeros have the same one, and what is no number, of either sign, has one above all
 * others. From bits, since the compiler takes every float for a number.
 */
INLINE integers ranks_of(floats logits) {
  const naturals signs = (naturals)((integers)logits >> 31);
  /* A negative number is minus its magnitude's bits; shifting all down by 2^23 brings minus infinity to the lowest integer. */
  return (integers)((((naturals)logits ^ (signs & 0x7fffffff)) - signs) - 0x800000);
}

INLINE size_t segment_end(const Picks *picks, size_t segment) {
  const size_t end = (segment + 1) * picks->segment;
  return end < picks->vocabulary ? end : picks->vocabulary;
}

/* ── Likeliest token ─ */

static void find_maxima(const Picks *picks, const float *row, Maxima *maxima) {
  maxima->count = (picks->vocabulary + picks->segment - 1) / picks->segment;
  maxima->largest = LOWEST_RANK;
  maxima->first_largest = 0;
  for (size_t segment = 0; segment < maxima->count; segment++) {
    const size_t end = segment_end(picks, segment);
    integers ranks = (integers){0} + LOWEST_RANK;
    for (size_t column = segment * picks->segment; column < end; column += LANES) {
      ranks = __builtin_elementwise_max(ranks, ranks_of(logits_at(picks, row, column)));
    }
    const int32_t largest = __builtin_reduce_max(ranks);
    maxima->ranks[segment] = largest;
    if (largest <= maxima->largest) continue;
    maxima->largest = largest;
    maxima->first_largest = segment;
  }
  for (size_t segment = maxima->count; segment % LANES != 0; segment++) maxima->ranks[segment] = LOWEST_RANK;
}

static int32_t best_of(const Picks *picks, const float *row, const Maxima *maxima) {
  const size_t end = segment_end(picks, maxima->first_largest);
  for (size_t column = maxima->first_largest * picks->segment; column < end; column += LANES) {
    const integers are_best = ranks_of(logits_at(picks, row, column)) == maxima->largest;
    for (size_t i = 0; i < LANES; i++) {
      if (are_best[i]) return column + i;
    }
  }
  return 0;
}

/* ── Candidates ─ */

static void sink(Heap *heap, size_t at) {
  const int64_t entry = heap->entries[at];
  for (size_t child = 2 * at + 1; child < heap->count; child = 2 * at + 1) {
    if (child + 1 < heap->count && heap->entries[child + 1] < heap->entries[child]) child++;
    if (entry <= heap->entries[child]) break;
    heap->entries[at] = heap->entries[child];
    at = child;
  }
  heap->entries[at] = entry;
}

static void add(Heap *heap, int64_t entry) {
  if (heap->count < heap->most) {
    heap->entries[heap->count++] = entry;
    if (heap->count < heap->most) return;
    for (size_t at = heap->count / 2; at > 0; at--) sink(heap, at - 1);
  } else if (entry > heap->entries[0]) {
    heap->entries[0] = entry;
    sink(heap, 0);
  }
}

/* Puts entries in falling order; what is left is no heap. */
static void sort(Heap *heap) {
  while (heap->count > 1) {
    const int64_t least = heap->entries[0];
    heap->entries[0] = heap->entries[--heap->count];
    sink(heap, 0);
    heap->entries[heap->count] = least;
  }
}

/* The rank of the candidate with the lowest one is at least this: so many segments have one that reaches it. */
static int32_t floor_of(const Picks *picks, const Maxima *maxima) {
  uint32_t floor = (uint32_t)LOWEST_RANK;
  if (maxima->count < picks->candidates) return LOWEST_RANK;
  for (uint32_t step = 1u << 31; step > 0; step >>= 1) {
    integers below = {0};
    for (size_t segment = 0; segment < maxima->count; segment += LANES) {
      below += *(const loose_integers *)(maxima->ranks + segment) >= (int32_t)(floor + step);
    }
    if ((size_t)-__builtin_reduce_add(below) >= picks->candidates) floor += step;
  }
  return (int32_t)floor;
}

static void find_candidates(const Picks *picks, const float *row, const Maxima *maxima, float *logits, int32_t *ids) {
  Heap heap = {.most = picks->candidates};
  int32_t floor = floor_of(picks, maxima);
  for (size_t segment = 0; segment < maxima->count; segment++) {
    if (maxima->ranks[segment] < floor) continue;
    for (size_t column = segment * picks->segment; column < segment_end(picks, segment); column += LANES) {
      const integers ranks = ranks_of(logits_at(picks, row, column)), reach = ranks >= floor;
      if (__builtin_reduce_or(reach) == 0) continue;
      /* Of equal ranks the one with the lower id is the larger entry; so what is behind the row's end is never a candidate. */
      for (size_t i = 0; i < LANES; i++) {
        if (reach[i]) add(&heap, (int64_t)ranks[i] * (1ll << 32) + (uint32_t)~(column + i));
      }
      if (heap.count == heap.most && heap.entries[0] >> 32 > floor) floor = heap.entries[0] >> 32;
    }
  }
  sort(&heap);
  for (size_t i = 0; i < picks->candidates; i++) {
    ids[i] = (int32_t)~(uint32_t)heap.entries[i];
    logits[i] = row[ids[i]];
  }
}

/* ── Sum of powers ─ */

/* The natural logarithm of something above 0 that is not tiny, to 12 digits. */
static double logarithm(double value) {
  union {
    double value;
    uint64_t bits;
  } parts = {value};
  int64_t power = (int64_t)(parts.bits >> 52) - 1023;
  parts.bits = (parts.bits & 0xfffffffffffff) | 1023ull << 52;
  /* Between sqrt(1/2) and sqrt(2). */
  if (parts.value > 1.4142135623730951) {
    parts.value /= 2;
    power++;
  }
  const double ratio = (parts.value - 1) / (parts.value + 1), square = ratio * ratio;
  double series = 1.0 / 13;
  for (int odd = 11; odd > 0; odd -= 2) series = series * square + 1.0 / odd;
  return power * 0.6931471805599453 + 2 * ratio * series;
}

static float log_sum_exp(const Picks *picks, const float *row, const Maxima *maxima, float most, float temperature) {
  /* Infinity of either sign and what is no number are their own sum. */
  if (maxima->largest == LOWEST_RANK || maxima->largest > FINITE_RANK) return most;
  const float inverse = 1 / temperature;
  /* The likeliest token's power is 1, however low the temperature: 0 times infinity would not be 0. */
  const floats slope = all(inverse < __FLT_MAX__ ? inverse : __FLT_MAX__);
  double sum = 0;
  for (size_t first = 0; first < picks->vocabulary; first += STRETCH) {
    floats powers = all(0);
    for (size_t column = first; column < first + STRETCH && column < picks->vocabulary; column += LANES) {
      powers += exponential((logits_at(picks, row, column) - all(most)) * slope);
    }
    sum += sum_of(powers);
  }
  return (float)((double)most / temperature + logarithm(sum));
}

/* ── All of it ─ */

static void pick_row(void *state, size_t index) {
  const Picks *picks = state;
  const float *row = picks->logits + index * picks->vocabulary;
  Maxima maxima;
  find_maxima(picks, row, &maxima);
  const int32_t best = best_of(picks, row, &maxima);
  picks->best[index] = best;
  const float *found_logits = NULL;
  const int32_t *found_ids = NULL;
  for (size_t at = 0; at < picks->sampled_rows; at++) {
    if ((size_t)picks->sampled[at] != index) continue;
    float *logits = picks->candidate_logits + at * picks->candidates;
    int32_t *ids = picks->candidate_ids + at * picks->candidates;
    picks->log_sum_exps[at] = log_sum_exp(picks, row, &maxima, row[best], picks->temperatures[at]);
    if (found_ids == NULL) find_candidates(picks, row, &maxima, logits, ids);
    for (size_t i = 0; found_ids != NULL && i < picks->candidates; i++) {
      logits[i] = found_logits[i];
      ids[i] = found_ids[i];
    }
    found_logits = logits;
    found_ids = ids;
  }
}

static void compute_pick(Call *call) {
  const Tensor logits = input_of(call, 0, 2), sampled = input_of(call, 1, 1), temperatures = input_of(call, 2, 2);
  const int64_t wanted_rows = logits.lengths[0], vocabulary = logits.lengths[1], sampled_rows = sampled.lengths[0];
  const int64_t candidates = call->integers[0];
  require(call, candidates > 0 && candidates <= CANDIDATES_MAX, "Pick: candidates must be 1 to 128");
  require(call, candidates <= vocabulary && vocabulary <= INT32_MAX, "Pick: there must be at least as many logits as candidates");
  require(call, temperatures.lengths[0] == sampled_rows && temperatures.lengths[1] == 1, "Pick: there must be a temperature for each sampled row");
  for (int64_t at = 0; at < sampled_rows && call->failure == NULL; at++) {
    const int64_t row = ((const int64_t *)sampled.data)[at];
    require(call, row >= 0 && row < wanted_rows, "Pick: a sampled row is not among the rows");
  }
  const size_t vectors = (vocabulary + LANES - 1) / LANES;
  Picks picks = {
      .logits = logits.data,
      .temperatures = temperatures.data,
      .sampled = sampled.data,
      .best = output_of(call, 0, (int64_t[]){wanted_rows}, 1),
      .log_sum_exps = output_of(call, 1, (int64_t[]){sampled_rows}, 1),
      .candidate_logits = output_of(call, 2, (int64_t[]){sampled_rows, candidates}, 2),
      .candidate_ids = output_of(call, 3, (int64_t[]){sampled_rows, candidates}, 2),
      .vocabulary = vocabulary,
      .segment = (vectors + SEGMENTS_MAX - 1) / SEGMENTS_MAX * LANES,
      .sampled_rows = sampled_rows,
      .candidates = candidates,
  };
  if (call->failure == NULL) in_parallel(call, pick_row, wanted_rows, &picks);
}

Operator pick = {
    .name = "Pick",
    .inputs = {FLOATS, LONG_INTEGERS, FLOATS},
    .outputs = {INTEGERS, FLOATS, FLOATS, INTEGERS},
    .integers = {"candidates"},
    .compute = compute_pick,
};
