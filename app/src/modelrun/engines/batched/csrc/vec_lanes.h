/* The loops of vec.c for one instruction set.  vec.c includes this file once for each, after it has
 * defined WIDTH (doubles in a register), TARGET (the attribute that allows the instructions) and
 * NAMED (the suffix of what is defined here).
 *
 * LANES doubles are one, two or four registers, each a variable of its own: vectors wider than the
 * registers would be split by the compiler, which GCC does by way of the stack.
 */
#if WIDTH == 8
#define EACH(DO) DO(0)
#elif WIDTH == 4
#define EACH(DO) DO(0) DO(1)
#else
#define EACH(DO) DO(0) DO(1) DO(2) DO(3)
#endif

#define Register NAMED(Register)
#define Mask NAMED(Mask)
#define Loose NAMED(Loose)
#define Lanes NAMED(Lanes)
#define load NAMED(load)
#define load_loose NAMED(load_loose)
#define store NAMED(store)
#define product NAMED(product)
#define sum NAMED(sum)
#define scaled NAMED(scaled)
#define add_product NAMED(add_product)
#define add_scaled NAMED(add_scaled)
#define subtract NAMED(subtract)
#define total NAMED(total)
#define some_dots NAMED(some_dots)
#define dots NAMED(dots)
#define magnitude NAMED(magnitude)

typedef double Register __attribute__((vector_size(8 * WIDTH), may_alias));
typedef long long Mask __attribute__((vector_size(8 * WIDTH)));
typedef double Loose __attribute__((vector_size(8 * WIDTH), aligned(8), may_alias));

typedef struct {
#define DO(I) Register part##I;
    EACH(DO)
#undef DO
} Lanes;

TARGET static INLINE Register magnitude(Register x)
{
    return (Register)((Mask)x & ((Mask){0} + 0x7FFFFFFFFFFFFFFF));
}

TARGET static INLINE Lanes load(const double *at)
{
    Lanes x;
#define DO(I) x.part##I = *(const Register *)(at + I * WIDTH);
    EACH(DO)
#undef DO
    return x;
}

TARGET static INLINE Lanes load_loose(const double *at)
{
    Lanes x;
#define DO(I) x.part##I = *(const Loose *)(at + I * WIDTH);
    EACH(DO)
#undef DO
    return x;
}

TARGET static INLINE void store(double *at, Lanes x)
{
#define DO(I) *(Register *)(at + I * WIDTH) = x.part##I;
    EACH(DO)
#undef DO
}

TARGET static INLINE Lanes product(Lanes x, Lanes y)
{
#define DO(I) x.part##I *= y.part##I;
    EACH(DO)
#undef DO
    return x;
}

TARGET static INLINE Lanes sum(Lanes x, Lanes y)
{
#define DO(I) x.part##I += y.part##I;
    EACH(DO)
#undef DO
    return x;
}

TARGET static INLINE Lanes scaled(double c, Lanes x)
{
#define DO(I) x.part##I *= c;
    EACH(DO)
#undef DO
    return x;
}

TARGET static INLINE void add_product(Lanes *to, Lanes x, Lanes y)
{
#define DO(I) to->part##I += x.part##I * y.part##I;
    EACH(DO)
#undef DO
}

TARGET static INLINE void add_scaled(Lanes *to, double c, Lanes x)
{
#define DO(I) to->part##I += c * x.part##I;
    EACH(DO)
#undef DO
}

TARGET static INLINE void subtract(Lanes *from, Lanes x)
{
#define DO(I) from->part##I -= x.part##I;
    EACH(DO)
#undef DO
}

TARGET static INLINE double total(Lanes x)
{
    double a[LANES] __attribute__((aligned(64)));
    store(a, x);
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}

TARGET LOCAL double NAMED(vec_dot)(const double *a, const double *b, ptrdiff_t n)
{
    Lanes s = {0};
    for (ptrdiff_t i = 0; i < n; i += LANES)
        add_product(&s, load(a + i), load(b + i));
    return total(s);
}

/* c[j] = sum_i q[j * ld + i] * (w[i] * v[i]), for j < count <= 4; w may be NULL.  Inlined with a
 * constant count: one sum alone would wait for its own additions. */
TARGET static INLINE void some_dots(const double *q, ptrdiff_t ld, int count, const double *v,
                                    const double *w, ptrdiff_t n, double *c)
{
    Lanes s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        Lanes x = w ? product(load(v + i), load(w + i)) : load(v + i);
        add_product(&s0, load(q + i), x);
        if (count > 1)
            add_product(&s1, load(q + ld + i), x);
        if (count > 2)
            add_product(&s2, load(q + 2 * ld + i), x);
        if (count > 3)
            add_product(&s3, load(q + 3 * ld + i), x);
    }
    c[0] = total(s0);
    if (count > 1)
        c[1] = total(s1);
    if (count > 2)
        c[2] = total(s2);
    if (count > 3)
        c[3] = total(s3);
}

TARGET static INLINE void dots(const double *q, ptrdiff_t ld, int k, const double *v,
                               const double *w, ptrdiff_t n, double *c)
{
    for (; k >= 4; k -= 4, q += 4 * ld, c += 4)
        some_dots(q, ld, 4, v, w, n, c);
    if (k == 3)
        some_dots(q, ld, 3, v, w, n, c);
    else if (k == 2)
        some_dots(q, ld, 2, v, w, n, c);
    else if (k == 1)
        some_dots(q, ld, 1, v, w, n, c);
}

TARGET LOCAL void NAMED(vec_dots)(const double *q, ptrdiff_t ld, int k, const double *v,
                                  ptrdiff_t n, double *c)
{
    dots(q, ld, k, v, NULL, n, c);
}

TARGET LOCAL void NAMED(vec_gram)(const double *q, ptrdiff_t ld, int k, const double *w,
                                  ptrdiff_t n, double *c)
{
    double part[4];
    for (ptrdiff_t from = 0; from < n; from += BLOCK) {
        ptrdiff_t rows = n - from < BLOCK ? n - from : BLOCK;
        const double *x = q + from;
        for (int j = 0; j < k; ++j)
            for (int m = 0; m <= j; m += 4) {
                int count = j + 1 - m < 4 ? j + 1 - m : 4;
                dots(x + m * ld, ld, count, x + j * ld, w + from, rows, part);
                for (int i = 0; i < count; ++i)
                    c[j * k + m + i] = from ? c[j * k + m + i] + part[i] : part[i];
            }
    }
}

TARGET LOCAL void NAMED(vec_multiply)(const double *a, const double *b, double *out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LANES)
        store(out + i, product(load(a + i), load(b + i)));
}

TARGET LOCAL void NAMED(vec_subtract)(const double *q, ptrdiff_t ld, int k, const double *c,
                                       double *v, ptrdiff_t n)
{
    int j = 0;
    for (; j + 4 <= k; j += 4) {
        const double *q0 = q + j * ld, *q1 = q0 + ld, *q2 = q1 + ld, *q3 = q2 + ld;
        for (ptrdiff_t i = 0; i < n; i += LANES) {
            Lanes x = load(v + i), first = scaled(c[j], load(q0 + i)),
                  second = scaled(c[j + 2], load(q2 + i));
            add_scaled(&first, c[j + 1], load(q1 + i));
            add_scaled(&second, c[j + 3], load(q3 + i));
            subtract(&x, sum(first, second));
            store(v + i, x);
        }
    }
    for (; j < k; ++j)
        for (ptrdiff_t i = 0; i < n; i += LANES) {
            Lanes x = load(v + i);
            subtract(&x, scaled(c[j], load(q + j * ld + i)));
            store(v + i, x);
        }
}

TARGET LOCAL void NAMED(vec_combine)(const double *q, ptrdiff_t ld, int k, const double *c,
                                      double *v, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        Lanes s = {0};
        for (int j = 0; j < k; ++j)
            add_scaled(&s, c[j], load(q + j * ld + i));
        store(v + i, s);
    }
}

TARGET LOCAL void NAMED(vec_scale)(double *v, double factor, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LANES)
        store(v + i, scaled(factor, load(v + i)));
}

TARGET LOCAL void NAMED(vec_leverage)(const double *q, ptrdiff_t ld, int k, double *h, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        Lanes s = {0};
        for (int j = 0; j < k; ++j)
            add_product(&s, load(q + j * ld + i), load(q + j * ld + i));
        store(h + i, s);
    }
}

TARGET LOCAL void NAMED(vec_filter)(const double *u, const double *weight, int lags, double *z,
                                     ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        Lanes s = scaled(weight[0], load(u + i));
        for (int l = 1; l <= lags; ++l)
            add_scaled(&s, weight[l], load_loose(u + i - l));
        store(z + i, s);
    }
}

TARGET LOCAL void NAMED(vec_check_weights)(const double *y, const double *fitted, double q,
                                           double *w, ptrdiff_t n)
{
    const Register zero = {0}, least = zero + 0.000001;
    for (ptrdiff_t i = 0; i < n; i += WIDTH) {
        Register r = *(const Register *)(y + i) - *(const Register *)(fitted + i);
        Register size = magnitude(r);
        Mask small = size < least, negative = r < zero;
        size = (Register)((small & (Mask)least) | (~small & (Mask)size));
        Mask factor = (negative & (Mask)(zero + q)) | (~negative & (Mask)(zero + (1 - q)));
        *(Register *)(w + i) = 1.0 / (size * (Register)factor);
    }
}

TARGET LOCAL int NAMED(vec_signs_turn)(const double *y, const double *fitted, const double *other,
                                       double limit, double least, ptrdiff_t n)
{
    const Register zero = {0};
    Mask found = {0};
    for (ptrdiff_t i = 0; i < n; i += WIDTH) {
        Register at = *(const Register *)(fitted + i);
        Register size = magnitude(*(const Register *)(y + i) - at);
        Register apart = magnitude(at - *(const Register *)(other + i));
        found |= (size < zero + limit) & (size < apart) & (zero + least < apart);
    }
    long long any = 0;
    for (int k = 0; k < WIDTH; ++k)
        any |= found[k];
    return any != 0;
}

#undef WIDTH
#undef TARGET
#undef NAMED
#undef EACH
