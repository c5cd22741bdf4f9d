/* Calls every function once: what a bare machine links. A test looks for panics in it; it is not meant to be run. */
#include "hnn.h"

static const uint32_t blob[64] = {1};
static float workspace[64];
static HnnModel model;
volatile uint32_t outcome;
const char *volatile text;

int main(void)
{
    float state[2] = {1.0f, 0.0f}, dx[2], value;
    HnnInfo info;

    outcome = hnn_load(&model, blob, 64);
    outcome = hnn_info(&model, &info);
    outcome = hnn_bind(&model, workspace, 64);
    outcome = hnn_begin(&model, state, 2, state, 2);
    outcome = hnn_step(&model, state, 2, NULL, 0, 0.01f, &value);
    outcome = hnn_energy(&model, state, 2, &value);
    outcome = hnn_field(&model, state, 2, NULL, 0, dx, 2);
    text = hnn_error_name(outcome);
    text = hnn_scheme_name(info.scheme);
    return 0;
}
