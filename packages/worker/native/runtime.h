#pragma once

/*
 * What an operator needs of ONNX Runtime's C API. The table of functions only grows, so that a position in it never changes
 * (onnxruntime_c_api.h, struct OrtApi); all that is used is there since release 1.24. Of struct OrtCustomOp there is what release
 * 1.17 reads, and operators say that they are of it.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct OrtStatus OrtStatus;
typedef struct OrtValue OrtValue;
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtKernelContext OrtKernelContext;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtAllocator OrtAllocator;

typedef struct {
  void *functions[415];
} OrtApi;

typedef struct {
  const OrtApi *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} OrtApiBase;

enum { API_VERSION = 24, OPERATOR_VERSION = 17 };
enum { INVALID_ARGUMENT = 2 };
enum { REQUIRED = 0, OPTIONAL = 1 };
/* ANY: of whatever type its elements are. */
enum { FLOATS = 1, BYTES = 2, SIGNED_BYTES = 3, INTEGERS = 6, LONG_INTEGERS = 7, SHORT_FLOATS = 10, ANY = 100 };

#define CREATE_STATUS(api) ((OrtStatus * (*)(int code, const char *message))(api)->functions[0])
#define CREATE_DOMAIN(api) ((OrtStatus * (*)(const char *name, OrtCustomOpDomain **domain))(api)->functions[26])
#define DOMAIN_ADD(api) ((OrtStatus * (*)(OrtCustomOpDomain *, const OrtCustomOp *))(api)->functions[27])
#define ADD_DOMAIN(api) ((OrtStatus * (*)(OrtSessionOptions *, OrtCustomOpDomain *))(api)->functions[28])
#define TENSOR_DATA(api) ((OrtStatus * (*)(OrtValue *, void **data))(api)->functions[51])
#define ALLOCATE(api) ((OrtStatus * (*)(OrtAllocator *, size_t bytes, void **memory))(api)->functions[75])
#define FREE(api) ((OrtStatus * (*)(OrtAllocator *, void *memory))(api)->functions[76])
#define ALLOCATOR(api) ((OrtStatus * (*)(OrtAllocator **))(api)->functions[78])
#define FLOAT_ATTRIBUTE(api) ((OrtStatus * (*)(const OrtKernelInfo *, const char *name, float *value))(api)->functions[85])
#define INTEGER_ATTRIBUTE(api) ((OrtStatus * (*)(const OrtKernelInfo *, const char *name, int64_t *value))(api)->functions[86])
#define INPUT(api) ((OrtStatus * (*)(const OrtKernelContext *, size_t index, const OrtValue **value))(api)->functions[90])
#define OUTPUT(api) ((OrtStatus * (*)(OrtKernelContext *, size_t index, const int64_t *lengths, size_t count, OrtValue **value))(api)->functions[91])
/* The value, for as long as the session lives, of an input that is the same in all runs. */
#define CONSTANT_INPUT(api) ((OrtStatus * (*)(const OrtKernelInfo *, size_t index, int *is_constant, const OrtValue **value))(api)->functions[249])
#define PARALLEL_FOR(api) ((OrtStatus * (*)(const OrtKernelContext *, void (*)(void *, size_t), size_t total, size_t batches, void *))(api)->functions[274])
/* Lengths are the value's own. */
#define TYPE_AND_SHAPE(api) ((OrtStatus * (*)(const OrtValue *, int *type, const int64_t **lengths, size_t *rank))(api)->functions[414])

typedef struct OrtCustomOp OrtCustomOp;
struct OrtCustomOp {
  uint32_t version;
  void *(*CreateKernel)(const OrtCustomOp *, const OrtApi *, const OrtKernelInfo *);
  const char *(*GetName)(const OrtCustomOp *);
  const char *(*GetExecutionProviderType)(const OrtCustomOp *);
  int (*GetInputType)(const OrtCustomOp *, size_t index);
  size_t (*GetInputTypeCount)(const OrtCustomOp *);
  int (*GetOutputType)(const OrtCustomOp *, size_t index);
  size_t (*GetOutputTypeCount)(const OrtCustomOp *);
  void (*KernelCompute)(void *kernel, OrtKernelContext *);
  void (*KernelDestroy)(void *kernel);
  int (*GetInputCharacteristic)(const OrtCustomOp *, size_t index);
  int (*GetOutputCharacteristic)(const OrtCustomOp *, size_t index);
  int (*GetInputMemoryType)(const OrtCustomOp *, size_t index);
  int (*GetVariadicInputMinArity)(const OrtCustomOp *);
  int (*GetVariadicInputHomogeneity)(const OrtCustomOp *);
  int (*GetVariadicOutputMinArity)(const OrtCustomOp *);
  int (*GetVariadicOutputHomogeneity)(const OrtCustomOp *);
  OrtStatus *(*CreateKernelV2)(const OrtCustomOp *, const OrtApi *, const OrtKernelInfo *, void **kernel);
  OrtStatus *(*KernelComputeV2)(void *kernel, OrtKernelContext *);
  OrtStatus *(*InferOutputShape)(const OrtCustomOp *, void *context);
  int (*GetStartVersion)(const OrtCustomOp *);
  int (*GetEndVersion)(const OrtCustomOp *);
};
