/* The C interface of the native kernels: plain pointers in and out, no Python, no torch. */
#ifndef REPARAM_H
#define REPARAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REPARAM_ABI_VERSION 5

enum { REPARAM_FLOAT32 = 0, REPARAM_FLOAT64 = 1, REPARAM_INT64 = 2, REPARAM_BOOL = 3 };

/* What rows, or square matrices, can be checked for. */
enum { REPARAM_SIMPLEX = 0, REPARAM_LOWER_CHOLESKY = 1, REPARAM_POSITIVE_DEFINITE = 2 };

/* One evaluation. Element i of input j is in[j][i % period[j]]; where input j has rows of length k, its row i starts
 * at in[j] + (i % period[j]) * k; matrices are k * k numbers, row after row, and lie likewise. Values and their
 * gradients may be rows or matrices too. */
typedef struct {
  int64_t n; /* the number of elements, of rows or of matrices */
  int64_t k; /* the length of a row, 1 without rows */
  const void *const *in;
  const int64_t *period;
  void *value;          /* n values, or NULL */
  void *const *partial; /* NULL, or one array for each input: the partial derivatives times grad, NULL if not wanted */
  const void *grad;     /* n numbers with a period, or NULL, which stands for ones */
  int64_t grad_period;
  uint32_t reduced; /* bit j: partial[j] has period[j] elements, each summed over the repetitions of its input */
  int32_t *undefined; /* set to 1 where the function of some element does not exist */
} reparam_call;

/* Computes elements (or rows) begin <= i < end of a call. sums[j], for a reduced partial, takes its sums. */
typedef void (*reparam_kernel)(const reparam_call *call, int64_t begin, int64_t end, double *const *sums);

typedef struct {
  const char *name;
  int32_t inputs;
  uint32_t differentiable; /* bit j: the partial derivative in input j is offered */
  uint32_t summable;       /* bit j: that derivative can be summed over the repetitions of its input */
  uint32_t rows;           /* bit j: input j consists of rows of length k; bit `inputs`: the values do */
  uint32_t matrices;       /* likewise, of k x k matrices */
  uint32_t integers;       /* bit j: input j is int64 whatever the floating dtype */
  int32_t longest;         /* the largest k, 0 for any */
  int32_t grain;           /* the number of elements (of rows, over k) that pay for another thread */
  reparam_kernel run[2];   /* by dtype: REPARAM_FLOAT32, REPARAM_FLOAT64 */
} reparam_entry;

/* The instruction set in use, by name: "baseline", "avx2" or "avx512". Chosen once, from the processor and the
 * environment variable REPARAM_SIMD. */
const char *reparam_simd_level(void);

/* The entries of the level in use. */
const reparam_entry *reparam_entries(int32_t *count);

/* Runs an entry, on up to `threads` threads. 0 if some value does not exist (a matrix is not positive definite). */
int reparam_run(const reparam_entry *entry, int dtype, const reparam_call *call, int threads);

/* Do all n values lie in the closed range, and (if asked) are all of them whole? NaN never does. */
int reparam_all_within(int dtype, int64_t n, const void *values, double lower, double upper, int integer);

/* Are all n rows of length k, or k x k matrices, what `structure` says, up to a tolerance? */
int reparam_all_structured(int structure, int dtype, int64_t n, int64_t k, const void *values, double tolerance);

/* The standard laws whose quantiles have a closed form. */
enum {
  REPARAM_EXPONENTIAL = 0,
  REPARAM_GUMBEL = 1,
  REPARAM_LAPLACE = 2,
  REPARAM_LOGISTIC = 3,
  REPARAM_CAUCHY = 4,
  REPARAM_NOISES = 5
};

/* n standard draws of such a law. Draw i depends on key and i alone. */
void reparam_noise(int law, int dtype, int64_t n, uint64_t key, void *draws, int threads);

/* n categorical draws. Draw i is from row i % rows of weights, k of them (or their logarithms), which need not sum
 * to one; it depends on them, on key and on i alone. 0 if there is no memory for the rows' running sums. */
int reparam_categorical(int dtype, int logarithms, int64_t rows, int64_t k, int64_t n, const void *weights,
                        uint64_t key, int64_t *draws, int threads);

#ifdef __cplusplus
}
#endif

#endif
