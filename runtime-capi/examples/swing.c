/* Steps a model from C and prints what `hnn simulate` and the manifest say of the same motion: H, final bits, trajectory hash.
 *
 *   swing MODEL.hnn STEPS Q1 ... QN P1 ... PN
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hnn.h"

#define BLOB_WORDS 65536
#define WORKSPACE_LEN 4096
#define STATE_LEN 256
#define INPUT_LEN 16

static uint32_t blob[BLOB_WORDS];
static float workspace[WORKSPACE_LEN];
static HnnModel model;

static int fail(const char *what, uint32_t error)
{
    fprintf(stderr, "%s: %s\n", what, hnn_error_name(error));
    return EXIT_FAILURE;
}

/* FNV-1a, 64 bits, over the bits of the numbers, little endian. */
static uint64_t hash(uint64_t value, const float *numbers, size_t len)
{
    for (size_t at = 0; at < len; at++) {
        uint32_t bits;
        memcpy(&bits, &numbers[at], sizeof bits);
        for (unsigned shift = 0; shift < 32; shift += 8) {
            value = (value ^ ((bits >> shift) & 0xffU)) * UINT64_C(0x100000001b3);
        }
    }
    return value;
}

static size_t read_blob(const char *path)
{
    unsigned char bytes[4];
    size_t len = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return 0;
    }
    while (len < BLOB_WORDS && fread(bytes, 1, 4, file) == 4) {
        blob[len++] = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    }
    fclose(file);
    return len;
}

int main(int argc, char **argv)
{
    float state[STATE_LEN], u[INPUT_LEN] = {0}, energy = 0.0f, residual = 0.0f;
    HnnInfo info;
    uint32_t error;

    if (argc < 3) {
        fprintf(stderr, "usage: swing MODEL.hnn STEPS Q1 ... QN P1 ... PN\n");
        return EXIT_FAILURE;
    }
    if ((error = hnn_load(&model, blob, read_blob(argv[1]))) != HNN_ERROR_NONE) {
        return fail("load", error);
    }
    if ((error = hnn_info(&model, &info)) != HNN_ERROR_NONE) {
        return fail("info", error);
    }
    if ((size_t)argc != 3 + 2 * info.dof || info.state_len > STATE_LEN || info.inputs > INPUT_LEN) {
        fprintf(stderr, "%zu numbers are needed\n", 2 * info.dof);
        return EXIT_FAILURE;
    }
    if ((error = hnn_bind(&model, workspace, WORKSPACE_LEN)) != HNN_ERROR_NONE) {
        return fail("bind", error);
    }
    for (size_t at = 0; at < 2 * info.dof; at++) {
        state[at] = strtof(argv[3 + at], NULL);
    }
    if ((error = hnn_begin(&model, state, 2 * info.dof, state, STATE_LEN)) != HNN_ERROR_NONE) {
        return fail("begin", error);
    }
    uint64_t value = hash(UINT64_C(0xcbf29ce484222325), state, info.state_len);
    for (long step = strtol(argv[2], NULL, 10); step > 0; step--) {
        error = hnn_step(&model, state, info.state_len, u, info.inputs, info.dt, &residual);
        if (error != HNN_ERROR_NONE) {
            return fail("step", error);
        }
        value = hash(value, state, info.state_len);
    }
    if ((error = hnn_energy(&model, state, info.state_len, &energy)) != HNN_ERROR_NONE) {
        return fail("energy", error);
    }
    printf("%s %016" PRIx64 "\n", hnn_scheme_name(info.scheme), value);
    for (size_t at = 0; at < info.state_len; at++) {
        uint32_t bits;
        memcpy(&bits, &state[at], sizeof bits);
        printf("%08" PRIx32 "\n", bits);
    }
    printf("%.9g\n", (double)energy);
    return EXIT_SUCCESS;
}
