//! Classical Runge–Kutta steps of positions and velocities.

/// Longest step, s. Coulomb friction makes rates up to 200 c/(π I), about 150 s⁻¹; stable up to 0.018 s.
const STEP_MAX_S: f64 = 0.006;
/// Most steps per row.
const SUBSTEPS_MAX: u32 = 1000;

/// Positions and velocities.
type State<const N: usize> = ([f64; N], [f64; N]);

/// Advances `[q, v]` by `dt` in steps of at most [`STEP_MAX_S`]; NaN where they leave the finite numbers.
pub(super) fn advance<const N: usize>(x: &mut [f64], dt: f64, acceleration: impl Fn(&[f64; N], &[f64; N]) -> [f64; N]) {
    let steps = (1..SUBSTEPS_MAX).find(|steps| dt <= STEP_MAX_S * f64::from(*steps)).unwrap_or(SUBSTEPS_MAX);
    let h = dt / f64::from(steps);
    let (mut q, mut v): State<N> = (std::array::from_fn(|at| x[at]), std::array::from_fn(|at| x[N + at]));
    for _ in 0..steps {
        let moved =
            |from: &[f64; N], h: f64, by: &[f64; N]| -> [f64; N] { std::array::from_fn(|at| from[at] + h * by[at]) };
        let a1 = acceleration(&q, &v);
        let v2 = moved(&v, h / 2.0, &a1);
        let a2 = acceleration(&moved(&q, h / 2.0, &v), &v2);
        let v3 = moved(&v, h / 2.0, &a2);
        let a3 = acceleration(&moved(&q, h / 2.0, &v2), &v3);
        let v4 = moved(&v, h, &a3);
        let a4 = acceleration(&moved(&q, h, &v3), &v4);
        let mean = |k: [&[f64; N]; 4]| -> [f64; N] {
            std::array::from_fn(|at| (k[0][at] + 2.0 * k[1][at] + 2.0 * k[2][at] + k[3][at]) / 6.0)
        };
        (q, v) = (moved(&q, h, &mean([&v, &v2, &v3, &v4])), moved(&v, h, &mean([&a1, &a2, &a3, &a4])));
    }
    let finite = q.iter().chain(&v).all(|value| value.is_finite());
    for (place, value) in x.iter_mut().zip(q.into_iter().chain(v)) {
        *place = if finite { value } else { f64::NAN };
    }
}
