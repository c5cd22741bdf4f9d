/* The runtime of learned Hamiltonian models, for C99 and later. Written by cbindgen; edit runtime-capi/src instead.
 *
 * hnn_load, hnn_info, hnn_bind, hnn_begin, then hnn_step as often as wanted. Nothing is allocated: the model, its workspace and the
 * blob lie where the caller puts them, and must stay there. Functions return an error code, 0 where all is well. */

#ifndef HNN_H
#define HNN_H

#include <stddef.h>
#include <stdint.h>

// What a function returns: 0 where all is well.
enum HnnError
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // All is well.
  HNN_ERROR_NONE = 0,
  // A pointer that must not be null is.
  HNN_ERROR_NULL_POINTER = 1,
  // A pointer is not aligned as its type asks for: 4 bytes, of a model 8.
  HNN_ERROR_MISALIGNED = 2,
  // The model has not been loaded, or its memory was not zero before it was.
  HNN_ERROR_NOT_LOADED = 3,
  // The model has no workspace yet.
  HNN_ERROR_NOT_BOUND = 4,
  // Workspace, model and blob share memory.
  HNN_ERROR_OVERLAP = 5,
  // A buffer is shorter than what is to be written to it.
  HNN_ERROR_SHORT_BUFFER = 6,
  // The processor's floating-point mode is not IEEE round-to-nearest with subnormals.
  HNN_ERROR_FLOAT_MODE = 7,
  // The blob is shorter than a header.
  HNN_ERROR_TOO_SHORT = 8,
  // The blob is larger than any reader accepts.
  HNN_ERROR_TOO_LARGE = 9,
  // It does not start with the bytes `HNN1`.
  HNN_ERROR_MAGIC = 10,
  // The blob has another format version.
  HNN_ERROR_VERSION = 11,
  // The blob is truncated or padded.
  HNN_ERROR_LENGTH = 12,
  // The blob is corrupt: its checksum does not match.
  HNN_ERROR_CHECKSUM = 13,
  // The blob holds a function, and a model is asked for.
  HNN_ERROR_FORM = 14,
  // The blob needs kernels that this build leaves out.
  HNN_ERROR_MISSING_KERNEL = 15,
  // A header field of the blob is out of range or contradicts another.
  HNN_ERROR_HEADER = 16,
  // An entry of the blob is missing, unexpected or out of range.
  HNN_ERROR_ENTRY = 17,
  // An instruction of the blob is not valid.
  HNN_ERROR_INSTRUCTION = 18,
  // The workspace holds fewer elements than the model needs.
  HNN_ERROR_WORKSPACE_TOO_SMALL = 19,
  // A state has another length than the model's.
  HNN_ERROR_STATE_LENGTH = 20,
  // The input has another length than the model's.
  HNN_ERROR_INPUT_LENGTH = 21,
  // The step would give a state that is not finite; the old one was kept.
  HNN_ERROR_NON_FINITE = 22,
  // Damping is too strong for this time step; the old state was kept.
  HNN_ERROR_DAMPING_TOO_STIFF = 23,
  // The scheme does not suit the model.
  HNN_ERROR_SCHEME = 24,
  // The runtime refused something that this interface never asks for.
  HNN_ERROR_INTERNAL = 25,
  // This build has room for fewer degrees of freedom.
  HNN_ERROR_CAPACITY = 26,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum HnnError HnnError;
#else
typedef uint32_t HnnError;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A loaded model. Its content is private; its memory is the caller's: static, or on the stack of a function that outlives its use. Set
// it to zero before hnn_load. It must not be moved or copied after that.
typedef struct HnnModel {
  uint64_t private_words[64];
} HnnModel;

// What is known of a loaded model.
typedef struct HnnInfo {
  // Degrees of freedom n.
  size_t dof;
  // Inputs m.
  size_t inputs;
  // Elements of a state: 2n, q before p; 4n for a scheme that keeps a copy of both.
  size_t state_len;
  // Elements of the workspace that hnn_bind wants.
  size_t workspace_len;
  // The time step the model was validated with, in seconds.
  float dt;
  // The code of its scheme, for hnn_scheme_name.
  uint32_t scheme;
} HnnInfo;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The text of an error code, in English; of a code that is none, that it is none. Never null, never to be freed.
const char *hnn_error_name(uint32_t code);

// Checks a blob completely and keeps it in `model`; `words` must stay readable and unchanged as long as the model is used.
//
// # Safety
// `model` points to writable memory that nobody else uses; `words` to `len` readable words that outlive it.
HnnError hnn_load(struct HnnModel *model,
                  const uint32_t *words,
                  size_t len);

// Tells what is known of a loaded model.
//
// # Safety
// `model` is as hnn_load left it; `info` points to writable memory.
HnnError hnn_info(const struct HnnModel *model, struct HnnInfo *info);

// Gives a loaded model the memory it computes in, and sets it to zero.
//
// # Safety
// `model` is as hnn_load left it; `workspace` points to `len` writable elements that nobody else uses as long as the model is used.
HnnError hnn_bind(struct HnnModel *model,
                  float *workspace,
                  size_t len);

// Writes the state that a motion begins with, from `x`: q, then p, 2n elements. `state` has room for `state_len` elements and may be `x`.
//
// # Safety
// `model` is as hnn_load left it; `x` points to `x_len` readable elements, `state` to `room` writable ones.
HnnError hnn_begin(const struct HnnModel *model,
                   const float *x,
                   size_t x_len,
                   float *state,
                   size_t room);

// Makes one step of `dt` seconds with `u` held, in place. `residual`, which may be null, gets what an implicit scheme or a damping that
// iterates still changed last, else 0. A step that fails leaves the state as it was.
//
// # Safety
// `model` is as hnn_bind left it; `state` points to `state_len` elements that can be read and written, `u` to `u_len` readable
// ones or is null with 0.
HnnError hnn_step(struct HnnModel *model,
                  float *state,
                  size_t state_len,
                  const float *u,
                  size_t u_len,
                  float dt,
                  float *residual);

// Evaluates H at `x`: q, then p, 2n elements; of a longer state, its first 2n.
//
// # Safety
// `model` is as hnn_bind left it; `x` points to 2n readable elements at least, `energy` to a writable one.
HnnError hnn_energy(struct HnnModel *model,
                    const float *x,
                    size_t x_len,
                    float *energy);

// Evaluates the field at `x` with the input `u`, damping not included: dq, then dp, 2n elements.
//
// # Safety
// `model` is as hnn_bind left it; `x` points to 2n readable elements at least, `u` to `u_len` or is null with 0, `dx` to `room`
// writable ones.
HnnError hnn_field(struct HnnModel *model,
                   const float *x,
                   size_t x_len,
                   const float *u,
                   size_t u_len,
                   float *dx,
                   size_t room);

// The name of a scheme, as on the command line of `hnn`; of a code that is none, an empty text. Never null, never to be freed.
const char *hnn_scheme_name(uint32_t scheme);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HNN_H */
