#include "operator.h"
#ifdef __RDPID__
#include <immintrin.h>
#endif
#include "tiles.h"

struct Node {
  const Operator *operator;
  const OrtApi *api;
  int64_t integers[ATTRIBUTES_MAX];
  float number;
  /* Inputs that are the same in all runs; without data those that are not. */
  Tensor constants[INPUTS_MAX];
};

static void keep(Call *call, OrtStatus *status) {
  if (call->failure == NULL) call->failure = status;
}

static OrtStatus *read(const OrtApi *api, const OrtValue *value, Tensor *tensor) {
  const int64_t *lengths = NULL;
  OrtStatus *status = TYPE_AND_SHAPE(api)(value, &tensor->type, &lengths, &tensor->rank);
  if (status != NULL) return status;
  for (size_t i = 0; i < tensor->rank && i < RANK_MAX; i++) tensor->lengths[i] = lengths[i];
  return TENSOR_DATA(api)((OrtValue *)value, &tensor->data);
}

Tensor input_of(Call *call, size_t index, size_t rank) {
  const Tensor none = {0};
  if (call->failure != NULL) return none;
  Tensor tensor = call->node->constants[index];
  if (tensor.data == NULL) {
    const OrtValue *value = NULL;
    keep(call, INPUT(call->api)(call->context, index, &value));
    if (call->failure != NULL || value == NULL) return none;
    keep(call, read(call->api, value, &tensor));
  }
  require(call, tensor.rank == rank, "an input has another number of dimensions than its operator reads");
  return call->failure == NULL ? tensor : none;
}

void *output_of(Call *call, size_t index, const int64_t *lengths, size_t rank) {
  OrtValue *value = NULL;
  void *data = NULL;
  if (call->failure == NULL) keep(call, OUTPUT(call->api)(call->context, index, lengths, rank, &value));
  if (call->failure == NULL && value != NULL) keep(call, TENSOR_DATA(call->api)(value, &data));
  return data;
}

void require(Call *call, int holds, const char *message) {
  if (!holds && call->failure == NULL) call->failure = CREATE_STATUS(call->api)(INVALID_ARGUMENT, message);
}

/* The half of the processor that this runs on; where nobody can say, those of a half need not be the same twice. */
static size_t own_half(size_t index) {
#ifdef __RDPID__
  return _rdpid_u32() % 2;
#else
  return index % 2;
#endif
}

typedef struct {
  void (*part)(void *, size_t);
  void *state;
  Halves halves;
} Work;

static void enter(void *state, size_t index) {
  const Work *work = state;
  work->part(work->state, own_half(index));
}

void on_threads(Call *call, void (*part)(void *, size_t), size_t count, void *state) {
  Work work = {.part = part, .state = state};
  const size_t threads = count < THREADS_MAX ? count : THREADS_MAX;
  if (count == 1) part(state, 0);
  else if (count > 1) keep(call, PARALLEL_FOR(call->api)(call->context, enter, threads, threads, &work));
}

static void claim_pieces(void *state, size_t half) {
  Work *work = state;
  for (size_t index = claim(&work->halves, half); index != NO_PIECE; index = claim(&work->halves, half)) {
    work->part(work->state, index);
  }
}

void in_parallel(Call *call, void (*part)(void *, size_t), size_t count, void *state) {
  Work work = {part, state, halves_of(count)};
  on_threads(call, claim_pieces, count, &work);
}

static OrtStatus *read_constants(Node *node, const OrtKernelInfo *info) {
  for (size_t i = 0; node->operator->inputs[i] != 0; i++) {
    int is_constant = 0;
    const OrtValue *value = NULL;
    node->constants[i] = (Tensor){0};
    OrtStatus *status = CONSTANT_INPUT(node->api)(info, i, &is_constant, &value);
    if (status == NULL && is_constant) status = read(node->api, value, &node->constants[i]);
    if (status != NULL) return status;
  }
  return NULL;
}

static OrtStatus *create(const OrtCustomOp *base, const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
  const Operator *operator = (const Operator *)base;
  OrtAllocator *allocator = NULL;
  Node *node = NULL;
  OrtStatus *status = ALLOCATOR(api)(&allocator);
  if (status == NULL) status = ALLOCATE(api)(allocator, sizeof(Node), (void **)&node);
  if (status != NULL) return status;
  node->operator = operator;
  node->api = api;
  for (size_t i = 0; operator->integers[i] != NULL && status == NULL; i++) {
    status = INTEGER_ATTRIBUTE(api)(info, operator->integers[i], &node->integers[i]);
  }
  if (operator->number != NULL && status == NULL) status = FLOAT_ATTRIBUTE(api)(info, operator->number, &node->number);
  if (status == NULL) status = read_constants(node, info);
  if (status == NULL) *kernel = node;
  else FREE(api)(allocator, node);
  return status;
}

static OrtStatus *compute(void *kernel, OrtKernelContext *context) {
  const Node *node = kernel;
  Call call = {.api = node->api, .context = context, .node = node, .integers = node->integers, .number = node->number};
  node->operator->compute(&call);
  return call.failure;
}

static void destroy(void *kernel) {
  const OrtApi *api = ((Node *)kernel)->api;
  OrtAllocator *allocator = NULL;
  if (ALLOCATOR(api)(&allocator) == NULL) FREE(api)(allocator, kernel);
}

static const char *name_of(const OrtCustomOp *op) { return ((const Operator *)op)->name; }
static const char *provider_of(const OrtCustomOp *op) { return "CPUExecutionProvider"; }
static size_t count_of(const int *types) {
  size_t count = 0;
  while (types[count] != 0) count++;
  return count;
}
static int type_of(int type) { return type == ANY ? 0 : type < 0 ? -type : type; }
static size_t input_count(const OrtCustomOp *op) { return count_of(((const Operator *)op)->inputs); }
static int input_type(const OrtCustomOp *op, size_t index) { return type_of(((const Operator *)op)->inputs[index]); }
static int input_kind(const OrtCustomOp *op, size_t index) { return ((const Operator *)op)->inputs[index] < 0 ? OPTIONAL : REQUIRED; }
static size_t output_count(const OrtCustomOp *op) { return count_of(((const Operator *)op)->outputs); }
static int output_type(const OrtCustomOp *op, size_t index) { return ((const Operator *)op)->outputs[index]; }
static int output_kind(const OrtCustomOp *op, size_t index) { return REQUIRED; }
static int memory_of(const OrtCustomOp *op, size_t index) { return 0; }
static int first_version(const OrtCustomOp *op) { return 1; }
static int last_version(const OrtCustomOp *op) { return 1; }

static OrtStatus *add(const OrtApi *api, OrtCustomOpDomain *domain, Operator *operator) {
  operator->base = (OrtCustomOp){
      .version = OPERATOR_VERSION,
      .GetName = name_of,
      .GetExecutionProviderType = provider_of,
      .GetInputType = input_type,
      .GetInputTypeCount = input_count,
      .GetInputCharacteristic = input_kind,
      .GetInputMemoryType = memory_of,
      .GetOutputType = output_type,
      .GetOutputTypeCount = output_count,
      .GetOutputCharacteristic = output_kind,
      .KernelDestroy = destroy,
      .CreateKernelV2 = create,
      .KernelComputeV2 = compute,
      .GetStartVersion = first_version,
      .GetEndVersion = last_version,
  };
  return DOMAIN_ADD(api)(domain, &operator->base);
}

/* Called by the runtime for every session that is to know these operators. */
__attribute__((visibility("default"))) OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base) {
  /* One for all sessions: a domain only points at the operators, which are the library's. */
  static OrtCustomOpDomain *domain;
  const OrtApi *api = base->GetApi(API_VERSION);
  if (domain == NULL) {
    ask_for_tiles();
    OrtCustomOpDomain *created = NULL;
    OrtStatus *status = CREATE_DOMAIN(api)("sluice", &created);
    Operator *const operators[] = {&attention, &linear, &norm_quantize, &quantize_rows, &linear_gate, &look_up, &pick};
    for (size_t i = 0; i < sizeof(operators) / sizeof(*operators) && status == NULL; i++) {
      status = add(api, created, operators[i]);
    }
    if (status != NULL) return status;
    domain = created;
  }
  return ADD_DOMAIN(api)(options, domain);
}
