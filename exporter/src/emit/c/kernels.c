/* The kernels of generated C. Sums keep the order of docs/NUMERICS.md: groups of rows change where a sum is held, never what is
 * added to it next. */

/* Four numbers from one place to another. */
static inline void copy_four(float *to, const float *from)
{
    to[0] = from[0];
    to[1] = from[1];
    to[2] = from[2];
    to[3] = from[3];
}

/* Element i of what sums start from; +0 where there is nothing. */
static inline float start_of(const float *bias, size_t i)
{
    return (bias != NULL) ? bias[i] : 0.0f;
}

/* dst[sum of i*to] = src[sum of i*from], the last index running fastest. */
static void copy_strided(const size_t dims[4], const float *src, const size_t from[4], float *dst, const size_t to[4])
{
    size_t i0;
    size_t i1;
    size_t i2;
    size_t i3;
    for (i0 = 0U; i0 < dims[0]; ++i0) {
        for (i1 = 0U; i1 < dims[1]; ++i1) {
            for (i2 = 0U; i2 < dims[2]; ++i2) {
                for (i3 = 0U; i3 < dims[3]; ++i3) {
                    dst[i0 * to[0] + i1 * to[1] + i2 * to[2] + i3 * to[3]] =
                        src[i0 * from[0] + i1 * from[1] + i2 * from[2] + i3 * from[3]];
                }
            }
        }
    }
}

/* dst[o*inner + i] = sum over k of src[(o*len + k)*inner + i], k ascending from +0. */
static void add_up(size_t outer, size_t len, size_t inner, const float *src, float *dst)
{
    size_t o;
    size_t i;
    size_t k;
    for (o = 0U; o < outer; ++o) {
        for (i = 0U; i < inner; ++i) {
            float sum = 0.0f;
            for (k = 0U; k < len; ++k) {
                sum += src[(o * len + k) * inner + i];
            }
            dst[o * inner + i] = sum;
        }
    }
}

/* dst[b, r, c] = sum over k of lhs[b, r, k]*rhs[b, k, c], k ascending from +0; sizes are batch, rows, inner, columns. */
static void multiply_strided(const size_t sizes[4], const float *lhs, const size_t left[3], const float *rhs,
                             const size_t right[3], float *dst)
{
    size_t b;
    size_t r;
    size_t c;
    size_t k;
    for (b = 0U; b < sizes[0]; ++b) {
        for (r = 0U; r < sizes[1]; ++r) {
            for (c = 0U; c < sizes[3]; ++c) {
                float sum = 0.0f;
                for (k = 0U; k < sizes[2]; ++k) {
                    sum += product(lhs[b * left[0] + r * left[1] + k * left[2]], rhs[b * right[0] + k * right[1] + c * right[2]]);
                }
                dst[(b * sizes[1] + r) * sizes[3] + c] = sum;
            }
        }
    }
}

/* What replaces four numbers by their function. */
typedef void (*quad_function)(float values[4]);

/* No activation. */
static inline void identity(float values[4])
{
    (void)values;
}

/* Slope 1. */
static inline float straight(float factor, float y)
{
    (void)y;
    return factor;
}

/* Slope y. */
static inline float by_value(float factor, float y)
{
    return factor * y;
}

/* Slope 1 - y^2. */
static inline float by_one_minus_square(float factor, float y)
{
    return factor * (1.0f - y * y);
}

/* Slope y (1 - y). */
static inline float by_logistic(float factor, float y)
{
    return factor * (y * (1.0f - y));
}

/* Four sums with the terms of one column added. */
static inline void add_column(const float *column, float x, float sums[4])
{
    const float a = product(column[0], x);
    const float b = product(column[1], x);
    const float c = product(column[2], x);
    const float d = product(column[3], x);
    sums[0] += a;
    sums[1] += b;
    sums[2] += c;
    sums[3] += d;
}

/* The same for four columns, one after the other. */
static inline void add_columns(const float *tile, const float x[4], float sums[4])
{
    add_column(&tile[0], x[0], sums);
    add_column(&tile[4], x[1], sums);
    add_column(&tile[8], x[2], sums);
    add_column(&tile[12], x[3], sums);
}

/* sums[r] += sum over c of W[r][c]*src[c], c ascending, for a group of four rows. */
static inline void add_products(const float *restrict group, const float *restrict src, size_t cols, float sums[4])
{
    const size_t whole = cols - (cols % 4U);
    float held[4];
    size_t col;
    copy_four(held, sums);
    for (col = 0U; col < whole; col += 4U) {
        float x[4];
        copy_four(x, &src[col]);
        add_columns(&group[4U * col], x, held);
    }
    for (col = whole; col < cols; ++col) {
        add_column(&group[4U * col], src[col], held);
    }
    copy_four(sums, held);
}

/* The same for the rows that are left, fewer than four; all four sums are set, the ones that do not exist to anything. */
static void add_products_ragged(const float *columns, const float *src, size_t cols, size_t rest, const float *bias,
                                float sums[4])
{
    size_t col;
    size_t k;
    for (k = 0U; k < 4U; ++k) {
        float sum = (k < rest) ? start_of(bias, k) : 0.0f;
        for (col = 0U; (k < rest) && (col < cols); ++col) {
            sum += product(columns[col * rest + k], src[col]);
        }
        sums[k] = sum;
    }
}

/* Sums of four columns with the terms of one row added. */
static inline void add_row(const float *tile, float factor, float sums[4])
{
    const float a = product(tile[0], factor);
    const float b = product(tile[4], factor);
    const float c = product(tile[8], factor);
    const float d = product(tile[12], factor);
    sums[0] += a;
    sums[1] += b;
    sums[2] += c;
    sums[3] += d;
}

/* One sum with the terms of a group's four rows. */
static inline float with_rows(const float *column, const float factors[4], float sum)
{
    const float a = product(column[0], factors[0]);
    const float b = product(column[1], factors[1]);
    const float c = product(column[2], factors[2]);
    const float d = product(column[3], factors[3]);
    return (((sum + a) + b) + c) + d;
}

/* sums[c] += W[r][c]*factors[r] for a group of four rows, r ascending. */
static inline void add_rows(const float *restrict group, const float factors[4], size_t cols, float *restrict sums)
{
    const size_t whole = cols - (cols % 4U);
    size_t col;
    for (col = 0U; col < whole; col += 4U) {
        float held[4];
        copy_four(held, &sums[col]);
        add_row(&group[4U * col], factors[0], held);
        add_row(&group[4U * col + 1U], factors[1], held);
        add_row(&group[4U * col + 2U], factors[2], held);
        add_row(&group[4U * col + 3U], factors[3], held);
        copy_four(&sums[col], held);
    }
    for (col = whole; col < cols; ++col) {
        sums[col] = with_rows(&group[4U * col], factors, sums[col]);
    }
}

/* The same for the rows that are left. */
static void add_rows_ragged(const float *columns, const float *factors, size_t cols, size_t rest, float *sums)
{
    size_t col;
    size_t k;
    for (col = 0U; col < cols; ++col) {
        float sum = sums[col];
        for (k = 0U; k < rest; ++k) {
            sum += product(columns[col * rest + k], factors[k]);
        }
        sums[col] = sum;
    }
}

/* dst = f(W*src + bias). */
static inline void forward(const float *panel, const float *bias, const float *src, float *dst, size_t rows, size_t cols,
                           quad_function f)
{
    const size_t full = rows - (rows % 4U);
    size_t row;
    size_t k;
    float sums[4];
    for (row = 0U; row < full; row += 4U) {
        for (k = 0U; k < 4U; ++k) {
            sums[k] = start_of(bias, row + k);
        }
        add_products(&panel[row * cols], src, cols, sums);
        f(sums);
        for (k = 0U; k < 4U; ++k) {
            dst[row + k] = sums[k];
        }
    }
    if (full < rows) {
        add_products_ragged(&panel[full * cols], src, cols, rows - full, (bias != NULL) ? &bias[full] : NULL, sums);
        f(sums);
        for (k = full; k < rows; ++k) {
            dst[k] = sums[k - full];
        }
    }
}

/* dst = transposed W*(src times slope), the slope from `values`. */
static inline void adjoint(const float *panel, const float *src, const float *values, float *dst, size_t rows, size_t cols,
                           float (*sloped)(float, float))
{
    const size_t full = rows - (rows % 4U);
    size_t row;
    size_t k;
    float factors[4];
    for (k = 0U; k < cols; ++k) {
        dst[k] = 0.0f;
    }
    for (row = 0U; row < rows; row += 4U) {
        for (k = 0U; (k < 4U) && ((row + k) < rows); ++k) {
            factors[k] = sloped(src[row + k], start_of(values, row + k));
        }
        if (row < full) {
            add_rows(&panel[row * cols], factors, cols, dst);
        } else {
            add_rows_ragged(&panel[row * cols], factors, cols, rows - full, dst);
        }
    }
}

/* dst = transposed W*(factor times slope(f(W*src + bias))), each group of rows while its weights are at hand. */
static inline void gradient(const float *panel, const float *bias, const float *factor, const float *src, float *dst,
                            size_t rows, size_t cols, quad_function f, float (*sloped)(float, float))
{
    const size_t full = rows - (rows % 4U);
    size_t row;
    size_t k;
    float values[4];
    for (k = 0U; k < cols; ++k) {
        dst[k] = 0.0f;
    }
    for (row = 0U; row < full; row += 4U) {
        for (k = 0U; k < 4U; ++k) {
            values[k] = start_of(bias, row + k);
        }
        add_products(&panel[row * cols], src, cols, values);
        f(values);
        for (k = 0U; k < 4U; ++k) {
            values[k] = sloped(factor[row + k], values[k]);
        }
        add_rows(&panel[row * cols], values, cols, dst);
    }
    if (full < rows) {
        add_products_ragged(&panel[full * cols], src, cols, rows - full, (bias != NULL) ? &bias[full] : NULL, values);
        f(values);
        for (k = full; k < rows; ++k) {
            values[k - full] = sloped(factor[k], values[k - full]);
        }
        add_rows_ragged(&panel[full * cols], values, cols, rows - full, dst);
    }
}
