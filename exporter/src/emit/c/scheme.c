/* The step of generated C. The state lies at the start of the workspace, where no entry writes; so a step changes it in place
 * and hands it out when it is finite. Names in capitals and the entries are the model's. */

/* The larger of two; a NaN on the right is passed over. */
static inline float larger(float a, float b)
{
    return (b > a) ? b : a;
}

/* The larger of two, except that what is not finite stays so: a NaN is never lost. */
static inline float largest(float a, float b)
{
    return ((a >= b) || !is_finite(a)) ? a : b;
}

/* values[k] += h*rates[k]. */
static void add_scaled(float *values, float h, const float *rates)
{
    size_t k;
    for (k = 0U; k < DOF; ++k) {
        values[k] += h * rates[k];
    }
}

/* Kicks and drifts. */
static float splitting(float *w)
{
    size_t i;
    for (i = 0U; i < MOVES_LEN; ++i) {
        if (move_is_kick[i]) {
            add_scaled(&w[DOF], move_length[i], force(w));
        } else {
            add_scaled(&w[0], move_length[i], velocity(w));
        }
    }
    return 0.0f;
}

/* The implicit midpoint rule; the residual is the largest change in the last iteration. */
static float midpoint(float *w)
{
    float start[2 * DOF];
    float end[2 * DOF];
    float residual = 0.0f;
    size_t i;
    size_t k;
    for (k = 0U; k < (2U * DOF); ++k) {
        start[k] = w[k];
        end[k] = w[k];
    }
    for (i = 0U; i < ITERATIONS; ++i) {
        const float *rates;
        for (k = 0U; k < (2U * DOF); ++k) {
            w[k] = (start[k] + end[k]) * 0.5f;
        }
        rates = field(w);
        residual = 0.0f;
        for (k = 0U; k < (2U * DOF); ++k) {
            const float next = start[k] + DT * rates[k];
            residual = larger(residual, absolute(next - end[k]));
            end[k] = next;
        }
    }
    for (k = 0U; k < (2U * DOF); ++k) {
        w[k] = end[k];
    }
    return residual;
}

/* R where a dissipation begins. */
static void freeze(float *w, float *r)
{
    const float *now = damping(w);
    size_t k;
    for (k = 0U; k < R_LEN; ++k) {
        r[k] = now[k];
    }
}

/* p[k] *= exp(-h*r[k]*A[k][k]). */
static int dissipate_exactly(float *w, float h, float *residual)
{
    float r[R_LEN];
    size_t k;
    freeze(w, r);
    for (k = 0U; k < DOF; ++k) {
        w[DOF + k] *= exp_of(-(h * (r[k] * inverse_mass[k * (DOF + 1U)])));
    }
    *residual = 0.0f;
    return STEP_OK;
}

/* matrix*vector, each sum from +0 with ascending column. */
static void multiply(const float *matrix, const float *vector, float *result)
{
    size_t row;
    size_t col;
    for (row = 0U; row < DOF; ++row) {
        float sum = 0.0f;
        for (col = 0U; col < DOF; ++col) {
            sum += matrix[row * DOF + col] * vector[col];
        }
        result[row] = sum;
    }
}

/* R*vector, R a diagonal or a matrix. */
static void apply(const float *r, const float *vector, float *result)
{
#if R_LEN == DOF
    size_t k;
    for (k = 0U; k < DOF; ++k) {
        result[k] = r[k] * vector[k];
    }
#else
    multiply(r, vector, result);
#endif
}

/* Maximum absolute sum of `cols` consecutive elements. */
static float norm(const float *matrix, size_t len, size_t cols)
{
    float result = 0.0f;
    size_t first;
    size_t col;
    for (first = 0U; first < len; first += cols) {
        float sum = 0.0f;
        for (col = 0U; col < cols; ++col) {
            sum += absolute(matrix[first + col]);
        }
        result = largest(result, sum);
    }
    return result;
}

/* p becomes exp(-h R A) p by a Taylor sum over substeps. */
static int dissipate_by_series(float *w, float h, float *residual)
{
    float r[R_LEN];
    float term[DOF];
    float rate[DOF];
    float next[DOF];
    const float substep = 0.25f * h;
    float bound;
    size_t i;
    size_t k;
    uint32_t order;
    freeze(w, r);
    bound = absolute(h) * (norm(r, R_LEN, (R_LEN == DOF) ? 1U : DOF) * norm(inverse_mass, DOF * DOF, DOF));
    /* Written so that a NaN is refused as well. */
    if (!(bound <= 4.0f)) {
        return STEP_TOO_STIFF;
    }
    for (i = 0U; i < 4U; ++i) {
        for (k = 0U; k < DOF; ++k) {
            term[k] = w[DOF + k];
        }
        for (order = 1U; order <= 8U; ++order) {
            const float factor = -(substep / (float)order);
            multiply(inverse_mass, term, rate);
            apply(r, rate, next);
            for (k = 0U; k < DOF; ++k) {
                term[k] = factor * next[k];
                w[DOF + k] += term[k];
            }
        }
    }
    *residual = 0.0f;
    return STEP_OK;
}

/* p' = p - h*R*dH/dp(q, (p + p')/2), by iteration from p; the residual is the largest change in the last one. */
static int dissipate_by_midpoint(float *w, float h, float *residual)
{
    float r[R_LEN];
    float start[DOF];
    float end[DOF];
    float rate[DOF];
    float drag[DOF];
    float first = 0.0f;
    float last = 0.0f;
    float size = 0.0f;
    size_t i;
    size_t k;
    freeze(w, r);
    for (k = 0U; k < DOF; ++k) {
        start[k] = w[DOF + k];
        end[k] = start[k];
    }
    for (i = 0U; i < 8U; ++i) {
        const float *rates;
        for (k = 0U; k < DOF; ++k) {
            w[DOF + k] = (start[k] + end[k]) * 0.5f;
        }
        rates = field(w);
        for (k = 0U; k < DOF; ++k) {
            rate[k] = rates[k];
        }
        apply(r, rate, drag);
        last = 0.0f;
        for (k = 0U; k < DOF; ++k) {
            const float next = start[k] - h * drag[k];
            last = largest(last, absolute(next - end[k]));
            end[k] = next;
        }
        first = (i == 0U) ? last : first;
    }
    for (k = 0U; k < DOF; ++k) {
        w[DOF + k] = end[k];
        size = largest(size, absolute(start[k]));
    }
    *residual = last;
    /* 2^-20 of the momenta, or 2^-30, is rounding. */
    if (!is_finite(first) || !(last <= larger(0.0625f * first, larger(0x1p-20f * size, 0x1p-30f)))) {
        return STEP_TOO_STIFF;
    }
    return STEP_OK;
}

/* One step of the state in the workspace. */
static int conservative_step(float *w, float *residual)
{
    *residual = conserve(w);
    return STEP_OK;
}

/* The conservative step with half a step of dissipation before and after. */
static int surrounded_step(float *w, float *residual)
{
    float before;
    float after;
    float between;
    int status = dissipate(w, 0.5f * DT, &before);
    if (status != STEP_OK) {
        return status;
    }
    between = conserve(w);
    status = dissipate(w, 0.5f * DT, &after);
    if (status != STEP_OK) {
        return status;
    }
    *residual = larger(between, larger(before, after));
    return STEP_OK;
}

/* Half a unit in the last place of 1, and other numbers that a compiler must not see through. */
static bool float_mode_is_right(void)
{
    volatile float one = 1.0f;
    volatile float half = 0x1p-24f;
    volatile float smallest = 0x1p-126f;
    volatile float subnormal = 0x1p-149f;
    volatile float factor = 1.0f + 0x1p-12f;
    volatile float square = 1.0f + 0x1p-11f;
    /* A tie goes to even, away from a tie to nearest, on both sides of zero: only round-to-nearest-even does all four. */
    const float up = one + half;
    const float down = -one - half;
    const float above = one + half * 1.5f;
    const float below = -one - half * 1.5f;
    const float halved = smallest * 0.5f;
    const float doubled = subnormal * 2.0f;
    const float added = subnormal + subnormal;
    /* (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24 rounds to 1 + 2^-11; a fused operation would keep the last term. */
    const float rest = factor * factor - square;
    return (bits_of(up) == 0x3f800000U) && (bits_of(down) == 0xbf800000U) && (bits_of(above) == 0x3f800001U)
        && (bits_of(below) == 0xbf800001U) && (bits_of(halved) == 0x00400000U) && (bits_of(doubled) == 2U)
        && (bits_of(added) == 2U) && (bits_of(rest) == 0U);
}

/* FNV-1a over the bits of one state. */
static uint64_t hashed(uint64_t hash, const float *values)
{
    size_t k;
    uint32_t shift;
    for (k = 0U; k < DOF; ++k) {
        for (shift = 0U; shift < 32U; shift += 8U) {
            hash = (hash ^ (uint64_t)((bits_of(values[k]) >> shift) & 0xffU)) * 0x100000001b3ULL;
        }
    }
    return hash;
}

/* FNV-1a over the bits of a table, number by number; volatile, so that it is over what lies in flash. */
static uint64_t mixed(uint64_t hash, const volatile float *table, size_t len)
{
    size_t k;
    for (k = 0U; k < len; ++k) {
        const float value = table[k];
        hash = (hash ^ (uint64_t)bits_of(value)) * 0x100000001b3ULL;
    }
    return hash;
}
